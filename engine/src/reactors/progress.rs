//! How far the follower is, and what is in its way: for the engine's status.

use lastseat_domain::ports::event_log::Position;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

#[derive(Default)]
pub(crate) struct FollowerProgress {
    position: AtomicU64,
    unfinished: AtomicUsize,
    /// Why the log can't be followed, if so.
    fault: Mutex<Option<String>>,
    /// The last event that could not be read, if any.
    skipped: Mutex<Option<String>>,
}

impl FollowerProgress {
    /// The log was read up to `position`. Returns whether it could not be followed until now.
    pub(crate) fn reached(&self, position: Position, unfinished: usize) -> bool {
        self.position.store(position.0, Ordering::Release);
        self.unfinished.store(unfinished, Ordering::Relaxed);
        // Not only with an event: where nothing is sold, the next one may take long.
        self.fault.lock().take().is_some()
    }

    pub(crate) fn failed(&self, why: String) {
        *self.fault.lock() = Some(why);
    }

    pub(crate) fn skipped(&self, why: String) {
        *self.skipped.lock() = Some(why);
    }

    /// Position up to which the log was read.
    pub(crate) fn position(&self) -> Position {
        Position(self.position.load(Ordering::Acquire))
    }

    /// Bookings that need work, now or later.
    pub(crate) fn unfinished(&self) -> usize {
        self.unfinished.load(Ordering::Relaxed)
    }

    /// What is wrong, in words for operators.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let fault = self.fault.lock().as_ref().map(|why| format!("the event log can't be followed: {why}"));
        let skipped = self.skipped.lock().as_ref().map(|why| format!("an event was skipped: {why}"));
        fault.into_iter().chain(skipped).collect()
    }
}
