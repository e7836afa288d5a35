//! Admission: a bound on the commands in flight, so that a rush is answered "later" instead of piling up
//! in mailboxes. Refusals from the seat table come before it.

use crate::error::{BusyCause, Fault};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// When a caller who was not admitted should try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Admits a bounded number of commands at a time.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    limit: usize,
    inside: AtomicUsize,
    closed: AtomicBool,
    left: Notify,
}

/// One admitted command; dropping it frees its place.
pub(crate) struct Permit(Arc<Inner>);

impl Gate {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            limit: limit.max(1),
            inside: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            left: Notify::new(),
        }))
    }

    /// Most commands at a time. `degraded`: the guard, which takes load off the log, is missing, so only an
    /// eighth of the limit is used.
    pub(crate) fn limit(&self, degraded: bool) -> usize {
        if degraded { (self.0.limit / 8).max(1) } else { self.0.limit }
    }

    /// Admits a command, if the limit allows.
    pub(crate) fn enter(&self, degraded: bool) -> Result<Permit, Fault> {
        let limit = self.limit(degraded);
        let before = self.0.inside.fetch_add(1, Ordering::AcqRel);
        // Created before the checks, because dropping it undoes the count.
        let permit = Permit(self.0.clone());
        if self.0.closed.load(Ordering::Acquire) {
            return Err(Fault::Stopping);
        }
        if before >= limit {
            return Err(Fault::Busy { retry_after: RETRY_AFTER, cause: BusyCause::Commands });
        }
        Ok(permit)
    }

    pub(crate) fn inside(&self) -> usize {
        self.0.inside.load(Ordering::Acquire)
    }

    /// Admits nothing any more.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// Completes when nobody is inside.
    pub(crate) async fn empty(&self) {
        loop {
            let left = self.0.left.notified();
            if self.inside() == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.0.inside.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_turns_away_one_too_many_and_lets_in_again() {
        let gate = Gate::new(2);
        let first = gate.enter(false).expect("room for one");
        let _second = gate.enter(false).expect("room for two");
        assert!(matches!(gate.enter(false), Err(Fault::Busy { .. })));
        drop(first);
        assert!(gate.enter(false).is_ok());
    }

    #[test]
    fn degraded_admits_an_eighth() {
        let gate = Gate::new(16);
        let held: Vec<_> = (0..2).map(|_| gate.enter(true).expect("room")).collect();
        assert!(gate.enter(true).is_err());
        assert!(gate.enter(false).is_ok());
        drop(held);
    }

    #[test]
    fn a_closed_gate_says_that_the_server_stops() {
        let gate = Gate::new(2);
        gate.close();
        assert!(matches!(gate.enter(false), Err(Fault::Stopping)));
        assert_eq!(gate.inside(), 0);
    }
}
