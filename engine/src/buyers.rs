//! How many seats of a show each buyer has, held and booked together, for shows that limit it.
//!
//! Exact on one node: a hold reserves its share before it is appended. Several nodes learn of each
//! other's bookings through the log, so a buyer who uses two of them within the same milliseconds may
//! exceed the limit; see docs/decisions/0008-buyer-limits.md.
//!
//! An open booking is known by its id, because this node's own hold and the log's follower both report it.
//! Of a sold one only its seats are left, in the buyer's sum: the follower alone adds and subtracts them.

use lastseat_domain::{BookingId, BuyerId, Rejection, ShowId};
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Parts with a lock each. A part's sums are copied when they change while a snapshot has them.
const SHARDS: usize = 64;

type Key = (ShowId, BuyerId);

/// Seats that buyers have bought, by show and buyer, in parts.
pub(crate) type SoldSeats = Vec<Arc<HashMap<Key, u32>>>;

/// Seats by show and buyer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct BuyerLedger {
    shards: Arc<[Mutex<Shard>]>,
    hasher: std::hash::RandomState,
}

impl Default for BuyerLedger {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, hasher: std::hash::RandomState::new() }
    }
}

#[derive(Default)]
struct Shard {
    sold: Arc<HashMap<Key, u32>>,
    /// Of buyers with a booking that is not decided.
    open: HashMap<Key, Share>,
}

#[derive(Default)]
struct Share {
    appending: HashMap<BookingId, Appending>,
    bookings: HashMap<BookingId, u32>,
}

/// A hold that is being appended.
struct Appending {
    seats: u32,
    /// Requests for the same booking. Seats of a repeated request count once.
    requests: u32,
    /// The booking was sold or has ended meanwhile: this hold counts no more, whatever it reports.
    decided: bool,
}

impl Share {
    fn seats(&self) -> u32 {
        let counts = |(booking, it): &(&BookingId, &Appending)| !it.decided && !self.bookings.contains_key(booking);
        let appending = self.appending.iter().filter(counts).map(|(_, it)| it.seats);
        self.bookings.values().copied().chain(appending).fold(0, u32::saturating_add)
    }

    fn is_empty(&self) -> bool {
        self.appending.is_empty() && self.bookings.is_empty()
    }
}

impl Shard {
    fn decide(&mut self, key: &Key, booking: BookingId) {
        if let Some(share) = self.open.get_mut(key) {
            share.bookings.remove(&booking);
            share.appending.get_mut(&booking).into_iter().for_each(|it| it.decided = true);
        }
        self.clean(key);
    }

    /// A buyer without open bookings needs no share.
    fn clean(&mut self, key: &Key) {
        if self.open.get(key).is_some_and(Share::is_empty) {
            self.open.remove(key);
        }
    }
}

/// Seats set aside while their hold is being appended. Given back when dropped.
pub(crate) struct Reservation {
    ledger: BuyerLedger,
    key: Key,
    booking: BookingId,
}

