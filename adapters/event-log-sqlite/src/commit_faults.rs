//! Injected failures of COMMIT, which tests can't cause from outside.

use parking_lot::Mutex;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::Arc;

/// Faults of the next commits.
pub(crate) type CommitFaults = Arc<Mutex<VecDeque<CommitFault>>>;

/// What a failing commit does to the file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CommitFault {
    /// The commit is durable, but reported as failed.
    Durable,
    /// Nothing was written.
    Lost,
    /// The writer thread panics.
    Panic,
    /// The writer thread panics after the commit, when its callers are answered.
    PanicAfter,
}

impl CommitFault {
    pub(crate) fn apply(self, connection: &Connection) -> rusqlite::Result<()> {
        assert!(!matches!(self, Self::Panic), "injected panic");
        if matches!(self, Self::Durable) {
            connection.execute_batch("COMMIT")?;
        }
        let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
        Err(rusqlite::Error::SqliteFailure(failure, Some("disk I/O error".to_owned())))
    }
}
