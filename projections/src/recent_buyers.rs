//! The buyers of the newest bookings: whose a booking is gets asked with every request that pays for it.

use lastseat_domain::{BookingId, BuyerId};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// Bookings that are remembered.
const BOOKINGS: usize = 16_384;

#[derive(Default)]
pub(crate) struct RecentBuyers {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    buyers: HashMap<BookingId, BuyerId>,
    oldest_first: VecDeque<BookingId>,
}

impl RecentBuyers {
    pub fn add(&self, bookings: impl Iterator<Item = (BookingId, BuyerId)>) {
        let mut known = self.known.lock();
        for (booking, buyer) in bookings {
            if known.buyers.insert(booking, buyer).is_some() {
                continue;
            }
            known.oldest_first.push_back(booking);
            if known.oldest_first.len() > BOOKINGS
                && let Some(oldest) = known.oldest_first.pop_front()
            {
                known.buyers.remove(&oldest);
            }
        }
    }

    pub fn of(&self, booking: BookingId) -> Option<BuyerId> {
        self.known.lock().buyers.get(&booking).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn only_the_newest_are_kept() {
        let (recent, buyer) = (RecentBuyers::default(), BuyerId::new("anna").unwrap());
        let booking = |n: usize| BookingId(Uuid::from_u128(n as u128));
        recent.add((0..BOOKINGS + 10).map(|n| (booking(n), buyer.clone())));
        assert_eq!(recent.known.lock().buyers.len(), BOOKINGS);
        assert_eq!(recent.known.lock().oldest_first.len(), BOOKINGS);
        assert!(recent.of(booking(9)).is_none() && recent.of(booking(10)).is_some());
        recent.add(std::iter::repeat_n((booking(10), buyer), 5));
        assert_eq!(recent.known.lock().oldest_first.len(), BOOKINGS);
    }
}
