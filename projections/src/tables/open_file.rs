//! A connection to the file, closed where that may take its time.

use super::fault::TablesFault;
use rusqlite::Connection;
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// A connection. The last one of a file that closes moves the write-ahead log into the file and waits for the disk: drop
/// it on a thread that may block.
pub(crate) struct OpenFile {
    connection: Connection,
    #[cfg(test)]
    _closing: super::tests::Closing,
}

impl OpenFile {
    /// A connection to the file at `path`.
    #[cfg_attr(not(test), expect(unused_variables, reason = "tests note where a file is closed"))]
    pub fn new(connection: Connection, path: &Path) -> Self {
        Self {
            connection,
            #[cfg(test)]
            _closing: super::tests::Closing::of(path),
        }
    }

    /// Closes it, and says what went wrong.
    pub fn close(self) -> Result<(), TablesFault> {
        self.connection.close().map_err(|(_, error)| TablesFault::from(error))
    }
}

impl Deref for OpenFile {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for OpenFile {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}
