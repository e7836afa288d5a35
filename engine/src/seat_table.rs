//! The seat table: what this node knows of every seat of a show, one word a seat, without locks.
//!
//! It answers most of a flash sale: a seat that is known to be taken is refused here, without an actor,
//! the guard or a disk. It may be stale, so it may only say no, and a stale no lasts milliseconds. Each
//! word carries the log position that it is true at, so that own appends and the log's subscription
//! may arrive in any order and the newest wins.

use lastseat_domain::Timestamp;
use lastseat_domain::plan::{Plan, PlannedArea};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat_state::SeatState;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// Low bits of a word: the state. The rest: the position.
const STATE_BITS: u32 = 3;

/// State of every seat of a show.
///
/// It never gets smaller. A larger one ([`Self::grown`]) shares the words of the seats that this one has, so that what
/// is set in either is seen in both.
pub(crate) struct SeatTable {
    /// In the order of their seats: one, and one more for each time that seats were added.
    parts: Vec<Arc<Part>>,
    areas: Vec<AreaTally>,
}

/// Seats that follow each other in the plan.
struct Part {
    /// Index of the first.
    first: u32,
    words: Box<[AtomicU64]>,
    /// When each seat may become free, in milliseconds since the epoch. Shown to buyers, never used to
    /// decide.
    until: Box<[AtomicI64]>,
    /// Seats with a [`Claim`].
    claims: Box<[AtomicBool]>,
}

impl Part {
    /// Free seats with these indexes.
    fn free(seats: Range<u32>) -> Self {
        Self {
            first: seats.start,
            words: seats.clone().map(|_| AtomicU64::new(0)).collect(),
            until: seats.clone().map(|_| AtomicI64::new(0)).collect(),
            claims: seats.map(|_| AtomicBool::new(false)).collect(),
        }
    }
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
            match table.claim(*seat) {
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
            if let Some(slot) = self.table.claim(*seat) {
                slot.store(false, Ordering::Release);
            }
        }
    }
}

/// The seats of an area.
struct AreaTally {
    ranges: Vec<Range<u32>>,
    capacity: u32,
    counts: Arc<AreaCounts>,
}

/// Counts of an area.
struct AreaCounts {
    available: AtomicI64,
    /// Blocked: not available, but not taken either for who has access to the block.
    unavailable: AtomicI64,
    /// Where the next search starts, so that buyers at the same moment look at different places.
    cursor: AtomicUsize,
    /// When the first held seat may become free, and when that was last looked up; both in
    /// milliseconds since the epoch.
    first_free: AtomicI64,
    looked_up: AtomicI64,
}

impl AreaTally {
    fn free(area: &PlannedArea) -> Self {
        let counts = AreaCounts {
            available: AtomicI64::new(area.capacity.into()),
            unavailable: AtomicI64::new(0),
            cursor: AtomicUsize::new(0),
            first_free: AtomicI64::new(0),
            looked_up: AtomicI64::new(i64::MIN),
        };
        Self { ranges: area.ranges.clone(), capacity: area.capacity, counts: Arc::new(counts) }
    }

    fn seats(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().cloned().flatten()
    }

    fn count(&self, before: SeatState, after: SeatState) {
        for (tally, state) in [(&self.counts.available, SeatState::Available), (&self.counts.unavailable, SeatState::Unavailable)]
        {
            let change = i64::from(after == state) - i64::from(before == state);
            if change != 0 {
                tally.fetch_add(change, Ordering::AcqRel);
            }
        }
    }
}

/// How old the answer to "when may one become free" may be. Looking it up reads the whole area, and
/// every loser of a sold-out area asks.
const FIRST_FREE_MS: i64 = 250;

