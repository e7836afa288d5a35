//! What can't be brought about from outside: a commit that fails.

use super::*;
use rusqlite::Connection;
use std::collections::VecDeque;

/// Faults of the next commits.
pub(super) type CommitFaults = Arc<Mutex<VecDeque<CommitFault>>>;

/// What a failing commit has done to the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum CommitFault {
    /// It is durable, and the error came after.
    Landed,
    /// Nothing was written.
    Lost,
}

impl CommitFault {
    pub(super) fn strike(self, connection: &Connection) -> rusqlite::Result<()> {
        if matches!(self, Self::Landed) {
            connection.execute_batch("COMMIT")?;
        }
        let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
        Err(rusqlite::Error::SqliteFailure(failure, Some("disk I/O error".to_owned())))
    }
}
