//! The locks of one show: values in, values out. Times are milliseconds of the guard's clock.

use lastseat_domain::ports::seat_guard::{Extend, Lock, LockAny};
use lastseat_domain::{BookingId, SeatId};
use std::collections::HashMap;
use std::time::Duration;

/// No sweep before this many insertions: a small table is not worth one.
const MIN_INSERTS_BETWEEN_SWEEPS: usize = 256;

/// A lease, or the mark of a sale.
#[derive(Debug, Clone, Copy)]
struct Entry {
    owner: BookingId,
    /// Gone from this moment on.
    until: i64,
    sold: bool,
}

impl Entry {
    fn is_lease_of(&self, owner: BookingId) -> bool {
        self.owner == owner && !self.sold
    }
}

/// Leases and sold marks of one show.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: HashMap<SeatId, Entry>,
    /// Insertions since the last sweep.
    inserts: usize,
}

impl Table {
    /// The entry of a seat, unless it has run out.
    fn live(&self, seat: &SeatId, now: i64) -> Option<&Entry> {
        self.entries.get(seat).filter(|entry| entry.until > now)
    }

    pub(super) fn lock(&mut self, seats: &[SeatId], owner: BookingId, now: i64, until: i64) -> Lock {
        for (index, seat) in seats.iter().enumerate() {
            if let Some(entry) = self.live(seat, now)
                && !entry.is_lease_of(owner)
            {
                return Lock::Taken { index, lease_left: left(entry.until, now), sold: entry.sold };
            }
        }
        let (mut fresh, mut already) = (0, 0);
        for seat in seats {
            if self.lease(seat, owner, now, until) { fresh += 1 } else { already += 1 }
        }
        Lock::Locked { fresh, already }
    }

    pub(super) fn lock_any(&mut self, candidates: &[SeatId], n: usize, owner: BookingId, now: i64, until: i64) -> LockAny {
        let mut picked: Vec<(usize, &SeatId)> = Vec::new();
        for (index, seat) in candidates.iter().enumerate() {
            if picked.len() == n {
                break;
            }
            // A candidate that is named twice is one seat all the same.
            if self.live(seat, now).is_none() && !picked.iter().any(|(_, other)| *other == seat) {
                picked.push((index, seat));
            }
        }
        if picked.len() < n {
            return LockAny::NotEnough { free: picked.len() };
        }
        for (_, seat) in &picked {
            self.lease(seat, owner, now, until);
        }
        LockAny::Locked(picked.into_iter().map(|(index, _)| index).collect())
    }

    pub(super) fn extend(&mut self, seats: &[SeatId], owner: BookingId, now: i64, until: i64) -> Extend {
        let lost = seats.iter().position(|seat| !self.live(seat, now).is_some_and(|entry| entry.is_lease_of(owner)));
        if let Some(index) = lost {
            return Extend::Lost { index };
        }
        for seat in seats {
            self.lease(seat, owner, now, until);
        }
        Extend::Extended
    }

    /// Takes out the owner's leases, or what was sold to it; says how many. What ran out is taken
    /// out on the way and not counted.
    pub(super) fn remove(&mut self, seats: &[SeatId], owner: BookingId, sold: bool, now: i64) -> usize {
        let mut removed = 0;
        for seat in seats {
            let Some(entry) = self.entries.get(seat) else { continue };
            let live = entry.until > now;
            if live && (entry.owner != owner || entry.sold != sold) {
                continue;
            }
            self.entries.remove(seat);
            removed += usize::from(live);
        }
        removed
    }

    pub(super) fn mark_sold(&mut self, seats: &[SeatId], owner: BookingId, now: i64, until: i64) -> usize {
        let mut marked = 0;
        for seat in seats {
            let before = self.live(seat, now).copied();
            if before.is_some_and(|entry| entry.owner != owner) {
                continue;
            }
            // Marking again never shortens the mark.
            let until = before.map_or(until, |entry| entry.until.max(until));
            self.put(seat, Entry { owner, until, sold: true }, now);
            marked += 1;
        }
        marked
    }

    pub(super) fn sweep(&mut self, now: i64) {
        self.entries.retain(|_, entry| entry.until > now);
        self.inserts = 0;
        // A sale leaves a table that is large and empty.
        if self.entries.capacity() / 4 > self.entries.len().max(MIN_INSERTS_BETWEEN_SWEEPS) {
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Leases a seat that is free or the owner's, for no shorter than it was. Says whether it was
    /// free.
    fn lease(&mut self, seat: &SeatId, owner: BookingId, now: i64, until: i64) -> bool {
        if let Some(entry) = self.entries.get_mut(seat).filter(|entry| entry.until > now) {
            entry.until = entry.until.max(until);
            return false;
        }
        self.put(seat, Entry { owner, until, sold: false }, now);
        true
    }

    fn put(&mut self, seat: &SeatId, entry: Entry, now: i64) {
        if self.entries.insert(seat.clone(), entry).is_none() {
            self.inserts += 1;
            // Half of what is there came since the last sweep: each insertion pays for two entries.
            if self.inserts >= MIN_INSERTS_BETWEEN_SWEEPS.max(self.entries.len() / 2) {
                self.sweep(now);
            }
        }
    }
}

fn left(until: i64, now: i64) -> Duration {
    Duration::from_millis(u64::try_from(until.saturating_sub(now)).unwrap_or(0))
}
