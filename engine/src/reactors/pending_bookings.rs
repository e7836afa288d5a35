//! The pending bookings: which bookings have something left to be done, when, and which rewards are missing. A pure
//! fold of the log, so every node comes to the same list, also after a crash.
//!
//! It folds each booking as its stream says, and asks [`next_step`](lastseat_domain::settle::next_step) what is due.
//! Besides the booking it keeps what only other streams tell: the seats that are locked for it, and which rewards have
//! been recorded.

mod entry;
mod reading;
pub(crate) mod schedule;

use super::confirmed_bookings::{ConfirmedBookings, Sale};
use super::pending_blocks::{PendingBlocks, PendingBlocksSnapshot};
use entry::Entry;
use lastseat_domain::booking::{self, Booking, Phase};
use lastseat_domain::event::{BookingOpened, Event};
use lastseat_domain::{BookingId, BuyerId, Envelope, SeatId, ShowId, StreamName, Timestamp};
pub(crate) use reading::{Patience, Reading};
use schedule::Schedule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
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
    /// None once its seats count no more for its buyer.
    sale: Option<Sale>,
    cause: Cause,
}

/// A refunded booking, and whose it was.
pub(crate) type Refunded = (BookingId, BuyerId);

#[derive(Default)]
pub(crate) struct PendingBookings {
    pub schedule: Schedule,
    /// Rewards whose loyalty event has not been seen.
    credits: BTreeMap<BookingId, Credit>,
    revokes: BTreeMap<BookingId, Revoke>,
    confirmed: ConfirmedBookings,
    /// Seats wait for the end of a block as they do for that of a booking.
    pub blocks: PendingBlocks,
}

/// The pending bookings as a snapshot has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PendingSnapshot {
    open: Vec<(BookingId, Entry)>,
    credits: BTreeMap<BookingId, Credit>,
    revokes: BTreeMap<BookingId, Revoke>,
    confirmed: ConfirmedBookings,
    blocks: PendingBlocksSnapshot,
}

impl PendingSnapshot {
    /// What is wrong with those that were read from a file.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.confirmed.check()
    }

    /// How many of them have something left to be done.
    pub(crate) fn unfinished(&self) -> usize {
        self.open.len()
    }
}

impl PendingBookings {
    /// Applies an event.
    pub(crate) fn apply(&mut self, envelope: &Envelope, reading: &Reading) -> Option<Reward> {
        let now = envelope.metadata.at;
        let later = now + reading.in_progress();
        self.blocks.apply(envelope, reading);
        match &envelope.event {
            Event::SeatLocked(e) => self.seat(e.booking, &envelope.stream, true, now, later),
            Event::SeatReleased(e) => self.seat(e.booking, &envelope.stream, false, now, later),
            Event::PointsEarned(e) => {
                self.credits.remove(&e.booking);
                // Earlier versions counted every booking.
                self.confirmed.set_counted(e.booking);
            }
            Event::PointsRevoked(e) => {
                self.revokes.remove(&e.booking);
            }
            _ => return envelope.stream.as_booking().and_then(|booking| self.booking(booking, envelope, reading)),
        }
        None
    }

