//! The seat table: what this node knows of every seat of a show, one word a seat, without locks.
//!
//! It answers most of a flash sale: a seat that is known to be taken is refused here, without an actor,
//! the guard or a disk. It may be stale, so it may only say no, and a stale no lasts milliseconds. Each
//! word carries the log position that it is true at, so that own appends and the log's subscription
//! may arrive in any order and the newest wins.

use lastseat_domain::Timestamp;
use lastseat_domain::plan::Plan;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat_state::SeatState;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// Low bits of a word: the state. The rest: the position.
const STATE_BITS: u32 = 2;

/// State of every seat of a show.
pub(crate) struct SeatTable {
    words: Box<[AtomicU64]>,
    /// When each seat may become free, in milliseconds since the epoch. Shown to buyers, never used to
    /// decide.
    until: Box<[AtomicI64]>,
    /// Seats with a [`Claim`].
    claims: Box<[AtomicBool]>,
    areas: Box<[AreaTally]>,
}

/// Every seat of a show as a snapshot has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeatTableSnapshot {
    words: Vec<u64>,
    until: Vec<i64>,
}

/// Seats that one hold is trying to get, all or none. Other holds of this node don't try them until it
/// is dropped.
pub(crate) struct Claim {
    table: Arc<SeatTable>,
    seats: Vec<u32>,
}

impl Claim {
    /// Claims all of `seats`.
    ///
    /// # Errors
    /// The first seat that another hold has claimed.
    pub(crate) fn of(table: &Arc<SeatTable>, seats: &[u32]) -> Result<Self, u32> {
        let mut claim = Self { table: table.clone(), seats: Vec::with_capacity(seats.len()) };
        for seat in seats {
            match table.claims.get(*seat as usize) {
                Some(slot) if slot.swap(true, Ordering::AcqRel) => return Err(*seat),
                _ => claim.seats.push(*seat),
            }
        }
        Ok(claim)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        for seat in &self.seats {
            if let Some(slot) = self.table.claims.get(*seat as usize) {
                slot.store(false, Ordering::Release);
            }
        }
    }
}

/// Counts of an area.
struct AreaTally {
    first: usize,
    capacity: usize,
    available: AtomicI64,
    /// Where the next search starts, so that buyers at the same moment look at different places.
    cursor: AtomicUsize,
    /// When the first held seat may become free, and when that was last looked up; both in
    /// milliseconds since the epoch.
    first_free: AtomicI64,
    looked_up: AtomicI64,
}

/// How old the answer to "when may one become free" may be. Looking it up reads the whole area, and
/// every loser of a sold-out area asks.
const FIRST_FREE_MS: i64 = 250;

impl SeatTable {
    pub(crate) fn new(plan: &Plan) -> Self {
        let areas = plan.areas.iter().map(|a| AreaTally {
            first: a.first as usize,
            capacity: a.capacity as usize,
            available: AtomicI64::new(a.capacity.into()),
            cursor: AtomicUsize::new(0),
            first_free: AtomicI64::new(0),
            looked_up: AtomicI64::new(i64::MIN),
        });
        Self {
            words: (0..plan.len()).map(|_| AtomicU64::new(0)).collect(),
            until: (0..plan.len()).map(|_| AtomicI64::new(0)).collect(),
            claims: (0..plan.len()).map(|_| AtomicBool::new(false)).collect(),
            areas: areas.collect(),
        }
    }

    /// What a snapshot keeps of every seat. A seat may change meanwhile: its word says at which position it is true, and
    /// that event is read again.
    pub(crate) fn take_snapshot(&self) -> SeatTableSnapshot {
        let words: Vec<u64> = self.words.iter().map(|word| word.load(Ordering::Acquire)).collect();
        let until = self.until.iter().zip(&words);
        // Of a seat that is free or sold, the time means nothing.
        let until = until.map(|(until, word)| if is_held(*word) { until.load(Ordering::Relaxed) } else { 0 }).collect();
        SeatTableSnapshot { words, until }
    }

    /// The table of a plan as a snapshot has it.
    ///
    /// # Errors
    /// What does not fit.
    pub(crate) fn restore(plan: &Plan, snapshot: SeatTableSnapshot) -> Result<Self, String> {
        let SeatTableSnapshot { words, until } = snapshot;
        if words.len() != plan.len() as usize || until.len() != words.len() {
            return Err(format!("it has {} seats of a show with {}", words.len(), plan.len()));
        }
        let table = Self::new(plan);
        for area in &table.areas {
            let seats = words.iter().skip(area.first).take(area.capacity);
            let taken = seats.filter(|word| unpack(**word).1 != SeatState::Available).count();
            area.available.fetch_sub(i64::try_from(taken).unwrap_or(i64::MAX), Ordering::AcqRel);
        }
        let words = words.into_iter().map(AtomicU64::new).collect();
        Ok(Self { words, until: until.into_iter().map(AtomicI64::new).collect(), ..table })
    }

    /// State of a seat as this node knows it.
    pub(crate) fn state(&self, seat: u32) -> SeatState {
        self.words.get(seat as usize).map_or(SeatState::Available, |word| unpack(word.load(Ordering::Acquire)).1)
    }

