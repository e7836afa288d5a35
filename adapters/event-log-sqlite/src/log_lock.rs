//! Lets only one process write to a log.

use crate::open_error::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Held while a log is open for writing. The operating system releases it when the process ends, however
/// it ends. The file stays; its existence means nothing.
#[derive(Debug)]
pub(super) struct LogLock {
    _file: File,
}

impl LogLock {
    /// Takes the lock of the log at `log`: `events.lock` beside `events.db`.
    pub(super) fn take(log: &Path) -> Result<Self, OpenError> {
        let path = lock_path(log);
        let io = |error: std::io::Error| OpenError::Io { path: path.clone(), reason: error.to_string() };
        // Not truncated yet: until the lock is ours, the file has the holder's process id.
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
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
        Ok(Self { _file: file })
    }
}

fn lock_path(log: &Path) -> PathBuf {
    log.with_extension("lock")
}
