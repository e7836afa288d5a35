//! The pending bookings: which bookings have something left to be done, when, and which rewards are missing. A pure
//! fold of the log, so every node comes to the same list, also after a crash.
//!
//! It folds each booking as its stream says, and asks [`next_step`](lastseat_domain::settle::next_step) what is due.
//! Besides the booking it keeps what only other streams say: the seats that are locked for it, and which rewards have
//! been recorded.

mod entry;
mod reading;
pub(crate) mod schedule;
mod snapshot;

use super::cause::Cause;
use super::confirmed_bookings::{ConfirmedBookings, Sale};
use super::pending_blocks::PendingBlocks;
use super::pending_campaigns::PendingCampaigns;
use super::show_refunds::{Confirmed, Requested, ShowRefunds};
use crate::payment::Tried;
use lastseat_domain::booking::{self, Booking, Phase};
use lastseat_domain::event::{BookingOpened, Event};
use lastseat_domain::{BookingId, BuyerId, Envelope, SeatId, ShowId, StreamName, Timestamp};
pub(crate) use reading::{Patience, Reading};
use schedule::Schedule;
use serde::{Deserialize, Serialize};
pub(crate) use snapshot::PendingSnapshot;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// A payment that has to be recorded in the buyer's loyalty account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RewardChange {
    /// Captured: count it.
    Credit { opened: Arc<BookingOpened>, draw: Uuid, cause: Cause },
    /// Refunded: take it back, or what a partial refund gave up.
    Revoke { booking: BookingId, part: Option<Part>, cause: Cause },
}

/// A partial refund, and how many seats were given up for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub refund: u32,
    pub seats: u32,
}

/// Which refund of a booking took seats back: a partial one has a number from 1, and the whole one is 0 here.
type RefundKey = (BookingId, u32);

fn refund_key(booking: BookingId, part: Option<u32>) -> RefundKey {
    (booking, part.unwrap_or_default())
}

/// A captured booking whose loyalty event has not been seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Credit {
    opened: Arc<BookingOpened>,
    /// What its reward is drawn by.
    draw: Uuid,
    cause: Cause,
}

/// A refund whose loyalty event has not been seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Revoke {
    /// The seats that it gave back. None once they count no more for the booking's buyer.
    sale: Option<Sale>,
    part: Option<Part>,
    cause: Cause,
}

/// A booking that was refunded, or a part of it by the refund of that number, and whose it was.
#[derive(Debug, Clone)]
pub(crate) struct Refunded {
    pub booking: BookingId,
    pub part: Option<u32>,
    pub buyer: BuyerId,
}

#[derive(Default)]
pub(crate) struct PendingBookings {
    pub schedule: Schedule,
    /// Rewards whose loyalty event has not been seen.
    credits: BTreeMap<BookingId, Credit>,
    revokes: BTreeMap<RefundKey, Revoke>,
    confirmed: ConfirmedBookings,
    /// Confirmed bookings with a voucher that their refund would return.
    returning: BTreeSet<BookingId>,
    /// Seats wait for the end of a block as they do for that of a booking.
    pub blocks: PendingBlocks,
    pub show_refunds: ShowRefunds,
    pub campaigns: PendingCampaigns,
}

impl PendingBookings {
    /// Applies an event.
    pub(crate) fn apply(&mut self, envelope: &Envelope, reading: &Reading) -> Option<RewardChange> {
        let now = envelope.metadata.at;
        let later = now + reading.in_progress();
        self.blocks.apply(envelope, reading);
        self.refunds_of_show(envelope, reading);
        self.campaigns.apply(envelope, reading);
        self.voucher(&envelope.event, now, later, reading);
        match &envelope.event {
            Event::SeatLocked(e) => self.seat(e.booking, &envelope.stream, true, now, later),
            // Of an exchange; those of a sale are counted with its capture.
            Event::SeatBooked(e) if e.exchange > 0 => self.booked(e.booking, &envelope.stream, now),
            Event::SeatReleased(e) => self.seat(e.booking, &envelope.stream, false, now, later),
            Event::PointsEarned(e) => {
                self.credits.remove(&e.booking);
                // Earlier versions counted every booking.
                self.confirmed.set_counted(e.booking);
            }
            Event::PointsRevoked(e) if e.refund.is_some() => drop(self.revokes.remove(&refund_key(e.booking, e.refund))),
            // Nothing of it counts any more, so that a part has nothing to take back.
            Event::PointsRevoked(e) => self.revokes.retain(|(booking, _), _| *booking != e.booking),
            _ => return envelope.stream.as_booking().and_then(|booking| self.booking(booking, envelope, reading)),
        }
        None
    }