    /// Applies an event of a booking's stream.
    fn booking(&mut self, id: BookingId, envelope: &Envelope, reading: &Reading) -> Option<Reward> {
        let now = envelope.metadata.at;
        let later = now + reading.in_progress();
        let is_confirmed = self.confirmed.contains(id);
        let refunded = match envelope.event {
            Event::PaymentRefunded(_) | Event::PaymentReturnedElsewhere(_) => self.confirmed.remove(id),
            _ => None,
        };
        let mut captured = None;
        self.schedule.change(id, now, |entry| {
            entry.grace = reading.grace();
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
            (Some(opened), _) => self.captured(opened, cause, reading),
            (_, Some(sale)) if sale.counted => {
                self.revokes.insert(id, Revoke { sale: Some(sale), cause: cause.clone() });
                Some(Reward::Revoke { booking: id, cause })
            }
            _ => None,
        }
    }

    fn captured(&mut self, opened: BookingOpened, cause: Cause, reading: &Reading) -> Option<Reward> {
        let counted = (reading.earns)(&opened);
        let (booking, seats) = (opened.booking, u32::try_from(opened.seats.len()).unwrap_or(u32::MAX));
        self.confirmed.insert(booking, &Sale { show: opened.show.clone(), seats, counted });
        let opened = Arc::new(opened);
        if !counted {
            return None;
        }
        self.credits.insert(booking, Credit { opened: Arc::clone(&opened), cause: cause.clone() });
        Some(Reward::Credit { opened, cause })
    }

    fn seat(&mut self, booking: BookingId, stream: &StreamName, locked: bool, now: Timestamp, later: Timestamp) {
        let Some(seat) = stream.as_seat() else { return };
        self.schedule.change(booking, now, |entry| {
            if locked {
                entry.locked.insert(seat);
            } else {
                entry.to_free = entry.to_free.saturating_sub(u32::from(!entry.locked.remove(&seat)));
            }
            // A lock whose append took long may come after the booking's end.
            if entry.is_over() { Some(later) } else { entry.due }
        });
    }

    /// Whether a reward is still missing.
    pub(crate) fn is_missing(&self, reward: &Reward) -> bool {
        match reward {
            Reward::Credit { opened, .. } => self.credits.contains_key(&opened.booking),
            Reward::Revoke { booking, .. } => self.revokes.contains_key(booking),
        }
    }

    /// Rewards that are missing.
    pub(crate) fn missing_rewards(&self) -> Vec<Reward> {
        let credits = self.credits.values().cloned().map(|Credit { opened, cause }| Reward::Credit { opened, cause });
        let revokes = self.revokes.iter().map(|(id, revoke)| Reward::Revoke { booking: *id, cause: revoke.cause.clone() });
        credits.chain(revokes).collect()
    }

    /// Show and seats of a refunded booking that still count for its buyer: from now on no more.
    pub(crate) fn give_back(&mut self, booking: BookingId) -> Option<Sale> {
        self.revokes.get_mut(&booking)?.sale.take()
    }

    /// How a pending booking was opened, and its deadline.
    pub(crate) fn opened(&self, booking: BookingId) -> Option<(&BookingOpened, Option<Timestamp>)> {
        let booking = self.schedule.get(booking)?.booking.as_ref()?;
        Some((booking.opened.as_ref()?, booking.expires_at))
    }

    /// What a snapshot keeps. Copies what is under way; what is finished stays shared until it changes.
    pub(crate) fn take_snapshot(&self) -> PendingSnapshot {
        PendingSnapshot {
            open: self.schedule.take_snapshot(),
            credits: self.credits.clone(),
            revokes: self.revokes.clone(),
            confirmed: self.confirmed.clone(),
            blocks: self.blocks.take_snapshot(),
        }
    }

    /// The pending bookings of a snapshot. `now`: when what was being looked at then is due.
    pub(crate) fn restore(snapshot: PendingSnapshot, now: Timestamp) -> Self {
        let PendingSnapshot { open, credits, revokes, confirmed, blocks } = snapshot;
        let blocks = PendingBlocks::restore(blocks);
        Self { schedule: Schedule::restore(open, now), credits, revokes, confirmed, blocks }
    }

    /// The bookings that are neither sold nor over, as they were opened.
    pub(crate) fn undecided(&self) -> impl Iterator<Item = &BookingOpened> {
        let bookings = self.schedule.entries().filter_map(|entry| entry.booking.as_deref());
        bookings
            .filter(|booking| booking.is_undecided() || booking.phase == Phase::Committed)
            .filter_map(|booking| booking.opened.as_ref())
    }
}

#[cfg(test)]
impl PendingSnapshot {
    /// What a snapshot that forgets one part has.
    pub(crate) fn forget(&mut self, part: &str) {
        match part {
            "open" => self.open.clear(),
            "credits" => self.credits.clear(),
            "revokes" => self.revokes.clear(),
            "confirmed" => self.confirmed = ConfirmedBookings::default(),
            "counted" => self.confirmed.count_all(),
            "blocks" => self.blocks = PendingBlocksSnapshot::default(),
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
        self.confirmed.insert(id, &Sale { show, seats: 2, counted: true });
    }

    /// Why the two would not do the same from now on.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        let rest = [
            (self.credits != other.credits, "missing rewards"),
            (self.revokes != other.revokes, "rewards to be taken back"),
            (self.confirmed.all() != other.confirmed.all(), "confirmed bookings"),
            (self.blocks != other.blocks, "blocks"),
        ];
        let rest = || rest.into_iter().find_map(|(differs, part)| differs.then_some(part));
        self.schedule.difference(&other.schedule).or_else(rest)
    }
}

/// A confirmed booking, as much of it as its refund needs.
fn confirmed(id: BookingId) -> Booking {
    Booking { phase: Phase::Confirmed { refund_requested: false }, ..Booking::blank(id) }
}
