//! What each event of the log changes in what this node knows: shows, seats, buyers, known bookings, uncaptured
//! payments and pending bookings. Nothing here reads a clock or does anything; the log's follower does.

use super::pending_bookings::{Patience, PendingBookings, Reading, Refunded, RewardChange};
use crate::buyers::BuyerLedger;
use crate::known_bookings::KnownBookings;
use crate::open_holds::OpenHolds;
use crate::services::Services;
use crate::show_registry::{ActiveShow, ShowRegistry};
use crate::snapshot::{CheckedSnapshot, FollowerState};
use crate::uncaptured::Uncaptured;
use lastseat_domain::event::{BlockLifted, BlockOpened, BookingOpened, Event};
use lastseat_domain::loyalty;
use lastseat_domain::{Envelope, ShowId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// What this node knows from the log, shared with its commands. The pending bookings belong to the log's follower
/// alone.
#[derive(Clone)]
pub(crate) struct Knowledge {
    pub shows: ShowRegistry,
    pub buyers: BuyerLedger,
    pub known_bookings: Arc<KnownBookings>,
    pub open_holds: Arc<OpenHolds>,
    pub uncaptured: Arc<Uncaptured>,
    /// Whether the log appends to several streams at once.
    pub atomic: bool,
    pub patience: Patience,
}

impl Knowledge {
    pub(crate) fn of(services: &Services) -> Self {
        Self {
            shows: services.shows.clone(),
            buyers: services.buyers.clone(),
            known_bookings: Arc::clone(&services.known_bookings),
            open_holds: Arc::clone(&services.open_holds),
            uncaptured: Arc::clone(&services.uncaptured),
            atomic: services.ports.log.atomic_across_streams(),
            patience: Patience::new(services.settings.settle_after, services.ports.log.longest_append()),
        }
    }

    /// Nothing, for a log that is only read.
    pub(crate) fn empty(atomic: bool, settle_after: Duration) -> Self {
        Self {
            shows: ShowRegistry::default(),
            buyers: BuyerLedger::default(),
            known_bookings: Arc::default(),
            open_holds: Arc::default(),
            uncaptured: Arc::default(),
            atomic,
            patience: Patience::new(settle_after, Duration::ZERO),
        }
    }

    /// Starts with what a snapshot has. `now`: when what was being looked at then is due.
    pub(crate) fn restore(&self, snapshot: CheckedSnapshot, now: Timestamp) -> PendingBookings {
        let CheckedSnapshot {
            shows, plans, pictures, known_bookings, state: FollowerState { pending, sold, uncaptured }, ..
        } = snapshot;
        let pending = PendingBookings::restore(pending, now);
        self.shows.restore(shows, plans, pictures);
        self.known_bookings.restore(known_bookings);
        self.uncaptured.restore(uncaptured);
        self.buyers.restore(sold);
        pending.undecided().for_each(|opened| self.count(opened));
        pending
    }

    /// What only the task that applies the events can take for a snapshot.
    pub(crate) fn take_snapshot(&self, pending: &PendingBookings) -> FollowerState {
        FollowerState {
            pending: pending.take_snapshot(),
            sold: self.buyers.take_snapshot(),
            uncaptured: self.uncaptured.take_snapshot(),
        }
    }

    /// Applies the log's next event. `own`: whether this node has appended it, or may have before it started.
    pub(crate) fn apply(&self, envelope: &Envelope, own: bool, pending: &mut PendingBookings) -> Option<RewardChange> {
        // Before the seat table shows its seats as taken.
        self.learn_booking(envelope);
        self.open_holds.followed(envelope);
        self.uncaptured.apply(&envelope.event, envelope.metadata.at);
        self.update_shows_and_seats(envelope);
        // Before the list of pending bookings may forget the booking.
        self.update_buyers(envelope, pending);
        let earns = |opened: &BookingOpened| self.earns(opened);
        let returns = |show: &ShowId| self.shows.get(show).is_some_and(|show| show.show().facts.vouchers_return);
        let reward = pending.apply(envelope, &Reading { patience: self.patience, own, earns: &earns, returns: &returns });
        self.update_seats_of_booking(envelope, pending);
        if let Event::BookingOpened(e) = &envelope.event
            && let Some(booking) = pending.booking_of(e.booking)
        {
            self.open_holds.opened(envelope, Arc::clone(booking));
        }
        reward
    }

    /// Remembers the bookings that a repeated request may ask for again.
    fn learn_booking(&self, envelope: &Envelope) {
        match &envelope.event {
            Event::BookingOpened(e) if e.request.is_some() => self.known_bookings.insert(e.booking),
            // The first try may have stopped before it opened its booking.
            Event::SeatLocked(e) if !self.atomic => self.known_bookings.insert(e.booking),
            _ => {}
        }
    }

    fn update_shows_and_seats(&self, envelope: &Envelope) {
        if let Event::PlanDrawn(e) = &envelope.event {
            self.shows.apply_plan(e);
        }
        if let Some(show) = envelope.stream.as_picture() {
            self.shows.apply_picture(&show, &envelope.event, envelope.revision);
        }
        if let Some(show) = envelope.stream.as_show() {
            self.shows.apply(&show, &envelope.event, envelope.revision);
        }
        if let Event::BlockOpened(BlockOpened { show, .. }) | Event::BlockLifted(BlockLifted { show, .. }) = &envelope.event
            && let Some(active_show) = self.shows.get(show)
        {
            active_show.apply_block_event(&envelope.event, envelope.metadata.at);
        }
        if let Some((show, seat)) = envelope.stream.as_seat()
            && let Some(active_show) = self.shows.get(&show)
        {
            active_show.apply_seat_event(&seat, &envelope.event, envelope.position);
        }
    }

    fn update_buyers(&self, envelope: &Envelope, pending: &mut PendingBookings) {
        match &envelope.event {
            Event::BookingOpened(e) => self.count(e),
            Event::BookingAborted(e) => {
                if let Some((opened, _)) = pending.opened(e.booking) {
                    self.buyers.ended(&opened.show, &opened.buyer, e.booking);
                }
            }
            Event::PaymentCaptured(e) => {
                if let Some((opened, _)) = pending.opened(e.booking)
                    && let Some(show) = self.counts_buyers(opened)
                {
                    self.buyers.sold(&show.id, &opened.buyer, e.booking, seats(opened));
                }
            }
            // The refund itself does not say whose booking it was. This follows from it, and does.
            Event::PointsRevoked(e) => {
                if let Some(buyer) = envelope.stream.as_loyalty() {
                    if e.refund.is_none() {
                        let parts = pending.give_back_parts(e.booking);
                        parts.iter().for_each(|sale| self.buyers.refunded(&sale.show, &buyer, sale.seats));
                    }
                    self.give_back(&Refunded { booking: e.booking, part: e.refund, buyer }, pending);
                }
            }
            _ => {}
        }
    }

    /// The seats of a refunded booking count no more for its buyer, whom its own stream names, or the account that they
    /// were revoked in: whichever is read first.
    pub(crate) fn give_back(&self, refunded: &Refunded, pending: &mut PendingBookings) {
        if let Some(sale) = pending.give_back(refunded.booking, refunded.part) {
            self.buyers.refunded(&sale.show, &refunded.buyer, sale.seats);
        }
    }

    /// Whether a paid booking is counted in a loyalty account. A guest is somebody else with each booking, so their seats
    /// never add up: only a voucher of the booking's own is worth an account.
    fn earns(&self, opened: &BookingOpened) -> bool {
        let draws = || {
            let show = self.shows.get(&opened.show)?;
            let show = show.show();
            Some(loyalty::leads_to_voucher(seats(opened), &show.facts.rewards))
        };
        !opened.buyer.is_guest() || draws().unwrap_or(true)
    }

    /// Counts an open booking against its buyer's limit.
    pub(crate) fn count(&self, opened: &BookingOpened) {
        if let Some(show) = self.counts_buyers(opened) {
            self.buyers.opened(&show.id, &opened.buyer, opened.booking, seats(opened));
        }
    }

    /// The booking's show, if what each buyer has of it is counted.
    fn counts_buyers(&self, opened: &BookingOpened) -> Option<Arc<ActiveShow>> {
        self.shows.get(&opened.show).filter(|show| show.counts_buyers())
    }

    fn update_seats_of_booking(&self, envelope: &Envelope, pending: &PendingBookings) {
        if let Some((opened, until)) = envelope.stream.as_booking().and_then(|booking| pending.opened(booking))
            && let Some(active_show) = self.shows.get(&opened.show)
        {
            active_show.apply_booking_event(opened, &envelope.event, envelope.position, until);
        }
    }
}

fn seats(opened: &BookingOpened) -> u32 {
    u32::try_from(opened.seats.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
