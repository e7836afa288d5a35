//! A clock that only moves when a test advances it or sleeps on it.

use chrono::DateTime;
use futures::FutureExt;
use futures::future::BoxFuture;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Time for tests. [`advance`](Self::advance) moves it; a sleep completes as soon as it is polled
/// and moves the clock to its deadline. So a test of an hour takes no time, and every run is the same.
///
/// Clones share the time. Resolution is a microsecond.
#[derive(Debug, Clone)]
pub struct SteppingClock {
    micros: Arc<AtomicI64>,
}

impl SteppingClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self { micros: Arc::new(AtomicI64::new(start.timestamp_micros())) }
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Default for SteppingClock {
    /// Shows 2030-01-01 00:00 UTC: an arbitrary moment, the same in every run.
    fn default() -> Self {
        Self { micros: Arc::new(AtomicI64::new(1_893_456_000_000_000)) }
    }
}

impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_micros(self.micros.load(Ordering::SeqCst)).unwrap_or_default()
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        let micros = Arc::clone(&self.micros);
        async move {
            micros.fetch_max(deadline.timestamp_micros(), Ordering::SeqCst);
        }
        .boxed()
    }
}
