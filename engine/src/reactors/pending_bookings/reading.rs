//! How an event is read, besides what it says: whose turn what follows from it is
//! ([0070](../../../../docs/decisions/0070-one-node-does-it.md)).

use crate::guard_service::LEASE_MARGIN;
use chrono::TimeDelta;
use lastseat_domain::event::BookingOpened;
use std::time::Duration;

/// Longest time that a step is left to the node that took the one before it. No hold ends later than this, whichever node
/// has died.
const MOST_GRACE: Duration = Duration::from_secs(10);

// A lease must not end before its hold: the guard would let requests through for seats that the log still has locked.
const _: () = assert!(MOST_GRACE.as_secs() * 2 < LEASE_MARGIN.as_secs());

/// How an event is read, besides what it says.
pub(crate) struct Reading<'a> {
    /// How long a booking in progress is left to the node that works on it.
    pub patience: Duration,
    /// Whether what follows is this node's to do: it has appended the event, or the event was there before it started.
    pub own: bool,
    /// Whether a paid booking is counted in a loyalty account.
    pub earns: &'a dyn Fn(&BookingOpened) -> bool,
}

impl Reading<'_> {
    /// How long the end of a hold is left to the node that has appended the event.
    pub(in crate::reactors) fn grace(&self) -> TimeDelta {
        if self.own { TimeDelta::zero() } else { grace(self.patience) }
    }
}

/// How long a step is left to another node, with this `patience`.
pub(crate) fn grace(patience: Duration) -> TimeDelta {
    TimeDelta::from_std(patience.min(MOST_GRACE)).unwrap_or_default()
}
