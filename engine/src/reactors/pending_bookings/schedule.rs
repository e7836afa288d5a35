//! The bookings with something left to be done, and which of them are due.
//!
//! A booking that is taken has no time until it comes back, or an event sets one. What needs the gateway next waits for
//! its turn there ([`at_gateway`]), and stays due at the end of its hold.

mod at_gateway;

use super::entry::Entry;
use crate::payment::Leftovers;
use chrono::TimeDelta;
use lastseat_domain::{BookingId, Timestamp};
use std::collections::{BTreeSet, HashMap};

/// A booking that is taken to be looked at, with the seats and vouchers that it has.
pub(crate) type Taken = (BookingId, Leftovers);

#[derive(Default)]
pub(crate) struct Schedule {
    open: HashMap<BookingId, Entry>,
    due: BTreeSet<(Timestamp, BookingId)>,
    /// Bookings whose next step calls the gateway, which wait for their turn there since these times.
    waiting: BTreeSet<(Timestamp, BookingId)>,
}

impl Schedule {
    /// Changes an entry and its due time; removes it once it is finished.
    pub(super) fn change(&mut self, booking: BookingId, now: Timestamp, change: impl FnOnce(&mut Entry) -> Option<Timestamp>) {
        let entry = self.open.entry(booking).or_default();
        let before = entry.due;
        // The node that wrote this event works on it.
        if let Some(since) = entry.waits.take() {
            self.waiting.remove(&(since, booking));
            entry.due = Some(since);
        }
        entry.due = change(entry);
        if let Some(due) = before {
            self.due.remove(&(due, booking));
        }
        if entry.is_finished(now) {
            self.open.remove(&booking);
        } else if let Some(due) = entry.due {
            self.due.insert((due, booking));
        }
    }

    pub(super) fn get(&self, booking: BookingId) -> Option<&Entry> {
        self.open.get(&booking)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.open.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// When the next booking has to be looked at.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The bookings that are due at `now`.
    pub(crate) fn due(&self, now: Timestamp) -> impl Iterator<Item = BookingId> {
        self.due.iter().take_while(move |(due, _)| *due <= now).map(|(_, booking)| *booking)
    }

    /// Takes bookings that are due at `now` and need the log only, at most `limit`. Those that need the gateway begin to
    /// wait for their turn. They come back with [`Self::again`], [`Self::done`] or [`Self::wait_for_gateway`].
    pub(crate) fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<Taken> {
        let mut taken = Vec::new();
        while let Some((due, booking)) = self.due.first().copied()
            && due <= now
        {
            if self.open.get(&booking).is_some_and(|entry| entry.needs_gateway(now)) {
                // Its hold ends after `now`, or it would need the log only.
                self.wait_for_gateway(booking, due, now);
            } else if taken.len() < limit {
                self.due.remove(&(due, booking));
                taken.extend(self.take(booking));
            } else {
                break;
            }
        }
        taken
    }

    fn take(&mut self, booking: BookingId) -> Option<Taken> {
        let entry = self.open.get_mut(&booking)?;
        if let Some(due) = entry.due.take() {
            self.due.remove(&(due, booking));
        }
        if let Some(since) = entry.waits.take() {
            self.waiting.remove(&(since, booking));
        }
        Some((booking, entry.leftovers()))
    }

    /// Looks at a booking again at `due`, unless an event has set a time or ended it meanwhile.
    pub(crate) fn again(&mut self, booking: BookingId, due: Timestamp) {
        if let Some(entry) = self.open.get_mut(&booking)
            && entry.due.is_none()
        {
            entry.due = Some(due);
            self.due.insert((due, booking));
        }
    }

    /// When this node looks at a hold with this deadline.
    pub(crate) fn after_grace(&self, booking: BookingId, deadline: Timestamp) -> Timestamp {
        self.open.get(&booking).map_or(deadline, |entry| deadline + entry.grace)
    }

    /// A booking was looked at and has nothing left to be done. Only what is over is forgotten: the log
    /// may still have events of the others. One with seats or a voucher is looked at again at `later`: the events
    /// of their release may be on their way, or they were locked after the look.
    pub(crate) fn done(&mut self, booking: BookingId, later: Timestamp) {
        let Some(entry) = self.open.get(&booking).filter(|entry| entry.due.is_none() && entry.is_over()) else { return };
        if !entry.holds_nothing() {
            self.again(booking, later);
        } else if let Some(since) = self.open.remove(&booking).and_then(|entry| entry.waits) {
            self.waiting.remove(&(since, booking));
        }
    }

    /// After the log was read from its start: no node of this process works on anything, so whatever
    /// is in progress is due now, and holds end at their deadlines.
    pub(crate) fn make_unfinished_due(&mut self, now: Timestamp) {
        for (booking, entry) in self.open.iter_mut().filter(|(_, entry)| entry.due.is_some()) {
            entry.grace = TimeDelta::zero();
            let due = entry.due_at(now, now);
            if let Some(before) = std::mem::replace(&mut entry.due, due) {
                self.due.remove(&(before, *booking));
            }
            self.due.extend(due.map(|due| (due, *booking)));
        }
    }

    /// The entries as a snapshot has them.
    pub(super) fn take_snapshot(&self) -> Vec<(BookingId, Entry)> {
        // What waits for the gateway here is due elsewhere.
        let copy = |entry: &Entry| Entry { due: entry.waits.or(entry.due), waits: None, ..entry.clone() };
        self.open.iter().map(|(id, entry)| (*id, copy(entry))).collect()
    }

    /// Those of a snapshot. `now`: when what was being looked at then is due.
    pub(super) fn restore(open: Vec<(BookingId, Entry)>, now: Timestamp) -> Self {
        let mut restored = Self { open: HashMap::with_capacity(open.len()), ..Self::default() };
        for (id, mut entry) in open {
            entry.due = entry.due.or_else(|| entry.due_at(now, now));
            restored.due.extend(entry.due.map(|due| (due, id)));
            restored.open.insert(id, entry);
        }
        restored
    }
}

#[cfg(test)]
impl Schedule {
    /// Why the two would not do the same from now on.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        [(self.open != other.open, "what is under way"), (self.due != other.due, "when it is due")]
            .into_iter()
            .find_map(|(differs, part)| differs.then_some(part))
    }
}

#[cfg(test)]
mod tests;
