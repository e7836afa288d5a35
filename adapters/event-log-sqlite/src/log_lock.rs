//! Lets only one process write to a log.

use crate::file_mode;
use crate::open_error::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Held while a log is open for writing. The operating system releases it when the process ends, however
/// it ends. The file stays; its existence means nothing.
#[derive(Debug)]
pub(super) struct LogLock {
    _file: File,
    /// The log itself, locked as well on Linux: removing `events.lock` does not remove this lock.
    database: Option<File>,
}

impl LogLock {
    /// Takes the lock of the log at `log`: `events.lock` beside `events.db`.
    pub(super) fn take(log: &Path) -> Result<Self, OpenError> {
        let path = lock_path(log);
        let io = |error: std::io::Error| OpenError::Io { path: path.clone(), reason: error.to_string() };
        // Not truncated yet: until the lock is ours, the file has the holder's process id.
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        file_mode::for_owner(&mut options);
        let mut file = options.open(&path).map_err(io)?;
        match crate::file_lock::take(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message, which can do without it.
                let holder = file.read_to_string(&mut holder).ok().and_then(|_| holder.trim().parse().ok());
                return Err(OpenError::InUse { path: log.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file, database: None })
    }

    /// Also locks the log itself; creates it if there is none.
    ///
    /// SQLite locks ranges of the file (`fcntl`), this locks it as a whole (`flock`); on Linux the two don't
    /// meet. But if a process closes any handle of a file, it loses its ranges. So the handle stays open longer
    /// than SQLite's connections, and is not closed when another writer in this process has the lock.
    pub(super) fn take_database(&mut self, log: &Path) -> Result<(), OpenError> {
        let io = |error: std::io::Error| OpenError::Io { path: log.to_owned(), reason: error.to_string() };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        file_mode::for_owner(&mut options);
        let file = options.open(log).map_err(io)?;
        // Elsewhere, other Unix systems included, a lock of the whole file can keep SQLite out.
        if cfg!(target_os = "linux") {
            match crate::file_lock::take(&file) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    std::mem::forget(file);
                    return Err(OpenError::InUse { path: log.to_owned(), holder: None });
                }
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
        }
        self.database = Some(file);
        Ok(())
    }
}

fn lock_path(log: &Path) -> PathBuf {
    log.with_extension("lock")
}
