//! How many seats of a show each buyer has, held and booked together, for shows that limit it.
//!
//! Exact on one node: a hold reserves its share before it is appended. Several nodes learn of each
//! other's bookings through the log, so a buyer who uses two of them within the same milliseconds may
//! exceed the limit; see docs/decisions/0008-buyer-limits.md.

use dashmap::DashMap;
use lastseat_domain::{BookingId, BuyerId, Rejection, ShowId};
use std::collections::HashMap;
use std::sync::Arc;

/// Seats by show and buyer. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct BuyerLedger(Arc<DashMap<(ShowId, BuyerId), Share>>);

#[derive(Default)]
struct Share {
    /// Holds being appended: seats, and the number of requests for the same booking. Seats of a
    /// repeated request count once.
    pending: HashMap<BookingId, (u32, u32)>,
    bookings: HashMap<BookingId, u32>,
}

impl Share {
    fn seats(&self) -> u32 {
        let pending =
            self.pending.iter().filter(|(booking, _)| !self.bookings.contains_key(booking)).map(|(_, (seats, _))| seats);
        self.bookings.values().chain(pending).fold(0, |sum, seats| sum.saturating_add(*seats))
    }
}

/// Seats set aside while their hold is being appended. Given back when dropped.
pub(crate) struct Reservation {
    ledger: BuyerLedger,
    key: (ShowId, BuyerId),
    booking: BookingId,
}

impl BuyerLedger {
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
        let mut share = self.0.entry(key.clone()).or_default();
        let counts_already = share.pending.contains_key(&booking) || share.bookings.contains_key(&booking);
        let have = share.seats();
        if !counts_already && have.saturating_add(seats) > most {
            return Err(Rejection::BuyerLimit { most, have });
        }
        share.pending.entry(booking).or_insert((seats, 0)).1 += 1;
        Ok(Reservation { ledger: self.clone(), key, booking })
    }

    /// A booking is open: its seats count from now on, once, however often this is called.
    pub(crate) fn opened(&self, show: &ShowId, buyer: &BuyerId, booking: BookingId, seats: u32) {
        if !buyer.is_guest() {
            self.0.entry((show.clone(), buyer.clone())).or_default().bookings.insert(booking, seats);
        }
    }

    /// A booking is over: its seats count no more.
    pub(crate) fn ended(&self, show: &ShowId, buyer: &BuyerId, booking: BookingId) {
        if let Some(mut share) = self.0.get_mut(&(show.clone(), buyer.clone())) {
            share.bookings.remove(&booking);
        }
        self.0.remove_if(&(show.clone(), buyer.clone()), |_, share| share.seats() == 0);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(mut share) = self.ledger.0.get_mut(&self.key) {
            let is_last = share.pending.get_mut(&self.booking).is_some_and(|(_, requests)| {
                *requests = requests.saturating_sub(1);
                *requests == 0
            });
            if is_last {
                share.pending.remove(&self.booking);
            }
        }
        // A buyer without seats needs no entry.
        self.ledger.0.remove_if(&self.key, |_, share| share.seats() == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_reservation_counts_until_it_is_dropped_and_a_booking_until_it_ends() {
        let (ledger, show, buyer) = (BuyerLedger::default(), ShowId::new("s").expect("id"), BuyerId::new("ann").expect("id"));
        let (booking, other) = (BookingId(Uuid::from_u128(1)), BookingId(Uuid::from_u128(2)));
        let reservation = ledger.reserve(&show, &buyer, booking, 3, 4).expect("within the limit");
        assert!(ledger.reserve(&show, &buyer, booking, 3, 4).is_ok(), "the same request again asks for the same seats");
        assert_eq!(ledger.reserve(&show, &buyer, other, 2, 4).err(), Some(Rejection::BuyerLimit { most: 4, have: 3 }));
        ledger.opened(&show, &buyer, booking, 3);
        drop(reservation);
        ledger.opened(&show, &buyer, booking, 3);
        assert!(ledger.reserve(&show, &buyer, other, 2, 4).is_err());
        ledger.ended(&show, &buyer, booking);
        assert!(ledger.reserve(&show, &buyer, other, 4, 4).is_ok());
    }
}
