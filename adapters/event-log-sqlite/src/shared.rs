//! What the writer, reads and subscriptions share.

use crate::pages::Pages;
use crate::readers::Readers;
use crate::recent_events::RecentEvents;
use lastseat_domain::ports::event_log::{LogFault, LogReport};
use parking_lot::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) struct Shared {
    pub(crate) readers: Arc<Readers>,
    /// Of the file, for those who catch up.
    pub(crate) pages: Arc<Pages>,
    pub(crate) recent: RwLock<RecentEvents>,
    pub(crate) commits: Commits,
    /// Why the writer has stopped; only a restart helps.
    pub(crate) stopped: OnceLock<String>,
}

/// What the writer has made durable.
#[derive(Default)]
pub(crate) struct Commits {
    transactions: AtomicU64,
    events: AtomicU64,
    micros: AtomicU64,
}

impl Commits {
    pub(crate) fn count(&self, events: usize, took: Duration) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.events.fetch_add(events as u64, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn report(&self) -> LogReport {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LogReport {
            commits: of(&self.transactions),
            committed_events: of(&self.events),
            commit_micros: of(&self.micros),
            ..LogReport::default()
        }
    }
}

impl Shared {
    /// # Errors
    /// [`LogFault::Unavailable`] if the writer has stopped for good.
    pub(crate) fn check_running(&self) -> Result<(), LogFault> {
        match self.stopped.get() {
            Some(reason) => Err(LogFault::Unavailable(format!("the log has stopped: {reason}"))),
            None => Ok(()),
        }
    }
}
