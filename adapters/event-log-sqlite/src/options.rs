//! Limits of the log, and the hook for its fatal failure.

#[cfg(test)]
use crate::commit_faults::CommitFaults;
use std::sync::Arc;

/// Called once, on the writer thread, when the log has stopped and only a restart of the process, which
/// recovers from the file, helps. The text is the reason.
pub type FatalHook = Arc<dyn Fn(&str) + Send + Sync>;

/// Somebody's decision to go on with a log that has lost events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptLoss {
    /// Position at which the log ends now. It names the loss: another one is not accepted.
    pub position: u64,
    /// Who decided it.
    pub by: String,
}

/// Settings of a [`SqliteLog`](crate::SqliteLog).
pub struct SqliteOptions {
    /// Most events held in memory.
    pub tail_events: usize,
    /// Most bytes of events held in memory.
    pub tail_bytes: usize,
    /// Most streams whose last revision the writer remembers.
    pub remembered_streams: usize,
    /// Most concurrent reads of the file.
    pub readers: usize,
    /// Most appends queued for the writer; further callers wait for a place.
    pub queue: usize,
    /// Most bytes of queued appends, likewise.
    pub queue_bytes: usize,
    /// Size of the write-ahead log, in bytes, at which it is moved into the file.
    pub checkpoint_bytes: u64,
    /// Largest size of the file, in bytes; `None` for no limit.
    pub max_file_bytes: Option<u64>,
    /// Why the log can't be empty, if something outside it shows that, as a sentence: "payments were made".
    pub evidence: Option<String>,
    /// The loss with which to go on; `None` refuses to open a log that has lost events. A log that has lost
    /// nothing, or something else, is refused.
    pub accept_loss: Option<AcceptLoss>,
    /// Called when the log stops; it is logged in any case.
    pub on_fatal: FatalHook,
    #[cfg(test)]
    pub(crate) commit_faults: CommitFaults,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            tail_events: 64 * 1024,
            tail_bytes: 32 * 1024 * 1024,
            remembered_streams: 64 * 1024,
            readers: 4,
            queue: 16 * 1024,
            queue_bytes: 64 * 1024 * 1024,
            checkpoint_bytes: 32 * 1024 * 1024,
            max_file_bytes: None,
            evidence: None,
            accept_loss: None,
            on_fatal: Arc::new(|_| ()),
            #[cfg(test)]
            commit_faults: CommitFaults::default(),
        }
    }
}