    /// Log position of the event that a seat's state comes from, if any is known.
    pub(crate) fn position(&self, seat: u32) -> Option<u64> {
        let position = self.words.get(seat as usize).map(|word| unpack(word.load(Ordering::Acquire)).0);
        position.filter(|position| *position > Position::START).map(|position| position.0)
    }

    /// Whether a hold may try to get the seat.
    pub(crate) fn is_free(&self, seat: u32) -> bool {
        self.state(seat) == SeatState::Available && !self.is_claimed(seat)
    }

    /// Whether a hold is trying to get the seat.
    pub(crate) fn is_claimed(&self, seat: u32) -> bool {
        self.claims.get(seat as usize).is_some_and(|claim| claim.load(Ordering::Acquire))
    }

    /// Whether holds are trying to get seats of an area.
    pub(crate) fn has_claims(&self, area: u32) -> bool {
        let Some(area) = self.areas.get(area as usize) else { return false };
        self.claims.iter().skip(area.first).take(area.capacity).any(|claim| claim.load(Ordering::Acquire))
    }

    /// Whether no event of this seat was ever seen.
    pub(crate) fn is_untouched(&self, seat: u32) -> bool {
        self.words.get(seat as usize).is_some_and(|word| word.load(Ordering::Acquire) == 0)
    }

    /// When a held seat may become free.
    pub(crate) fn free_at(&self, seat: u32) -> Option<Timestamp> {
        match self.state(seat) {
            SeatState::Locked | SeatState::InProcess => {
                let ms = self.until.get(seat as usize)?.load(Ordering::Relaxed);
                Timestamp::from_timestamp_millis(ms).filter(|_| ms > 0)
            }
            SeatState::Available | SeatState::Booked => None,
        }
    }

    /// Sets the state that a seat has at `position`, unless a newer one is known. `area` is the seat's.
    pub(crate) fn set(&self, seat: u32, area: u32, state: SeatState, position: Position, until: Option<Timestamp>) {
        let Some(word) = self.words.get(seat as usize) else { return };
        let mut old = word.load(Ordering::Acquire);
        loop {
            let (known_at, known) = unpack(old);
            if position < known_at {
                return;
            }
            match word.compare_exchange_weak(old, pack(position, state), Ordering::AcqRel, Ordering::Acquire) {
                Err(now) => old = now,
                Ok(_) => {
                    if let (Some(slot), Some(until)) = (self.until.get(seat as usize), until) {
                        slot.store(until.timestamp_millis(), Ordering::Relaxed);
                    }
                    self.tally(area, known, state);
                    return;
                }
            }
        }
    }

    fn tally(&self, area: u32, before: SeatState, after: SeatState) {
        let change = i64::from(after == SeatState::Available) - i64::from(before == SeatState::Available);
        if let Some(area) = self.areas.get(area as usize)
            && change != 0
        {
            area.available.fetch_add(change, Ordering::AcqRel);
        }
    }

    /// How many seats of an area are not known to be taken.
    pub(crate) fn available(&self, area: u32) -> u32 {
        self.areas.get(area as usize).map_or(0, |a| u32::try_from(a.available.load(Ordering::Acquire)).unwrap_or(0))
    }

    /// When the first held seat of an area may become free, give or take a quarter of a second.
    pub(crate) fn first_free_at(&self, area: u32, now: Timestamp) -> Option<Timestamp> {
        let (area, now) = (self.areas.get(area as usize)?, now.timestamp_millis());
        if now.saturating_sub(area.looked_up.load(Ordering::Acquire)) > FIRST_FREE_MS {
            area.looked_up.store(now, Ordering::Release);
            let seats = area.first..area.first + area.capacity;
            let first = seats.filter_map(|seat| self.free_at(u32::try_from(seat).ok()?)).min();
            area.first_free.store(first.map_or(0, |t| t.timestamp_millis()), Ordering::Release);
        }
        let first = area.first_free.load(Ordering::Acquire);
        Timestamp::from_timestamp_millis(first).filter(|_| first > 0)
    }

    /// Seats of an area that a hold may try to get, each once, from a starting point that moves
    /// on by `step` with every call.
    pub(crate) fn candidates(&self, area: u32, step: u32) -> impl Iterator<Item = u32> {
        let (first, capacity, start) = self.areas.get(area as usize).map_or((0, 0, 0), |a| {
            (a.first, a.capacity, a.cursor.fetch_add(step as usize, Ordering::Relaxed) % a.capacity.max(1))
        });
        (start..capacity)
            .chain(0..start)
            .filter_map(move |offset| u32::try_from(first + offset).ok())
            .filter(|seat| self.is_free(*seat))
    }
}

fn is_held(word: u64) -> bool {
    matches!(unpack(word).1, SeatState::Locked | SeatState::InProcess)
}

fn pack(position: Position, state: SeatState) -> u64 {
    let bits = match state {
        SeatState::Available => 0,
        SeatState::Locked => 1,
        SeatState::InProcess => 2,
        SeatState::Booked => 3,
    };
    (position.0 << STATE_BITS) | bits
}

fn unpack(word: u64) -> (Position, SeatState) {
    let state = match word & 0b11 {
        0 => SeatState::Available,
        1 => SeatState::Locked,
        2 => SeatState::InProcess,
        _ => SeatState::Booked,
    };
    (Position(word >> STATE_BITS), state)
}
