//! A machine's clock that somebody sets, forward and back.

use crate::world::epoch;
use chrono::TimeDelta;
use lastseat_domain::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::time::Instant;

/// Goes with tokio's time, and jumps when a test says so. Not a `Clock`: it is what one reads.
pub struct JumpingTime {
    start: Instant,
    jumped_ms: AtomicI64,
}

impl JumpingTime {
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now(), jumped_ms: AtomicI64::new(0) }
    }

    /// What the machine's clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        epoch()
            + TimeDelta::from_std(self.start.elapsed()).unwrap()
            + TimeDelta::milliseconds(self.jumped_ms.load(Ordering::SeqCst))
    }

    /// Sets the clock: later, or earlier if negative.
    pub fn jump(&self, by: TimeDelta) {
        self.jumped_ms.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}
