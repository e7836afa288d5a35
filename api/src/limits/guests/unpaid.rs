//! The bookings of one address that are held and, as far as is known, not paid for.
//!
//! A booking leaves when it is seen to be paid or over, and at the latest when its hold's end has passed by as much time as
//! the hold had, which is what the one extension adds. So there are never more than the bound on seats allows, and
//! none is kept for longer than twice its hold.

use chrono::TimeDelta;
use lastseat_domain::{BookingId, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// With so many bookings of all addresses, further ones are not counted. With their places in the map and in the order, each
/// takes about 150 bytes.
pub(super) const MOST_BOOKINGS: usize = 1_000_000;
/// Bookings that one refused hold has looked up.
const LOOK_UPS: usize = 128;
/// Seconds from one look-up for an address to the next.
const LOOK_AGAIN: i64 = 1;

pub(super) struct Unpaid {
    bookings: HashMap<BookingId, Held>,
    /// When each is forgotten, the soonest first.
    order: BTreeSet<(Timestamp, BookingId)>,
    seats: u32,
    /// The last one that was looked up: the next look-up goes on after it.
    looked_up: Option<(Timestamp, BookingId)>,
    /// No look-up before.
    look_again: Option<Timestamp>,
    /// Those of all addresses.
    all: Arc<AtomicUsize>,
}

struct Held {
    seats: u32,
    ends: Timestamp,
    forgotten: Timestamp,
}

impl Unpaid {
    pub(super) fn new(all: Arc<AtomicUsize>) -> Self {
        let (bookings, order) = (HashMap::new(), BTreeSet::new());
        Self { bookings, order, seats: 0, looked_up: None, look_again: None, all }
    }

    pub(super) fn has(&self, booking: BookingId) -> bool {
        self.bookings.contains_key(&booking)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bookings.is_empty()
    }

    /// Their seats together.
    pub(super) fn seats(&self) -> u32 {
        self.seats
    }

    /// When the next hold ends, among those that are forgotten soonest.
    pub(super) fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        let soonest = self.order.iter().take(LOOK_UPS).filter_map(|(_, booking)| self.bookings.get(booking));
        soonest.map(|held| held.ends).filter(|ends| *ends > now).min()
    }

    pub(super) fn add(&mut self, booking: BookingId, seats: u32, ends: Timestamp, now: Timestamp) {
        if self.has(booking) {
            return;
        }
        if self.all.fetch_add(1, Ordering::Relaxed) >= MOST_BOOKINGS {
            self.all.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let extension = (ends - now).max(TimeDelta::zero());
        let forgotten = ends.checked_add_signed(extension).unwrap_or(ends);
        self.bookings.insert(booking, Held { seats, ends, forgotten });
        self.order.insert((forgotten, booking));
        self.seats = self.seats.saturating_add(seats);
    }

    /// It is paid or over.
    pub(super) fn remove(&mut self, booking: BookingId) {
        let Some(held) = self.bookings.remove(&booking) else { return };
        self.order.remove(&(held.forgotten, booking));
        self.seats = self.seats.saturating_sub(held.seats);
        self.all.fetch_sub(1, Ordering::Relaxed);
    }

    /// Removes those whose time has passed.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        while let Some((_, booking)) = self.order.first().copied().filter(|(forgotten, _)| *forgotten <= now) {
            self.remove(booking);
        }
    }

    /// What is to be looked up now, in that order; none a moment after the last look-up.
    pub(super) fn due_look_ups(&mut self, now: Timestamp) -> Vec<BookingId> {
        // A clock that was set back does not keep anything from being looked up for longer than usual.
        let next = now + TimeDelta::seconds(LOOK_AGAIN);
        if self.look_again.is_some_and(|at| now < at && at <= next) {
            return Vec::new();
        }
        self.look_again = Some(next);
        let after = self.looked_up.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.order.range((after, Bound::Unbounded));
        let begun = self.looked_up.into_iter().flat_map(|last| self.order.range(..=last));
        rest.chain(begun).take(LOOK_UPS).map(|(_, booking)| *booking).collect()
    }

    /// This one was looked up.
    pub(super) fn looked_up(&mut self, booking: BookingId, is_over: bool) {
        if let Some(held) = self.bookings.get(&booking) {
            self.looked_up = Some((held.forgotten, booking));
        }
        if is_over {
            self.remove(booking);
        }
    }
}

impl Drop for Unpaid {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bookings.len(), Ordering::Relaxed);
    }
}
