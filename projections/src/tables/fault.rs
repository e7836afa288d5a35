//! What can go wrong with the file of views.

use crate::error::ProjectionError;
use rusqlite::{Error, ErrorCode};

/// Why the file could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TablesFault {
    /// What is in it can't be right, so it has to be rebuilt from the log.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It is whole, and something in it has not the form that this program writes. It has to be rebuilt, too.
    #[error("it is not as this program writes it: {0}")]
    Unexpected(String),
    /// It may be read, not written.
    #[error("it is read-only: {0}")]
    ReadOnly(String),
    /// It may be right: the disk is full, a lock is held, a file can't be opened.
    #[error("{0}")]
    Failed(String),
}

impl TablesFault {
    /// Whether the file has to be rebuilt from the log. If not, it may be right.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Unexpected(_))
    }
}

impl From<Error> for TablesFault {
    fn from(error: Error) -> Self {
        if matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied)) {
            return Self::ReadOnly(error.to_string());
        }
        match &error {
            Error::SqliteFailure(cause, _) => match cause.code {
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(error.to_string()),
                // A statement that does not fit the tables.
                ErrorCode::Unknown => Self::Unexpected(error.to_string()),
                _ => Self::Failed(error.to_string()),
            },
            Error::SqlInputError { .. }
            | Error::QueryReturnedNoRows
            | Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::InvalidColumnName(_)
            | Error::InvalidColumnIndex(_) => Self::Unexpected(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for TablesFault {
    fn from(error: serde_json::Error) -> Self {
        Self::Unexpected(error.to_string())
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
