//! Why the sandbox can't be opened.

use std::path::{Path, PathBuf};

/// The sandbox's file can't be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file can't be read or written.
    #[error("the payment sandbox's file {} can't be used: {reason}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What SQLite or the operating system says.
        reason: String,
    },
    /// Another process has it open.
    #[error("the payment sandbox's file {} is in use by another process; give each its own data directory", .0.display())]
    InUse(PathBuf),
    /// It was not made by the sandbox.
    #[error("{} is not a file of the payment sandbox; move it away, or choose another data directory", .0.display())]
    Foreign(PathBuf),
    /// It was written by another version.
    #[error(
        "the payment sandbox's file {} has format {found}, and this version of lastseat reads format {supported}; use the version \
         that wrote it, or a newer one",
        path.display()
    )]
    OtherVersion {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: i32,
        /// The format of this version.
        supported: i32,
    },
    /// SQLite finds it damaged. It is not replaced, because it has payments.
    #[error(
        "the payment sandbox's file {} is damaged: {reason}; restore it from a copy, or move it away, with its -wal and -shm, to \
         start without payments",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// A line before the last of an earlier version's journal can't be read. It is not dropped, because it may be a payment.
    #[error(
        "line {line} of the sandbox's journal {}, from an earlier version, is damaged ({reason}); repair it, or move the file away \
         to start without its payments",
        path.display()
    )]
    DamagedJournal {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a journal of an earlier version beside a file that has payments already.
    #[error(
        "there are payments in {} and in the journal of an earlier version, {}; move one of them away: lastseat can't say which \
         of them counts",
        file.display(),
        journal.display()
    )]
    TwoStores {
        /// The file.
        file: PathBuf,
        /// The journal beside it.
        journal: PathBuf,
    },
}

impl OpenError {
    /// Classifies SQLite's error on opening a file.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::Foreign(path),
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => Self::Damaged { path, reason },
            _ => Self::Io { path, reason },
        }
    }

    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), reason: error.to_string() }
    }
}
