//! What can go wrong with the file of views.

use crate::error::ProjectionError;
use rusqlite::{Error, ErrorCode};

/// Why the file could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TablesFault {
    /// What is in it can't be right, so it has to be rebuilt from the log.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It may be read, not written.
    #[error("it is read-only: {0}")]
    ReadOnly(String),
    /// It may be right: the disk is full, a lock is held, a file can't be opened.
    #[error("{0}")]
    Failed(String),
}

impl From<Error> for TablesFault {
    fn from(error: Error) -> Self {
        if matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied)) {
            return Self::ReadOnly(error.to_string());
        }
        let is_damage = match &error {
            // `Unknown` is a statement that does not fit the tables.
            Error::SqliteFailure(cause, _) => {
                matches!(cause.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
            }
            Error::SqlInputError { .. }
            | Error::QueryReturnedNoRows
            | Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::InvalidColumnName(_)
            | Error::InvalidColumnIndex(_) => true,
            _ => false,
        };
        if is_damage { Self::Damaged(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

impl From<serde_json::Error> for TablesFault {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<std::io::Error> for TablesFault {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<TablesFault> for ProjectionError {
    fn from(fault: TablesFault) -> Self {
        Self::Tables(fault.to_string())
    }
}
