//! The pending bookings: which bookings have something left to be done, and when. A pure fold of the
//! log, so every node comes to the same list, also after a crash.
//!
//! It folds each booking as its stream says, and asks [`next_step`] what is due. Besides the booking it
//! keeps what only other streams tell: the seats that are locked for it, and which rewards have been
//! recorded.

use super::confirmed_bookings::{ConfirmedBookings, Sale};
use crate::payment::calls_gateway;
use chrono::TimeDelta;
use lastseat_domain::booking::{self, Booking, Phase};
use lastseat_domain::event::{BookingOpened, Event};
use lastseat_domain::settle::{Step, next_step};
use lastseat_domain::{BookingId, Envelope, SeatId, ShowId, StreamName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A payment that has to be recorded in the buyer's loyalty account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reward {
    /// Captured: count it.
    Credit { opened: Arc<BookingOpened>, cause: Cause },
    /// Refunded: take it back.
    Revoke { booking: BookingId, cause: Cause },
}

/// The event that a reward follows from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    pub event: Uuid,
    pub trace: Option<String>,
}

/// A captured booking whose loyalty event has not been seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Credit {
    opened: Arc<BookingOpened>,
    cause: Cause,
}

/// A refunded booking whose loyalty event has not been seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Revoke {
    sale: Sale,
    cause: Cause,
}

#[derive(Default)]
pub(crate) struct PendingBookings {
    open: HashMap<BookingId, Entry>,
    due: BTreeSet<(Timestamp, BookingId)>,
    /// Bookings whose next step calls the gateway, which wait for their turn there since these times.
    waiting: BTreeSet<(Timestamp, BookingId)>,
    /// Rewards whose loyalty event has not been seen.
    credits: BTreeMap<BookingId, Credit>,
    revokes: BTreeMap<BookingId, Revoke>,
    confirmed: ConfirmedBookings,
}

/// The pending bookings as a snapshot has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FrozenBookings {
    open: Vec<(BookingId, Entry)>,
    credits: BTreeMap<BookingId, Credit>,
    revokes: BTreeMap<BookingId, Revoke>,
    confirmed: ConfirmedBookings,
}

impl FrozenBookings {
    /// What is wrong with those that were read from a file.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.confirmed.check()
    }

    /// How many of them have something left to be done.
    pub(crate) fn unfinished(&self) -> usize {
        self.open.len()
    }
}

/// How long before the end of a hold the gateway is asked a last time whether its buyer has paid.
const LAST_LOOK: TimeDelta = TimeDelta::seconds(5);

/// A booking with something left to be done.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// None before its opening is seen. Not in the entry itself, because the map's free slots take as much as its
    /// entries; shared with a snapshot until it changes.
    booking: Option<Arc<Booking>>,
    /// Seats that are locked for it. Its own seats leave the set when it is captured.
    locked: BTreeSet<(ShowId, SeatId)>,
    /// Sold seats that its refund has not freed yet.
    to_free: u32,
    /// None while it is being looked at, or if nothing is due.
    due: Option<Timestamp>,
    /// Since when it waits for its turn at the gateway. Meanwhile `due` is the end of its hold.
    #[serde(skip)]
    waits: Option<Timestamp>,
}

impl Entry {
    /// When to check it, as of `now`. `later`: until when a booking in progress is left to the node that
    /// works on it.
    fn due_at(&self, now: Timestamp, later: Timestamp) -> Option<Timestamp> {
        let Some(booking) = &self.booking else { return Some(later) };
        match next_step(booking, now) {
            Step::Done => (self.is_over() && !self.locked.is_empty()).then_some(later),
            Step::WaitUntil(deadline) => Some(deadline),
            Step::Expire => booking.expires_at,
            // The buyer is at their bank. Their next request or a webhook brings the outcome. If neither
            // comes, the gateway is asked once more before the hold ends.
            Step::CheckAction if matches!(booking.phase, Phase::ActionRequired { .. }) => {
                booking.expires_at.map(|end| if now < end - LAST_LOOK { end - LAST_LOOK } else { end })
            }
            _ => Some(later),
        }
    }

    /// Whether nothing can be done for it without the gateway.
    fn needs_gateway(&self, now: Timestamp) -> bool {
        let Some(booking) = &self.booking else { return false };
        match next_step(booking, now) {
            // Its seats come first, for which the log is enough.
            Step::ReleaseSeatsAndVoid(_) if !self.locked.is_empty() => false,
            step => calls_gateway(booking, &step),
        }
    }