impl SeatTable {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self { parts: vec![Arc::new(Part::free(0..plan.len()))], areas: plan.areas.iter().map(AreaTally::free).collect() }
    }

    /// The table of a plan that has more seats than this one's, or as many. Call it once for each such plan: the seats that
    /// are added count as available from then on.
    pub(crate) fn grown(&self, plan: &Plan) -> Self {
        let mut parts = self.parts.clone();
        if plan.len() > self.len() {
            parts.push(Arc::new(Part::free(self.len()..plan.len())));
        }
        let known = self.areas.iter().map(Some).chain(std::iter::repeat(None));
        let areas = plan.areas.iter().zip(known).map(|(area, known)| match known {
            Some(known) => {
                let added = i64::from(area.capacity) - i64::from(known.capacity);
                known.counts.available.fetch_add(added, Ordering::AcqRel);
                AreaTally { ranges: area.ranges.clone(), capacity: area.capacity, counts: Arc::clone(&known.counts) }
            }
            None => AreaTally::free(area),
        });
        Self { parts, areas: areas.collect() }
    }

    fn len(&self) -> u32 {
        self.parts.last().map_or(0, |part| part.first + u32::try_from(part.words.len()).unwrap_or(0))
    }

    /// The part that has a seat, and the seat's place in it.
    fn place(&self, seat: u32) -> Option<(&Part, usize)> {
        let part = match self.parts.as_slice() {
            [only] => only,
            parts => parts.get(parts.partition_point(|part| part.first <= seat).checked_sub(1)?)?,
        };
        Some((part, seat.checked_sub(part.first)? as usize))
    }

    fn word(&self, seat: u32) -> Option<&AtomicU64> {
        self.place(seat).and_then(|(part, place)| part.words.get(place))
    }

    fn until(&self, seat: u32) -> Option<&AtomicI64> {
        self.place(seat).and_then(|(part, place)| part.until.get(place))
    }

    fn claim(&self, seat: u32) -> Option<&AtomicBool> {
        self.place(seat).and_then(|(part, place)| part.claims.get(place))
    }

    /// What a snapshot keeps of every seat. A seat may change meanwhile: its word says at which position it is true, and
    /// that event is read again.
    pub(crate) fn take_snapshot(&self) -> SeatTableSnapshot {
        let all = || self.parts.iter();
        let words: Vec<u64> = all().flat_map(|part| &part.words).map(|word| word.load(Ordering::Acquire)).collect();
        let until = all().flat_map(|part| &part.until).zip(&words);
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
            for word in area.seats().filter_map(|seat| words.get(seat as usize)) {
                area.count(SeatState::Available, unpack(*word).1);
            }
        }
        let claims = words.iter().map(|_| AtomicBool::new(false)).collect();
        let (words, until) = (words.into_iter().map(AtomicU64::new), until.into_iter().map(AtomicI64::new));
        let part = Part { first: 0, words: words.collect(), until: until.collect(), claims };
        Ok(Self { parts: vec![Arc::new(part)], ..table })
    }

    /// State of a seat as this node knows it.
    pub(crate) fn state(&self, seat: u32) -> SeatState {
        self.word(seat).map_or(SeatState::Available, |word| unpack(word.load(Ordering::Acquire)).1)
    }

    /// Log position of the event that a seat's state comes from, if any is known.
    pub(crate) fn position(&self, seat: u32) -> Option<u64> {
        let position = self.word(seat).map(|word| unpack(word.load(Ordering::Acquire)).0);
        position.filter(|position| *position > Position::START).map(|position| position.0)
    }

    /// Whether a hold may try to get the seat.
    pub(crate) fn is_free(&self, seat: u32) -> bool {
        self.state(seat) == SeatState::Available && !self.is_claimed(seat)
    }

    /// Whether a hold is trying to get the seat.
    pub(crate) fn is_claimed(&self, seat: u32) -> bool {
        self.claim(seat).is_some_and(|claim| claim.load(Ordering::Acquire))
    }

    /// Whether holds are trying to get seats of an area.
    pub(crate) fn has_claims(&self, area: u32) -> bool {
        let Some(area) = self.areas.get(area as usize) else { return false };
        area.seats().any(|seat| self.is_claimed(seat))
    }

    /// Whether no event of this seat was ever seen.
    pub(crate) fn is_untouched(&self, seat: u32) -> bool {
        self.word(seat).is_some_and(|word| word.load(Ordering::Acquire) == 0)
    }

    /// When a held seat may become free.
    pub(crate) fn free_at(&self, seat: u32) -> Option<Timestamp> {
        match self.state(seat) {
            SeatState::Locked | SeatState::InProcess => {
                let ms = self.until(seat)?.load(Ordering::Relaxed);
                Timestamp::from_timestamp_millis(ms).filter(|_| ms > 0)
            }
            SeatState::Available | SeatState::Booked | SeatState::Unavailable => None,
        }
    }

    /// Sets the state that a seat has at `position`, unless a newer one is known. `area` is the seat's.
    pub(crate) fn set(&self, seat: u32, area: u32, state: SeatState, position: Position, until: Option<Timestamp>) {
        let Some(word) = self.word(seat) else { return };
        let mut old = word.load(Ordering::Acquire);
        loop {
            let (known_at, known) = unpack(old);
            if position < known_at {
                return;
            }
            match word.compare_exchange_weak(old, pack(position, state), Ordering::AcqRel, Ordering::Acquire) {
                Err(now) => old = now,
                Ok(_) => {
                    if let (Some(slot), Some(until)) = (self.until(seat), until) {
                        slot.store(until.timestamp_millis(), Ordering::Relaxed);
                    }
                    self.tally(area, known, state);
                    return;
                }
            }
        }
    }

    fn tally(&self, area: u32, before: SeatState, after: SeatState) {
        if let Some(area) = self.areas.get(area as usize) {
            area.count(before, after);
        }
    }

    /// How many seats of an area are not known to be taken.
    pub(crate) fn available(&self, area: u32) -> u32 {
        self.areas.get(area as usize).map_or(0, |a| u32::try_from(a.counts.available.load(Ordering::Acquire)).unwrap_or(0))
    }

    /// How many seats of an area are known to be blocked.
    pub(crate) fn unavailable(&self, area: u32) -> u32 {
        self.areas.get(area as usize).map_or(0, |a| u32::try_from(a.counts.unavailable.load(Ordering::Acquire)).unwrap_or(0))
    }

    /// When the first held seat of an area may become free, give or take a quarter of a second.
    pub(crate) fn first_free_at(&self, area: u32, now: Timestamp) -> Option<Timestamp> {
        let (area, now) = (self.areas.get(area as usize)?, now.timestamp_millis());
        let counts = &area.counts;
        if now.saturating_sub(counts.looked_up.load(Ordering::Acquire)) > FIRST_FREE_MS {
            counts.looked_up.store(now, Ordering::Release);
            let first = area.seats().filter_map(|seat| self.free_at(seat)).min();
            counts.first_free.store(first.map_or(0, |t| t.timestamp_millis()), Ordering::Release);
        }
        let first = counts.first_free.load(Ordering::Acquire);
        Timestamp::from_timestamp_millis(first).filter(|_| first > 0)
    }

    /// Seats of an area that a hold may try to get, each once, from a starting point that moves
    /// on by `step` with every call.
    pub(crate) fn candidates(&self, area: u32, step: u32) -> impl Iterator<Item = u32> {
        let (ranges, start) = self.areas.get(area as usize).map_or((&[][..], 0), |a| {
            let places = (a.capacity as usize).max(1);
            (a.ranges.as_slice(), a.counts.cursor.fetch_add(step as usize, Ordering::Relaxed) % places)
        });
        let seats = move || ranges.iter().cloned().flatten();
        seats().skip(start).chain(seats().take(start)).filter(|seat| self.is_free(*seat))
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
        SeatState::Unavailable => 4,
    };
    (position.0 << STATE_BITS) | bits
}

fn unpack(word: u64) -> (Position, SeatState) {
    let state = match word & 0b111 {
        0 => SeatState::Available,
        1 => SeatState::Locked,
        2 => SeatState::InProcess,
        3 => SeatState::Booked,
        _ => SeatState::Unavailable,
    };
    (Position(word >> STATE_BITS), state)
}
