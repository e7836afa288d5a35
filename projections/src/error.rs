//! Errors of the read side.

use lastseat_domain::BookingId;
use lastseat_domain::ports::LogFault;
use std::path::PathBuf;

/// A view can't be opened, stored or rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// A file of the views can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A view can't be put into its stored form.
    #[error("the view `{view}` can't be stored: {why}")]
    Encode {
        /// Which view.
        view: &'static str,
        /// What the serializer said.
        why: String,
    },
    /// The file of views can't be read or written at the moment.
    #[error("the file of views: {0}")]
    Tables(String),
    /// An event in the log can't be read by this version of the program.
    #[error("position {position}: {why}")]
    Unreadable {
        /// Where it is.
        position: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// A page was requested after a booking that is not in such a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("booking {0} is not in this list, so no page can start after it")]
pub struct UnknownCursor(pub BookingId);

/// There is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error(transparent)]
    UnknownCursor(#[from] UnknownCursor),
    #[error(transparent)]
    Views(#[from] ProjectionError),
}