    /// When its hold ends, which needs no gateway.
    fn ends(&self) -> Option<Timestamp> {
        self.booking.as_ref().filter(|booking| booking.is_undecided()).and_then(|booking| booking.expires_at)
    }

    /// Whether the booking has ended, as sold or not. Seats may still have to be released.
    fn is_over(&self) -> bool {
        self.booking.as_ref().is_none_or(|b| {
            matches!(b.phase, Phase::Aborted { .. } | Phase::Refunded | Phase::Confirmed { refund_requested: false })
        })
    }

    /// Whether nothing is left to be done, unless another event comes.
    fn is_finished(&self, now: Timestamp) -> bool {
        self.locked.is_empty()
            && self.is_over()
            && self.booking.as_ref().is_none_or(|booking| match next_step(booking, now) {
                // Naming the step again and again is all that the rule can do: it does not see the seats.
                Step::ReleaseSeats(_) => self.to_free == 0,
                step => step == Step::Done,
            })
    }
}

impl PendingBookings {
    /// Applies an event. `patience`: how long a booking in progress is left to the node that works on it.
    pub(crate) fn apply(&mut self, envelope: &Envelope, patience: Duration) -> Option<Reward> {
        let now = envelope.metadata.at;
        let later = now + patience;
        match &envelope.event {
            Event::SeatLocked(e) => self.seat(e.booking, &envelope.stream, true, now, later),
            Event::SeatReleased(e) => self.seat(e.booking, &envelope.stream, false, now, later),
            Event::PointsEarned(e) => {
                self.credits.remove(&e.booking);
            }
            Event::PointsRevoked(e) => {
                self.revokes.remove(&e.booking);
            }
            _ => return envelope.stream.as_booking().and_then(|booking| self.booking(booking, envelope, later)),
        }
        None
    }

    /// Applies an event of a booking's stream.
    fn booking(&mut self, id: BookingId, envelope: &Envelope, later: Timestamp) -> Option<Reward> {
        let now = envelope.metadata.at;
        let is_confirmed = self.confirmed.contains(id);
        let refunded = match envelope.event {
            Event::PaymentRefunded(_) | Event::PaymentReturnedElsewhere(_) => self.confirmed.remove(id),
            _ => None,
        };
        let mut captured = None;
        self.change(id, now, |entry| {
            let before = entry.booking.take().map(Arc::unwrap_or_clone).or_else(|| is_confirmed.then(|| confirmed(id)));
            entry.booking = booking::evolve(before, &envelope.event, now).map(Arc::new);
            entry.to_free = refunded.as_ref().map_or(entry.to_free, |sale| sale.seats);
            if let (Event::PaymentCaptured(_), Some(booking)) = (&envelope.event, &entry.booking) {
                captured.clone_from(&booking.opened);
                // What it has besides its own seats (a repeated hold on an area had picked other
                // units, and its node died) still has to be released.
                let bought = |(show, seat): &(ShowId, SeatId)| {
                    booking.show() == Some(show) && booking.seats().iter().any(|p| p.seat == *seat)
                };
                entry.locked.retain(|seat| !bought(seat));
            }
            match envelope.event {
                // A payment in progress is looked at no later for it.
                Event::HoldExtended(_) if entry.due.is_some_and(|due| due < later) => entry.due.min(entry.due_at(now, later)),
                _ => entry.due_at(now, later),
            }
        });
        let cause = Cause { event: envelope.id, trace: envelope.metadata.trace.clone() };
        match (captured, refunded) {
            (Some(opened), _) => Some(self.captured(opened, cause)),
            (_, Some(sale)) => {
                self.revokes.insert(id, Revoke { sale, cause: cause.clone() });
                Some(Reward::Revoke { booking: id, cause })
            }
            _ => None,
        }
    }

    fn captured(&mut self, opened: BookingOpened, cause: Cause) -> Reward {
        let (booking, seats) = (opened.booking, u32::try_from(opened.seats.len()).unwrap_or(u32::MAX));
        self.confirmed.insert(booking, &Sale { show: opened.show.clone(), seats });
        let opened = Arc::new(opened);
        self.credits.insert(booking, Credit { opened: Arc::clone(&opened), cause: cause.clone() });
        Reward::Credit { opened, cause }
    }

    fn seat(&mut self, booking: BookingId, stream: &StreamName, locked: bool, now: Timestamp, later: Timestamp) {
        let Some(seat) = stream.as_seat() else { return };
        self.change(booking, now, |entry| {
            if locked {
                entry.locked.insert(seat);
            } else {
                entry.to_free = entry.to_free.saturating_sub(u32::from(!entry.locked.remove(&seat)));
            }
            // A lock whose append took long may come after the booking's end.
            if entry.is_over() { Some(later) } else { entry.due }
        });
    }