    /// Applies what an event means for the refunds of whole shows. Before the booking is folded, which may end it.
    fn refunds_of_show(&mut self, envelope: &Envelope, reading: &Reading) {
        let due = envelope.metadata.at + reading.grace();
        let cause = || Cause { event: envelope.id, trace: envelope.metadata.trace.clone() };
        let of = |booking| self.confirmed.show_of(booking).cloned();
        match &envelope.event {
            Event::ShowRefundsRequested(e) => {
                self.show_refunds.request(&e.show, Requested { by: e.by.clone(), cause: cause() }, due);
            }
            // Committed before the show was cancelled.
            Event::PaymentCaptured(e) => {
                let entry = self.schedule.get(e.booking).and_then(|entry| entry.booking.as_deref());
                if let Some(show) = entry.and_then(Booking::show).cloned() {
                    self.show_refunds.changed(&show, due);
                }
            }
            Event::RefundRequested(e) => {
                self.show_refunds.done(e.booking);
                if let Some(show) = of(e.booking).filter(|_| !reading.own) {
                    self.show_refunds.leave(&show, due);
                }
            }
            Event::PaymentPartlyRefunded(_)
            | Event::PaymentReturnedElsewhere(_)
            | Event::PaymentReviewed(_)
            | Event::BookingExchanged(_)
            | Event::ExchangeAbandoned(_) => {
                if let Some(show) = envelope.event.booking().and_then(of) {
                    self.show_refunds.changed(&show, due);
                }
            }
            _ => {}
        }
    }

    /// Takes at most `limit` bookings of shows that are refunded whose own refund is to be requested now.
    pub(crate) fn take_show_refunds(&mut self, now: Timestamp, limit: usize) -> Vec<(BookingId, Requested)> {
        let Self { show_refunds, confirmed, schedule, .. } = self;
        show_refunds.take_due(now, limit, &Refundable { confirmed, schedule })
    }

    /// What came of the request of a booking's refund, for its show.
    pub(crate) fn take_back_show_refund(&mut self, booking: BookingId, tried: Tried, now: Timestamp) {
        match (tried, self.confirmed.show_of(booking)) {
            (Tried::Failed, Some(show)) => self.show_refunds.failed(show, booking, now, true),
            (Tried::Unreadable, Some(show)) => self.show_refunds.failed(show, booking, now, false),
            (Tried::Done, _) | (_, None) => self.show_refunds.done(booking),
        }
    }

