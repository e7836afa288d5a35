//! How an event is read, besides what it says: which node does what follows from it
//! ([0070](../../../../docs/decisions/0070-one-node-does-it.md)).

use crate::guard_service::LEASE_MARGIN;
use chrono::TimeDelta;
use lastseat_domain::ShowId;
use lastseat_domain::event::BookingOpened;
use std::time::Duration;

/// What `settle_after` is taken for at most, where a seat or a reward waits for it.
const MOST_SETTLE_AFTER: Duration = Duration::from_secs(10);
/// By how much other nodes wait longer than an append takes.
const AFTER_APPEND: Duration = Duration::from_secs(1);
/// Longest time that the end of a hold is left to the node that took the last step. No hold ends later than this,
/// whichever node has died.
const MOST_GRACE: Duration = Duration::from_secs(20);

// A lease must not end before its hold: the guard would let requests through for seats that the log still has locked.
const _: () = assert!(MOST_GRACE.as_secs() * 2 < LEASE_MARGIN.as_secs());

/// How long a step is left to the node that took the one before it.
///
/// Longer than one append takes at this log: until then that node may still be appending the step, and a node that
/// steps in would append it a second time, to a log that is slow already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    settle_after: Duration,
    append: Duration,
}

impl Patience {
    /// `longest_append`: see [`EventLog::longest_append`](lastseat_domain::ports::EventLog::longest_append).
    pub(crate) fn new(settle_after: Duration, longest_append: Duration) -> Self {
        let append = if longest_append.is_zero() { longest_append } else { longest_append + AFTER_APPEND };
        Self { settle_after, append }
    }

    /// How long the end of a hold, or a reward, is left to another node.
    pub(crate) fn grace(self) -> TimeDelta {
        let grace = self.settle_after.min(MOST_SETTLE_AFTER).max(self.append).min(MOST_GRACE);
        TimeDelta::from_std(grace).unwrap_or_default()
    }
}

/// How an event is read, besides what it says.
pub(crate) struct Reading<'a> {
    pub patience: Patience,
    /// Whether what follows is this node's to do: it has appended the event, or the event was there before it started.
    pub own: bool,
    /// Whether a paid booking is counted in a loyalty account.
    pub earns: &'a dyn Fn(&BookingOpened) -> bool,
    /// Whether refunds of a show return vouchers.
    pub returns: &'a dyn Fn(&ShowId) -> bool,
}

impl Reading<'_> {
    /// How long the end of a hold is left to the node that has appended the event.
    pub(in crate::reactors) fn grace(&self) -> TimeDelta {
        if self.own { TimeDelta::zero() } else { self.patience.grace() }
    }

    /// How long a booking in progress is left to the actor that works on it, here or on another node.
    pub(in crate::reactors) fn in_progress(&self) -> Duration {
        let Patience { settle_after, append } = self.patience;
        if self.own { settle_after } else { settle_after.max(append) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_left_to_another_node_for_longer_than_an_append_takes() {
        let grace = |settle_after, longest_append| {
            let [settle_after, longest_append] = [settle_after, longest_append].map(Duration::from_secs);
            Patience::new(settle_after, longest_append).grace().num_seconds()
        };
        assert_eq!([grace(10, 0), grace(2, 0), grace(0, 0), grace(86_400, 0)], [10, 2, 0, 10]);
        assert_eq!([grace(10, 15), grace(0, 15), grace(86_400, 15), grace(10, 3)], [16, 16, 16, 10]);
        assert_eq!(grace(10, 60), 20, "a seat does not wait for ever");
    }

    #[test]
    fn what_this_node_works_on_it_looks_at_without_waiting_for_an_append() {
        let patience = Patience::new(Duration::from_secs(10), Duration::from_secs(15));
        let earns = |_: &BookingOpened| false;
        let read = |own| {
            let reading = Reading { patience, own, earns: &earns, returns: &|_| false };
            (reading.grace().num_seconds(), reading.in_progress().as_secs())
        };
        assert_eq!([read(true), read(false)], [(0, 10), (16, 16)]);
    }
}