    /// Changes an entry and its due time; removes it once it is finished.
    fn change(&mut self, booking: BookingId, now: Timestamp, change: impl FnOnce(&mut Entry) -> Option<Timestamp>) {
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

    /// When the next booking has to be looked at.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The bookings that are due at `now`.
    pub(crate) fn due(&self, now: Timestamp) -> impl Iterator<Item = BookingId> {
        self.due.iter().take_while(move |(due, _)| *due <= now).map(|(_, booking)| *booking)
    }

    /// Takes bookings that are due at `now` and need the log only, at most `limit`, with the seats that are locked for
    /// each. Those that need the gateway begin to wait for their turn. They come back with [`Self::again`],
    /// [`Self::done`] or [`Self::wait_for_gateway`].
    pub(crate) fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<(BookingId, Vec<(ShowId, SeatId)>)> {
        let mut taken = Vec::new();
        while let Some((due, booking)) = self.due.first().copied()
            && due <= now
        {
            if self.open.get(&booking).is_some_and(|entry| entry.needs_gateway(now)) {
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

    /// Takes bookings whose turn at the gateway has come, at most `limit`. Their holds end in time nevertheless. They
    /// come back with [`Self::again_at_gateway`] or [`Self::done`].
    pub(crate) fn take_waiting(&mut self, now: Timestamp, limit: usize) -> Vec<(BookingId, Vec<(ShowId, SeatId)>)> {
        let mut taken = Vec::new();
        while taken.len() < limit
            && let Some((_, booking)) = self.waiting.pop_first()
        {
            taken.extend(self.take(booking));
            let ends = self.open.get(&booking).and_then(Entry::ends).filter(|end| *end > now);
            ends.into_iter().for_each(|end| self.again(booking, end));
        }
        taken
    }

    fn take(&mut self, booking: BookingId) -> Option<(BookingId, Vec<(ShowId, SeatId)>)> {
        let entry = self.open.get_mut(&booking)?;
        if let Some(due) = entry.due.take() {
            self.due.remove(&(due, booking));
        }
        if let Some(since) = entry.waits.take() {
            self.waiting.remove(&(since, booking));
        }
        Some((booking, entry.locked.iter().cloned().collect()))
    }

    /// A booking waits for its turn at the gateway, `since` then. Its hold ends in time nevertheless.
    pub(crate) fn wait_for_gateway(&mut self, booking: BookingId, since: Timestamp, now: Timestamp) {
        let Some(entry) = self.open.get_mut(&booking) else { return };
        let ends = entry.ends().filter(|end| *end > now);
        if let Some(due) = std::mem::replace(&mut entry.due, ends) {
            self.due.remove(&(due, booking));
        }
        self.due.extend(ends.map(|end| (end, booking)));
        if entry.waits.is_none() {
            entry.waits = Some(since);
            self.waiting.insert((since, booking));
        }
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

    /// Looks at a booking that comes back from the gateway again at `due`, or at the time that is set for it if that is
    /// sooner. If its hold has ended meanwhile, at once: the log is enough for that.
    pub(crate) fn again_at_gateway(&mut self, booking: BookingId, now: Timestamp, due: Timestamp) {
        let Some(entry) = self.open.get_mut(&booking).filter(|entry| entry.waits.is_none()) else { return };
        let due = entry.ends().map_or(due, |end| end.max(now).min(due));
        match entry.due {
            Some(set) if set <= due => return,
            Some(set) => drop(self.due.remove(&(set, booking))),
            None => {}
        }
        entry.due = Some(due);
        self.due.insert((due, booking));
    }

    /// A booking was looked at and has nothing left to be done. Only what is over is forgotten: the log
    /// may still have events of the others. One with seats is looked at again at `later`: the events of
    /// their release may be on their way, or they were locked after the look.
    pub(crate) fn done(&mut self, booking: BookingId, later: Timestamp) {
        let Some(entry) = self.open.get(&booking).filter(|entry| entry.due.is_none() && entry.is_over()) else { return };
        if !entry.locked.is_empty() {
            self.again(booking, later);
        } else if let Some(since) = self.open.remove(&booking).and_then(|entry| entry.waits) {
            self.waiting.remove(&(since, booking));
        }
    }

    /// After the log was read from its start: no node of this process works on anything, so whatever
    /// is in progress is due now.
    pub(crate) fn make_unfinished_due(&mut self, now: Timestamp) {
        for (booking, entry) in self.open.iter_mut().filter(|(_, entry)| entry.due.is_some()) {
            let due = entry.due_at(now, now);
            if let Some(before) = std::mem::replace(&mut entry.due, due) {
                self.due.remove(&(before, *booking));
            }
            self.due.extend(due.map(|due| (due, *booking)));
        }
    }

    /// Rewards that are missing.
    pub(crate) fn missing_rewards(&self) -> Vec<Reward> {
        let credits = self.credits.values().cloned().map(|Credit { opened, cause }| Reward::Credit { opened, cause });
        let revokes = self.revokes.iter().map(|(id, revoke)| Reward::Revoke { booking: *id, cause: revoke.cause.clone() });
        credits.chain(revokes).collect()
    }

    /// Show and seats of a refunded booking whose loyalty event has not been seen.
    pub(crate) fn refunded(&self, booking: BookingId) -> Option<&Sale> {
        self.revokes.get(&booking).map(|revoke| &revoke.sale)
    }

    /// How a pending booking was opened, and its deadline.
    pub(crate) fn opened(&self, booking: BookingId) -> Option<(&BookingOpened, Option<Timestamp>)> {
        let booking = self.open.get(&booking)?.booking.as_ref()?;
        Some((booking.opened.as_ref()?, booking.expires_at))
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// What a snapshot keeps. Copies what is under way; what is finished stays shared until it changes.
    pub(crate) fn freeze(&self) -> FrozenBookings {
        // What waits for the gateway here is due elsewhere.
        let freeze = |entry: &Entry| Entry { due: entry.waits.or(entry.due), waits: None, ..entry.clone() };
        FrozenBookings {
            open: self.open.iter().map(|(id, entry)| (*id, freeze(entry))).collect(),
            credits: self.credits.clone(),
            revokes: self.revokes.clone(),
            confirmed: self.confirmed.clone(),
        }
    }

    /// The pending bookings of a snapshot. `now`: when what was being looked at then is due.
    pub(crate) fn thaw(frozen: FrozenBookings, now: Timestamp) -> Self {
        let FrozenBookings { open, credits, revokes, confirmed } = frozen;
        let mut thawed = Self { open: HashMap::with_capacity(open.len()), credits, revokes, confirmed, ..Self::default() };
        for (id, mut entry) in open {
            entry.due = entry.due.or_else(|| entry.due_at(now, now));
            thawed.due.extend(entry.due.map(|due| (due, id)));
            thawed.open.insert(id, entry);
        }
        thawed
    }

    /// The bookings that are neither sold nor over, as they were opened.
    pub(crate) fn undecided(&self) -> impl Iterator<Item = &BookingOpened> {
        let bookings = self.open.values().filter_map(|entry| entry.booking.as_deref());
        bookings
            .filter(|booking| booking.is_undecided() || booking.phase == Phase::Committed)
            .filter_map(|booking| booking.opened.as_ref())
    }
}

#[cfg(test)]
impl FrozenBookings {
    /// What a snapshot that forgets one part has.
    pub(crate) fn forget(&mut self, part: &str) {
        match part {
            "open" => self.open.clear(),
            "credits" => self.credits.clear(),
            "revokes" => self.revokes.clear(),
            "confirmed" => self.confirmed = ConfirmedBookings::default(),
            "to_free" => self.open.iter_mut().for_each(|(_, entry)| entry.to_free = 0),
            "locked" => self.open.iter_mut().for_each(|(_, entry)| entry.locked.clear()),
            _ => panic!("no part {part}"),
        }
    }
}

#[cfg(test)]
impl PendingBookings {
    /// A booking that is sold and rewarded.
    pub(crate) fn sell(&mut self, id: BookingId) {
        let show = ShowId::new("gala").expect("an id");
        self.confirmed.insert(id, &Sale { show, seats: 2 });
    }

    /// Why the two would not do the same from now on.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            (self.open != other.open, "what is under way"),
            (self.due != other.due, "when it is due"),
            (self.credits != other.credits, "missing rewards"),
            (self.revokes != other.revokes, "rewards to be taken back"),
            (self.confirmed.all() != other.confirmed.all(), "confirmed bookings"),
        ]
        .into_iter()
        .find_map(|(differs, part)| differs.then_some(part))
    }
}

/// A confirmed booking, as much of it as its refund needs.
fn confirmed(id: BookingId) -> Booking {
    Booking {
        id,
        opened: None,
        opened_at: None,
        expires_at: None,
        extended: false,
        phase: Phase::Confirmed { refund_requested: false },
        attempts: Vec::new(),
        intent: None,
        voided: false,
        flagged: false,
        reviewed: None,
        capture_before: None,
    }
}