impl BuyerLedger {
    fn shard(&self, key: &Key) -> Option<MutexGuard<'_, Shard>> {
        let index = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).ok()?;
        self.shards.get(index).map(Mutex::lock)
    }

    /// Sets `seats` aside for the hold of a booking.
    ///
    /// # Errors
    /// `BuyerLimit` if the buyer would have more than `most`.
    pub(crate) fn reserve(
        &self,
        show: &ShowId,
        buyer: &BuyerId,
        booking: BookingId,
        seats: u32,
        most: u32,
    ) -> Result<Reservation, Rejection> {
        let key = (show.clone(), buyer.clone());
        if let Some(mut shard) = self.shard(&key) {
            let sold = shard.sold.get(&key).copied().unwrap_or_default();
            let share = shard.open.entry(key.clone()).or_default();
            let counts_already = share.appending.contains_key(&booking) || share.bookings.contains_key(&booking);
            let have = sold.saturating_add(share.seats());
            if !counts_already && have.saturating_add(seats) > most {
                shard.clean(&key);
                return Err(Rejection::BuyerLimit { most, have });
            }
            let first = Appending { seats, requests: 0, decided: false };
            share.appending.entry(booking).or_insert(first).requests += 1;
        }
        Ok(Reservation { ledger: self.clone(), key, booking })
    }

    /// A booking is open: its seats count from now on, once, however often this is called.
    pub(crate) fn opened(&self, show: &ShowId, buyer: &BuyerId, booking: BookingId, seats: u32) {
        let key = (show.clone(), buyer.clone());
        if buyer.is_guest() {
            return;
        }
        if let Some(mut shard) = self.shard(&key) {
            let share = shard.open.entry(key.clone()).or_default();
            if share.appending.get(&booking).is_none_or(|it| !it.decided) {
                share.bookings.insert(booking, seats);
            }
            shard.clean(&key);
        }
    }

    /// A booking has ended without a sale: its seats count no more, however often this is called.
    pub(crate) fn ended(&self, show: &ShowId, buyer: &BuyerId, booking: BookingId) {
        let key = (show.clone(), buyer.clone());
        if let Some(mut shard) = self.shard(&key) {
            shard.decide(&key, booking);
        }
    }

    /// A booking is sold: its seats count until [`Self::refunded`]. Called once for each booking.
    pub(crate) fn sold(&self, show: &ShowId, buyer: &BuyerId, booking: BookingId, seats: u32) {
        let key = (show.clone(), buyer.clone());
        if buyer.is_guest() {
            return;
        }
        if let Some(mut shard) = self.shard(&key) {
            shard.decide(&key, booking);
            let sold = Arc::make_mut(&mut shard.sold).entry(key).or_default();
            *sold = sold.saturating_add(seats);
        }
    }

    /// The money of a sold booking was returned. Called once for each booking.
    pub(crate) fn refunded(&self, show: &ShowId, buyer: &BuyerId, seats: u32) {
        let key = (show.clone(), buyer.clone());
        if let Some(mut shard) = self.shard(&key)
            && let Some(left) = shard.sold.get(&key).map(|sold| sold.saturating_sub(seats))
        {
            let sold = Arc::make_mut(&mut shard.sold);
            if left == 0 {
                sold.remove(&key);
            } else {
                sold.insert(key, left);
            }
        }
    }

    /// What buyers have bought. Takes no copy.
    pub(crate) fn take_snapshot(&self) -> SoldSeats {
        self.shards.iter().map(|shard| shard.lock().sold.clone()).collect()
    }

    /// Starts with what buyers had bought. Open bookings are added with [`Self::opened`].
    pub(crate) fn restore(&self, sold: SoldSeats) {
        // The parts have another hasher.
        for (key, seats) in sold.into_iter().flat_map(Arc::unwrap_or_clone) {
            if let Some(mut shard) = self.shard(&key) {
                Arc::make_mut(&mut shard.sold).insert(key, seats);
            }
        }
    }

    /// Everything that is known of each buyer.
    #[cfg(test)]
    pub(crate) fn all(&self) -> std::collections::BTreeMap<Key, (u32, Vec<(BookingId, u32)>)> {
        let mut all: std::collections::BTreeMap<Key, (u32, Vec<_>)> = std::collections::BTreeMap::new();
        for shard in self.shards.iter() {
            let shard = shard.lock();
            for (key, seats) in shard.sold.iter() {
                all.entry(key.clone()).or_default().0 = *seats;
            }
            for (key, share) in &shard.open {
                all.entry(key.clone()).or_default().1 = share.bookings.iter().map(|(id, seats)| (*id, *seats)).collect();
            }
        }
        all.values_mut().for_each(|(_, open)| open.sort_unstable());
        all
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(mut shard) = self.ledger.shard(&self.key) {
            if let Some(share) = shard.open.get_mut(&self.key)
                && let Some(it) = share.appending.get_mut(&self.booking)
            {
                it.requests = it.requests.saturating_sub(1);
                if it.requests == 0 {
                    share.appending.remove(&self.booking);
                }
            }
            shard.clean(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    struct Ann {
        ledger: BuyerLedger,
        show: ShowId,
        buyer: BuyerId,
    }

    fn ann() -> Ann {
        Ann { ledger: BuyerLedger::default(), show: ShowId::new("s").expect("id"), buyer: BuyerId::new("ann").expect("id") }
    }

    const BOOKING: BookingId = BookingId(Uuid::from_u128(1));
    const OTHER: BookingId = BookingId(Uuid::from_u128(2));

    impl Ann {
        fn reserve(&self, booking: BookingId, seats: u32) -> Result<Reservation, Rejection> {
            self.ledger.reserve(&self.show, &self.buyer, booking, seats, 4)
        }

        fn has(&self) -> u32 {
            match self.ledger.reserve(&self.show, &self.buyer, BookingId(Uuid::from_u128(99)), 1, 0) {
                Err(Rejection::BuyerLimit { have, .. }) => have,
                _ => 0,
            }
        }
    }

    #[test]
    fn a_reservation_counts_until_it_is_dropped_and_a_booking_until_it_ends() {
        let ann = ann();
        let reservation = ann.reserve(BOOKING, 3).expect("within the limit");
        assert!(ann.reserve(BOOKING, 3).is_ok(), "the same request again asks for the same seats");
        assert_eq!(ann.reserve(OTHER, 2).err(), Some(Rejection::BuyerLimit { most: 4, have: 3 }));
        ann.ledger.opened(&ann.show, &ann.buyer, BOOKING, 3);
        drop(reservation);
        ann.ledger.opened(&ann.show, &ann.buyer, BOOKING, 3);
        assert!(ann.reserve(OTHER, 2).is_err());
        ann.ledger.ended(&ann.show, &ann.buyer, BOOKING);
        assert!(ann.reserve(OTHER, 4).is_ok());
        assert!(ann.ledger.all().is_empty());
    }

    #[test]
    fn a_sold_booking_counts_until_it_is_refunded() {
        let ann = ann();
        ann.ledger.opened(&ann.show, &ann.buyer, BOOKING, 3);
        ann.ledger.sold(&ann.show, &ann.buyer, BOOKING, 3);
        assert_eq!(ann.has(), 3);
        ann.ledger.refunded(&ann.show, &ann.buyer, 3);
        assert_eq!(ann.has(), 0);
        assert!(ann.ledger.all().is_empty());
    }

    #[test]
    fn a_hold_that_reports_its_booking_after_the_sale_does_not_count_it_twice() {
        let ann = ann();
        let slow = ann.reserve(BOOKING, 3).expect("within the limit");
        ann.ledger.opened(&ann.show, &ann.buyer, BOOKING, 3);
        ann.ledger.sold(&ann.show, &ann.buyer, BOOKING, 3);
        ann.ledger.opened(&ann.show, &ann.buyer, BOOKING, 3);
        drop(slow);
        assert_eq!(ann.has(), 3);
    }

    #[test]
    fn what_was_taken_for_a_snapshot_does_not_change_any_more() {
        let ann = ann();
        ann.ledger.sold(&ann.show, &ann.buyer, BOOKING, 3);
        let snapshot = ann.ledger.take_snapshot();
        ann.ledger.sold(&ann.show, &ann.buyer, OTHER, 1);
        let restored = BuyerLedger::default();
        restored.restore(snapshot);
        assert_eq!(restored.all().into_values().map(|(sold, _)| sold).collect::<Vec<_>>(), [3]);
        assert_eq!(ann.has(), 4);
    }
}
