//! Which bookings may exist, for repeated requests: a compact filter, so that the refusal of a request
//! with an idempotency key need not read the log. See docs/decisions/0037-keyed-refusals.md.
//!
//! "No" is certain for every booking that this node has opened or seen in the log. "Maybe" is wrong for
//! one of 64 at most, and costs a read.

use lastseat_domain::BookingId;
use parking_lot::RwLock;
use qfilter::Filter;
use serde::{Deserialize, Serialize};

/// The filter is split so that growing a part of it, which copies that part, stays short.
const SHARDS: u64 = 16;
/// Bookings per shard when it is created, and at most: 31 million in all. A higher limit costs every
/// booking more bits from the start.
const FIRST_CAPACITY: u64 = 60;
const MAX_CAPACITY: u64 = 1_990_000;
/// Wrong "maybe"s of a shard that is full. Smaller ones are wrong less often.
const MAX_FALSE_POSITIVES: f64 = 1.0 / 64.0;

pub(crate) struct KnownBookings {
    /// A shard that could not take another booking is `None`: everything may exist.
    shards: Vec<RwLock<Option<Filter>>>,
}

/// The filter as a snapshot has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FilterSnapshot(Vec<Option<Filter>>);

impl FilterSnapshot {
    /// What is wrong with one that was read from a file.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.0.len() as u64 == SHARDS { Ok(()) } else { Err("its filter of known bookings has another form".to_owned()) }
    }
}

impl Default for KnownBookings {
    fn default() -> Self {
        let shard = || RwLock::new(Filter::new_resizeable(FIRST_CAPACITY, MAX_CAPACITY, MAX_FALSE_POSITIVES).ok());
        Self { shards: (0..SHARDS).map(|_| shard()).collect() }
    }
}

impl KnownBookings {
    pub(crate) fn insert(&self, booking: BookingId) {
        let hash = hash(booking);
        if let Some(shard) = self.shard(hash) {
            let mut shard = shard.write();
            if let Some(Err(error)) = shard.as_mut().map(|filter| filter.insert_fingerprint(false, hash)) {
                tracing::warn!(%error, "the filter of known bookings is full; refusals of requests with a key read the log again");
                *shard = None;
            }
        }
    }

    /// A copy of the filter for a snapshot. It may have more bookings than the snapshot's position, which costs a read.
    pub(crate) fn take_snapshot(&self) -> FilterSnapshot {
        FilterSnapshot(self.shards.iter().map(|shard| shard.read().clone()).collect())
    }

    /// Starts with a snapshot's filter.
    pub(crate) fn restore(&self, snapshot: FilterSnapshot) {
        for (shard, filter) in self.shards.iter().zip(snapshot.0) {
            *shard.write() = filter;
        }
    }

    /// Whether the booking may exist.
    pub(crate) fn may_contain(&self, booking: BookingId) -> bool {
        let hash = hash(booking);
        self.shard(hash).is_none_or(|shard| shard.read().as_ref().is_none_or(|filter| filter.contains_fingerprint(hash)))
    }

    /// By the high bits; a shard looks at the low ones.
    fn shard(&self, hash: u64) -> Option<&RwLock<Option<Filter>>> {
        self.shards.get(usize::try_from(hash >> (u64::BITS - SHARDS.ilog2())).ok()?)
    }
}

/// Ids have version bits and may be counted up in tests: SplitMix64's finalizer spreads them.
fn hash(booking: BookingId) -> u64 {
    let (high, low) = booking.0.as_u64_pair();
    let mut z = high.rotate_left(32) ^ low;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
impl KnownBookings {
    /// What each shard has.
    pub(crate) fn all(&self) -> Vec<Option<std::collections::BTreeSet<u64>>> {
        self.shards.iter().map(|shard| shard.read().as_ref().map(|filter| filter.fingerprints().collect())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::ports::Ids;
    use lastseat_in_process::{SystemClock, TimeOrderedIds};
    use std::sync::Arc;
    use uuid::Uuid;

    fn booking(n: u128) -> BookingId {
        BookingId::from_key("caller", &n.to_string())
    }

    #[test]
    fn what_was_inserted_may_exist_and_nearly_nothing_else_does() {
        const BOOKINGS: u128 = 100_000;
        let known = KnownBookings::default();
        assert!(!known.may_contain(booking(0)));
        (0..BOOKINGS).for_each(|n| known.insert(booking(n)));
        assert!((0..BOOKINGS).all(|n| known.may_contain(booking(n))));
        let wrong = (BOOKINGS..2 * BOOKINGS).filter(|n| known.may_contain(booking(*n))).count();
        assert!(wrong < 1_000, "{wrong} of 100,000");
        let bytes: usize = known.shards.iter().filter_map(|shard| shard.read().as_ref().map(Filter::memory_usage)).sum();
        assert!(bytes < 300_000, "{bytes} bytes for 100,000 bookings");
    }

    #[test]
    fn counted_ids_are_spread_over_the_shards() {
        let known = KnownBookings::default();
        (0..1_000).for_each(|n| known.insert(BookingId(Uuid::from_u128(n))));
        assert!(is_spread(&known));
    }

    #[test]
    fn ids_of_one_moment_are_spread_over_the_shards() {
        let (known, ids) = (KnownBookings::default(), TimeOrderedIds::new(Arc::new(SystemClock)));
        (0..1_000).for_each(|_| known.insert(BookingId(ids.uuid())));
        assert!(is_spread(&known));
    }

    /// Of 1,000 bookings.
    fn is_spread(known: &KnownBookings) -> bool {
        known.shards.iter().all(|shard| shard.read().as_ref().is_some_and(|filter| (20..120).contains(&filter.len())))
    }
}
