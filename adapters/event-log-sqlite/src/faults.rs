//! Classifies SQLite's errors.

use lastseat_domain::ports::event_log::LogFault;
use rusqlite::{Error, ErrorCode};

/// Whether the error shows that the file is damaged.
pub(super) fn is_damage(error: &Error) -> bool {
    match error {
        Error::SqliteFailure(failure, _) => {
            matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation)
        }
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => true,
        _ => false,
    }
}

/// Whether the disk, or the file's size limit, is full.
pub(super) fn is_full(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// The fault of a call that changed nothing.
pub(super) fn fault(error: &Error) -> LogFault {
    if is_damage(error) {
        LogFault::Damaged(describe(error))
    } else if is_full(error) {
        LogFault::Unavailable(format!("no space left on the disk ({})", describe(error)))
    } else {
        LogFault::Unavailable(describe(error))
    }
}

/// SQLite's message and its extended code.
pub(super) fn describe(error: &Error) -> String {
    error.sqlite_extended_error_code().map_or_else(|| error.to_string(), |code| format!("{error} (SQLite code {code})"))
}
