//! How many connections are accepted: fewer than the process may have open files, so that the event log,
//! Redis and the views can still open theirs when a crowd has taken the rest.

use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Most connections, whatever the limit of open files.
const MAX_CONNECTIONS: u64 = 32_768;
const MAX_FOR_NODES: u64 = 1_024;
/// Open files that are kept for everything else: a quarter of them, within these bounds.
const MIN_RESERVE: u64 = 64;
const MAX_RESERVE: u64 = 256;
/// Time between two log lines about the same shortage.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The connections that a server takes.
pub struct Capacity {
    limit: usize,
    slots: Arc<Semaphore>,
    warned: Mutex<Option<Instant>>,
}

impl Capacity {
    /// What the limit of open files allows, less `others`, which other servers of this process may take.
    #[must_use]
    pub fn of_process(others: u64) -> Self {
        Self::new(connections(open_files(), others))
    }

    /// For a server to which only other nodes connect.
    #[must_use]
    pub fn for_nodes() -> Self {
        Self::new(usize::try_from((open_files() / 8).clamp(1, MAX_FOR_NODES)).unwrap_or(1))
    }

    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, slots: Arc::new(Semaphore::new(limit)), warned: Mutex::default() }
    }

    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// A slot for the next connection. Waits until one is free; clients wait in the system's queue.
    pub(super) async fn slot(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return Ok(slot);
        }
        if self.may_warn() {
            tracing::warn!(connections = self.limit, "as many connections are open as this server takes; others have to wait");
        }
        Arc::clone(&self.slots).acquire_owned().await
    }

    /// Whether it is time for a log line about connections that can't be accepted: one a minute.
    pub(super) fn may_warn(&self) -> bool {
        let (mut warned, now) = (self.warned.lock(), Instant::now());
        let is_time = warned.is_none_or(|last| now.duration_since(last) >= WARN_EVERY);
        if is_time {
            *warned = Some(now);
        }
        is_time
    }

    /// Why no further connection can be accepted at the moment, if so.
    #[must_use]
    pub fn shortage(&self) -> Option<String> {
        if self.slots.available_permits() == 0 {
            return Some(format!("{} are open, as many as this server takes", self.limit));
        }
        no_file_left().then(|| "the process has no file descriptor left".to_owned())
    }
}

/// Open files that the process may have.
fn open_files() -> u64 {
    #[cfg(unix)]
    let files = rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(MAX_CONNECTIONS, |(soft, _)| soft);
    #[cfg(not(unix))]
    let files = MAX_CONNECTIONS * 2;
    files
}

fn connections(files: u64, others: u64) -> usize {
    let reserve = (files / 4).clamp(MIN_RESERVE, MAX_RESERVE);
    // Where there are few, some have to do.
    let connections = files.saturating_sub(reserve + others).clamp((files / 4).clamp(1, MAX_CONNECTIONS), MAX_CONNECTIONS);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

/// Copies a descriptor, which needs nothing but a free one.
fn no_file_left() -> bool {
    #[cfg(unix)]
    let is_short = std::os::fd::AsFd::as_fd(&std::io::stderr()).try_clone_to_owned().is_err();
    #[cfg(not(unix))]
    let is_short = false;
    is_short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_files_are_left_for_everything_else() {
        assert_eq!(connections(1 << 20, 0), 32_768);
        assert_eq!(connections(1_024, 0), 768);
        assert_eq!(connections(1_024, 320), 448);
        assert_eq!(connections(128, 0), 64);
        assert_eq!((connections(128, 320), connections(64, 0), connections(0, 0)), (32, 16, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shortage_is_said_once_a_minute_and_ends() {
        let capacity = Capacity::new(1);
        assert_eq!(capacity.shortage(), None);
        let slot = capacity.slot().await;
        assert!(capacity.shortage().unwrap().contains("1 are open"));
        let mut warned = 0;
        for _ in 0..180 {
            warned += u32::from(capacity.may_warn());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(warned, 3);
        drop(slot);
        assert_eq!(capacity.shortage(), None);
    }
}
