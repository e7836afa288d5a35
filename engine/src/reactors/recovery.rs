//! Counts what recovery does after a start, until every booking that was due then has been looked at.

use crate::status::RecoverySummary;
use lastseat_domain::event::Event;
use lastseat_domain::{BookingId, Envelope, Timestamp};
use std::collections::HashSet;

pub(super) struct Recovery {
    started: Timestamp,
    found: HashSet<BookingId>,
    /// Those of `found` that are not finished.
    open: HashSet<BookingId>,
    aborted: HashSet<BookingId>,
    seats_freed: usize,
}

impl Recovery {
    pub(super) fn new(started: Timestamp, due: impl Iterator<Item = BookingId>) -> Self {
        let found: HashSet<_> = due.collect();
        Self { started, open: found.clone(), found, aborted: HashSet::new(), seats_freed: 0 }
    }

    /// Counts an event that was written after the start.
    pub(super) fn saw(&mut self, envelope: &Envelope) {
        match &envelope.event {
            Event::BookingAborted(e) if self.found.contains(&e.booking) => {
                self.aborted.insert(e.booking);
            }
            Event::SeatReleased(e) if self.found.contains(&e.booking) => self.seats_freed += 1,
            _ => {}
        }
    }

    /// A booking is finished, or waits for its buyer.
    pub(super) fn settled(&mut self, booking: BookingId) {
        self.open.remove(&booking);
    }

    /// The counts, once everything is finished.
    pub(super) fn summary(&self, now: Timestamp) -> Option<RecoverySummary> {
        self.open.is_empty().then(|| RecoverySummary {
            resumed: self.found.len() - self.aborted.len(),
            aborted: self.aborted.len(),
            seats_freed: self.seats_freed,
            took: (now - self.started).to_std().unwrap_or_default(),
        })
    }
}
