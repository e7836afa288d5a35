//! A consistent copy of a database that others may be writing to.

use crate::file_mode;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Wait for a program that has the file locked as a whole.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A copy could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// What is to be copied can't be read, or the copy not written.
    #[error("{} can't be copied to {}: {source}", from.display(), to.display())]
    Database {
        /// What is copied.
        from: PathBuf,
        /// The copy.
        to: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The copy's file can't be made or synced.
    #[error("{} can't be written: {source}", to.display())]
    File {
        /// The copy.
        to: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Copies a database as it is at one moment, and syncs the copy. Nobody who writes to it is held up: it has a write-ahead
/// log. The copy must not be there yet; it is for its owner only. Blocks.
///
/// # Errors
/// [`CopyError`]; then a part of the copy may be there.
pub fn copy_database(from: &Path, to: &Path) -> Result<(), CopyError> {
    let file_error = |source| CopyError::File { to: to.to_owned(), source };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    file_mode::for_owner(&mut options);
    // Made first, for SQLite would make it readable for others.
    let file = options.open(to).map_err(file_error)?;
    copy(from, to).map_err(|source| CopyError::Database { from: from.to_owned(), to: to.to_owned(), source })?;
    file.sync_all().map_err(file_error)
}

fn copy(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    source.busy_timeout(BUSY_TIMEOUT)?;
    let mut copy = Connection::open(to)?;
    // All pages in one step: between two, a writer in another process would make it begin again.
    loop {
        match Backup::new(&source, &mut copy)?.step(-1)? {
            StepResult::Done => break,
            // Somebody holds the whole file for a moment.
            _ => std::thread::yield_now(),
        }
    }
    // One file: without a write-ahead log beside it, it can be moved.
    copy.pragma_update(None, "journal_mode", "delete")?;
    copy.close().map_err(|(_, error)| error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_what_was_committed_while_others_write() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a.db"), dir.path().join("b.db"));
        let writer = Connection::open(&from).unwrap();
        writer.pragma_update(None, "journal_mode", "wal").unwrap();
        writer.execute_batch("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2);").unwrap();
        copy_database(&from, &to).unwrap();
        writer.execute_batch("COMMIT").unwrap();
        let read = |path: &Path| -> i64 {
            Connection::open(path).unwrap().query_row("SELECT sum(n) FROM t", [], |row| row.get(0)).unwrap()
        };
        assert_eq!((read(&from), read(&to)), (3, 1));
        assert!(!to.with_extension("db-wal").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(to.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(matches!(copy_database(&from, &to), Err(CopyError::File { .. })), "a copy replaces nothing");
    }

    #[test]
    fn what_is_no_database_is_not_copied() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.db"), "no database at all, but long enough to look at".repeat(50)).unwrap();
        let error = copy_database(&dir.path().join("a.db"), &dir.path().join("b.db")).unwrap_err();
        assert!(error.to_string().contains("a.db can't be copied"), "{error}");
        let error = copy_database(&dir.path().join("none.db"), &dir.path().join("c.db")).unwrap_err();
        assert!(error.to_string().contains("none.db"), "{error}");
    }
}