    /// Applies an event of a booking's stream.
    fn booking(&mut self, id: BookingId, envelope: &Envelope, reading: &Reading) -> Option<RewardChange> {
        let now = envelope.metadata.at;
        let later = now + reading.in_progress();
        let is_confirmed = self.confirmed.contains(id);
        let refunded = if ends_refunded(&envelope.event) { self.confirmed.remove(id) } else { None };
        let to_return = refunded.is_some() && self.returning.contains(&id);
        let (mut captured, mut part) = (None, None);
        self.schedule.change(id, now, |entry| {
            entry.grace = reading.grace();
            let before = entry.booking.take().map(Arc::unwrap_or_clone).or_else(|| is_confirmed.then(|| confirmed(id)));
            let returned = before.as_ref().is_some_and(|before| given_up(before, &envelope.event).is_some());
            let moves = before.as_ref().and_then(|booking| booking.exchange.as_ref());
            let moves = moves.filter(|_| matches!(envelope.event, Event::BookingExchanged(_)));
            let left = moves.map_or(0, |exchange| u32::try_from(exchange.leaves.len()).unwrap_or(u32::MAX));
            entry.booking = booking::evolve(before, &envelope.event, now).map(Arc::new);
            // Seats that partial refunds or exchanges gave up before may still be on their way out.
            entry.to_free = entry.to_free.saturating_add(refunded.as_ref().map_or(left, |sale| sale.seats));
            entry.to_return |= to_return;
            // Of one that was made and has failed since, the seats are counted already.
            let given_up = entry.booking.as_ref().and_then(|booking| given_up(booking, &envelope.event));
            part = given_up.filter(|_| !returned);
            entry.to_free = entry.to_free.saturating_add(part.map_or(0, |part| part.seats));
            if let (Event::PaymentCaptured(e), Some(booking)) = (&envelope.event, &entry.booking) {
                captured = booking.opened.clone().map(|opened| (opened, e.drawn_by()));
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
        match (captured, refunded, part) {
            (Some((opened, draw)), ..) => self.captured(opened, draw, cause, reading),
            (_, Some(sale), _) => self.gave_back(id, sale, None, cause),
            (_, _, Some(part)) => {
                let sale = self.confirmed.take_seats(id, part.seats)?;
                self.gave_back(id, sale, Some(part), cause)
            }
            _ => None,
        }
    }

    /// `sale`: with the seats that were given back.
    fn gave_back(&mut self, booking: BookingId, sale: Sale, part: Option<Part>, cause: Cause) -> Option<RewardChange> {
        if !sale.counted {
            return None;
        }
        let key = refund_key(booking, part.map(|part| part.refund));
        self.revokes.insert(key, Revoke { sale: Some(sale), part, cause: cause.clone() });
        Some(RewardChange::Revoke { booking, part, cause })
    }

    fn captured(&mut self, opened: BookingOpened, draw: Uuid, cause: Cause, reading: &Reading) -> Option<RewardChange> {
        let counted = (reading.earns)(&opened);
        let (booking, seats) = (opened.booking, u32::try_from(opened.seats.len()).unwrap_or(u32::MAX));
        self.confirmed.insert(booking, &Sale { show: opened.show.clone(), seats, counted });
        let opened = Arc::new(opened);
        if !counted {
            return None;
        }
        self.credits.insert(booking, Credit { opened: Arc::clone(&opened), draw, cause: cause.clone() });
        Some(RewardChange::Credit { opened, draw, cause })
    }

    /// Applies an event of a voucher's stream: a booking has a voucher as it has seats.
    fn voucher(&mut self, event: &Event, now: Timestamp, later: Timestamp, reading: &Reading) {
        let booking = match event {
            Event::VoucherReserved(e) => e.booking,
            Event::VoucherUsed(e) => e.booking,
            Event::VoucherFreed(e) => e.booking,
            _ => return,
        };
        if matches!(event, Event::VoucherFreed(_)) {
            self.returning.remove(&booking);
        }
        if matches!(event, Event::VoucherUsed(_)) && self.confirmed.show_of(booking).is_some_and(reading.returns) {
            self.returning.insert(booking);
        }
        self.schedule.change(booking, now, |entry| {
            match event {
                Event::VoucherReserved(e) => drop(entry.vouchers.insert(e.voucher.clone(), e.application)),
                Event::VoucherUsed(e) => drop(entry.vouchers.remove(&e.voucher)),
                Event::VoucherFreed(e) => {
                    entry.vouchers.remove(&e.voucher);
                    entry.to_return = false;
                }
                _ => {}
            }
            if entry.is_over() { Some(later) } else { entry.due }
        });
    }

    fn booked(&mut self, booking: BookingId, stream: &StreamName, now: Timestamp) {
        let Some(seat) = stream.as_seat() else { return };
        self.schedule.change(booking, now, |entry| {
            entry.locked.remove(&seat);
            entry.due
        });
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
    pub(crate) fn is_missing(&self, reward: &RewardChange) -> bool {
        match reward {
            RewardChange::Credit { opened, .. } => self.credits.contains_key(&opened.booking),
            RewardChange::Revoke { booking, part, .. } => {
                self.revokes.contains_key(&refund_key(*booking, part.map(|part| part.refund)))
            }
        }
    }

    /// Rewards that are missing.
    pub(crate) fn missing_rewards(&self) -> Vec<RewardChange> {
        let credits =
            self.credits.values().cloned().map(|Credit { opened, draw, cause }| RewardChange::Credit { opened, draw, cause });
        let revoke = |((booking, _), revoke): (&RefundKey, &Revoke)| RewardChange::Revoke {
            booking: *booking,
            part: revoke.part,
            cause: revoke.cause.clone(),
        };
        let revokes = self.revokes.iter().map(revoke);
        credits.chain(revokes).collect()
    }

    /// Show and seats that a refund gave back and that still count for the buyer: from now on no more. `part`: the number
    /// of a partial refund.
    pub(crate) fn give_back(&mut self, booking: BookingId, part: Option<u32>) -> Option<Sale> {
        self.revokes.get_mut(&refund_key(booking, part))?.sale.take()
    }

    /// The same for all partial refunds of a booking. The account no longer counts it, so they have no event to come.
    pub(crate) fn give_back_parts(&mut self, booking: BookingId) -> Vec<Sale> {
        let parts = self.revokes.range_mut((booking, 1)..=(booking, u32::MAX));
        parts.filter_map(|(_, revoke)| revoke.sale.take()).collect()
    }

    /// A pending booking that has opened.
    pub(crate) fn booking_of(&self, booking: BookingId) -> Option<&Arc<Booking>> {
        self.schedule.get(booking)?.booking.as_ref()
    }

    /// How a pending booking was opened, and its deadline.
    pub(crate) fn opened(&self, booking: BookingId) -> Option<(&BookingOpened, Option<Timestamp>)> {
        let booking = self.booking_of(booking)?;
        Some((booking.opened.as_ref()?, booking.expires_at))
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
            (self.returning != other.returning, "vouchers that refunds return"),
            (self.blocks != other.blocks, "blocks"),
            (self.show_refunds.take_snapshot() != other.show_refunds.take_snapshot(), "refunds of shows"),
            (self.campaigns != other.campaigns, "campaigns"),
        ];
        let rest = || rest.into_iter().find_map(|(differs, part)| differs.then_some(part));
        self.schedule.difference(&other.schedule).or_else(rest)
    }
}

/// The confirmed bookings, as the refunds of shows ask for them.
struct Refundable<'a> {
    confirmed: &'a ConfirmedBookings,
    schedule: &'a Schedule,
}

impl Confirmed for Refundable<'_> {
    fn of_show(&self, show: &ShowId, part: usize) -> Option<Vec<BookingId>> {
        self.confirmed.of_show(show, part)
    }

    fn is_refundable(&self, booking: BookingId) -> bool {
        let known = self.schedule.get(booking).and_then(|entry| entry.booking.as_deref());
        let free = |known: &Booking| {
            let requested = known.phase == Phase::Confirmed { refund_requested: true };
            !requested && known.refund_under_way().is_none() && known.exchange.is_none()
        };
        self.confirmed.contains(booking) && known.is_none_or(free)
    }
}

/// Whether the booking ends with this event as refunded.
fn ends_refunded(event: &Event) -> bool {
    match event {
        Event::PaymentRefunded(_) => true,
        Event::PaymentReturnedElsewhere(e) => e.refund.is_none(),
        _ => false,
    }
}

/// What a booking gave up for the partial refund that this event has made.
fn given_up(booking: &Booking, event: &Event) -> Option<Part> {
    let refund = match event {
        Event::PaymentPartlyRefunded(e) => e.refund,
        Event::PaymentReturnedElsewhere(e) => e.refund?,
        _ => return None,
    };
    let part = booking.partial_refunds.iter().find(|part| part.requested.refund == refund && part.is_returned())?;
    let seats = u32::try_from(part.requested.seats.len()).unwrap_or(u32::MAX);
    (seats > 0).then_some(Part { refund, seats })
}

/// A confirmed booking, as much of it as its refund needs.
fn confirmed(id: BookingId) -> Booking {
    Booking { phase: Phase::Confirmed { refund_requested: false }, ..Booking::blank(id) }
}
