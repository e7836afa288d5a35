//! Why a log can't be opened.

use crate::faults;
use crate::loss::Loss;
use std::path::{Path, PathBuf};

/// Why a log could not be opened. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another part of this one, has it open for writing.
    #[error(
        "the event log {} is in use{}; stop that process, or give this one a folder of its own",
        path.display(),
        holder.map(|id| format!(" by process {id}")).unwrap_or_default()
    )]
    InUse {
        /// The log.
        path: PathBuf,
        /// Process id of the holder, if it could be read.
        holder: Option<u32>,
    },
    /// There is no such file, and it was to be opened for reading only.
    #[error("there is no event log at {}", path.display())]
    Missing {
        /// The log.
        path: PathBuf,
    },
    /// The file is not an event log of lastseat.
    #[error("{} is not an event log of lastseat; choose another path", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version.
    #[error(
        "the event log {} has format {found}, and this version of lastseat reads format {supported}; use the version that wrote it, or a newer one",
        path.display()
    )]
    OtherVersion {
        /// The log.
        path: PathBuf,
        /// Format of the file.
        found: i32,
        /// Format of this version.
        supported: i32,
    },
    /// The file is damaged.
    #[error("the event log {} is damaged: {reason}; restore it from a copy", path.display())]
    Damaged {
        /// The log.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// Events that were acknowledged are missing or were changed.
    #[error(
        "the event log {} has lost something: {loss}. {}Nothing was changed. Copy the directory, then restore the log from a \
         complete copy, or go on with what is left: start its server once with `--accept-loss {}`, which records that \
         decision in the log",
        path.display(),
        accepted.map(|position| format!("`--accept-loss {position}` accepts another loss than this. ")).unwrap_or_default(),
        loss.found
    )]
    Lost {
        /// The log.
        path: PathBuf,
        /// What is missing.
        loss: Loss,
        /// Position of another loss, which was to be accepted.
        accepted: Option<u64>,
    },
    /// A loss was to be accepted, and there is none.
    #[error("the event log {} has lost nothing: remove `--accept-loss`, which would be there for a later loss", path.display())]
    NothingLost {
        /// The log.
        path: PathBuf,
    },
    /// The file can't be read or written.
    #[error("the event log {} can't be opened: {reason}", path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What SQLite or the operating system says.
        reason: String,
    },
}

impl OpenError {
    /// Classifies SQLite's error on opening a file.
    pub(crate) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, reason) = (path.to_owned(), faults::describe(error));
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
            Self::Foreign { path }
        } else if faults::is_damage(error) {
            Self::Damaged { path, reason }
        } else {
            Self::Io { path, reason }
        }
    }

    pub(crate) fn at(mut self, new: &Path) -> Self {
        match &mut self {
            Self::InUse { path, .. }
            | Self::Missing { path }
            | Self::Foreign { path }
            | Self::OtherVersion { path, .. }
            | Self::Damaged { path, .. }
            | Self::Lost { path, .. }
            | Self::NothingLost { path }
            | Self::Io { path, .. } => *path = new.to_owned(),
        }
        self
    }
}
