//! Confirmed bookings, of which nothing is pending until a refund is requested. This is the one list that grows
//! with every sale, so it keeps only what a refund needs and the log does not say at once: 25 bytes a booking, 29 to
//! 57 with the table's free slots.

use lastseat_domain::{BookingId, ShowId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// Parts. One is copied when it changes while a snapshot has it, and when it grows; neither takes long.
const SHARDS: usize = 64;

/// A confirmed booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sale {
    pub show: ShowId,
    pub seats: u32,
    /// Whether it is counted in a loyalty account.
    pub counted: bool,
}

/// Index into the shows, and twice the number of seats, plus one if it is in no loyalty account: small numbers take one
/// byte in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Compact(u32, u32);

impl Compact {
    fn new(show: u32, sale: &Sale) -> Self {
        Self(show, sale.seats.min(u32::MAX >> 1) << 1 | u32::from(!sale.counted))
    }

    fn is_counted(self) -> bool {
        self.1 & 1 == 0
    }

    fn sale(self, shows: &[ShowId]) -> Option<Sale> {
        Some(Sale { show: shows.get(self.0 as usize)?.clone(), seats: self.1 >> 1, counted: self.is_counted() })
    }
}

/// Confirmed bookings by id. A clone copies none of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ConfirmedBookings {
    shows: Vec<ShowId>,
    /// Index of each show.
    #[serde(skip)]
    numbers: HashMap<ShowId, u32>,
    shards: Vec<Arc<HashMap<BookingId, Compact>>>,
}

impl Default for ConfirmedBookings {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Arc::default()).collect();
        Self { shows: Vec::new(), numbers: HashMap::new(), shards }
    }
}

impl ConfirmedBookings {
    pub(crate) fn insert(&mut self, booking: BookingId, sale: &Sale) {
        let show = self.number(&sale.show);
        if let Some(shard) = self.shards.get_mut(index(booking)) {
            Arc::make_mut(shard).insert(booking, Compact::new(show, sale));
        }
    }

    fn number(&mut self, show: &ShowId) -> u32 {
        if self.numbers.len() != self.shows.len() {
            // Read from a file.
            self.numbers = self.shows.iter().cloned().zip(0..).collect();
        }
        if let Some(number) = self.numbers.get(show) {
            return *number;
        }
        let number = u32::try_from(self.shows.len()).unwrap_or(u32::MAX);
        self.shows.push(show.clone());
        self.numbers.insert(show.clone(), number);
        number
    }

    pub(crate) fn contains(&self, booking: BookingId) -> bool {
        self.shards.get(index(booking)).is_some_and(|shard| shard.contains_key(&booking))
    }

    pub(crate) fn show_of(&self, booking: BookingId) -> Option<&ShowId> {
        let Compact(show, _) = self.shards.get(index(booking))?.get(&booking)?;
        self.shows.get(*show as usize)
    }

    /// Those of a show in one of the parts; `None` if there are no more parts.
    pub(crate) fn of_show(&self, show: &ShowId, part: usize) -> Option<Vec<BookingId>> {
        let shard = self.shards.get(part)?;
        let Some(number) = self.shows.iter().position(|known| known == show) else { return Some(vec![]) };
        let of_show = shard.iter().filter(|(_, compact)| compact.0 as usize == number);
        Some(of_show.map(|(booking, _)| *booking).collect())
    }

    pub(crate) fn remove(&mut self, booking: BookingId) -> Option<Sale> {
        let shard = self.shards.get_mut(index(booking)).filter(|shard| shard.contains_key(&booking))?;
        Arc::make_mut(shard).remove(&booking)?.sale(&self.shows)
    }

    /// A booking gives up so many of its seats, and stays confirmed. The sale of these seats; `None` if there is no such
    /// booking.
    pub(crate) fn take_seats(&mut self, booking: BookingId, seats: u32) -> Option<Sale> {
        let sale = self.remove(booking)?;
        let seats = seats.min(sale.seats);
        self.insert(booking, &Sale { seats: sale.seats - seats, ..sale.clone() });
        Some(Sale { seats, ..sale })
    }

    /// It is counted in a loyalty account although it need not be: an earlier version did that.
    pub(crate) fn set_counted(&mut self, booking: BookingId) {
        let Some(shard) = self.shards.get_mut(index(booking)) else { return };
        // A look first: to change it may copy the shard.
        if shard.get(&booking).is_some_and(|compact| !compact.is_counted())
            && let Some(compact) = Arc::make_mut(shard).get_mut(&booking)
        {
            compact.1 &= !1;
        }
    }

    /// What is wrong with one that was read from a file.
    pub(crate) fn check(&self) -> Result<(), String> {
        let knows_show = |Compact(show, _): &Compact| (*show as usize) < self.shows.len();
        let fits = self.shards.len() == SHARDS && self.shards.iter().all(|shard| shard.values().all(knows_show));
        if fits { Ok(()) } else { Err("its confirmed bookings do not fit together".to_owned()) }
    }
}

#[cfg(test)]
impl ConfirmedBookings {
    /// As if all of them were in loyalty accounts.
    pub(crate) fn count_all(&mut self) {
        self.shards.iter_mut().flat_map(|shard| Arc::make_mut(shard).values_mut()).for_each(|compact| compact.1 &= !1);
    }

    /// All of them, by id.
    pub(crate) fn all(&self) -> std::collections::BTreeMap<BookingId, Sale> {
        let all = self.shards.iter().flat_map(|shard| shard.iter());
        all.map(|(booking, compact)| (*booking, compact.sale(&self.shows).unwrap())).collect()
    }
}

/// Ids are random in their last bytes, or counted there.
fn index(booking: BookingId) -> usize {
    let [.., last] = booking.0.as_bytes();
    usize::from(*last) % SHARDS
}
