//! One hold being placed, and the events that open its booking.

use super::append_group::Member;
use super::target::{HoldTarget, PricedSeats};
use crate::error::{CommandError, Fault};
use crate::requests::{Hold, HoldRequest};
use crate::services::Services;
use lastseat_domain::booking::{self, Booking};
use lastseat_domain::decider::Decider;
use lastseat_domain::event::{BookingOpened, Event, PricedSeat};
use lastseat_domain::ports::event_log::{Expected, StreamWrite, WriteOutcome};
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{BlockId, Metadata, Rejection, SeatId, Timestamp, codec};

pub(super) struct HoldInProgress<'a> {
    pub services: &'a Services,
    pub target: HoldTarget<'a>,
    pub request: &'a HoldRequest,
    /// Who sends the request: its buyer, unless it is one of a batch.
    pub sender: &'a str,
    /// Its place among the holds that append together.
    pub member: Option<&'a Member<'a>>,
}

/// What became of an append of the booking's first event and its seats' locks.
pub(super) enum Appended {
    /// Everything was written.
    All,
    /// There is a booking with this id already.
    BookingExists,
    /// Another booking has this seat. What was written has been undone.
    Lost(SeatId, Rejection),
    /// Nothing was written: a seat had changed since it was decided.
    Nothing,
}

impl HoldInProgress<'_> {
    pub(super) fn first_event(&self, seats: &[SeatId]) -> Result<BookingOpened, Fault> {
        let PricedSeats { seats, fee, amount } = self.target.priced(seats)?;
        Ok(BookingOpened {
            booking: self.request.booking,
            show: self.target.active_show.id.clone(),
            buyer: self.request.buyer.clone(),
            seats,
            amount,
            expires_at: self.target.expires_at(),
            show_revision: self.target.show.revision,
            fee,
            channel: self.target.access.channel(),
            access_code: self.target.access.code(),
            voucher: self.request.voucher.clone(),
            shop: self.request.shop.clone(),
            request: self.request.fingerprint.clone(),
        })
    }

    pub(super) fn metadata(&self) -> Metadata {
        metadata_of_hold(self.request, self.sender, self.target.now)
    }

    pub(super) fn first_write(&self, opened: &BookingOpened, metadata: &Metadata) -> Result<StreamWrite, Fault> {
        let events = [Event::BookingOpened(opened.clone())];
        Ok(codec::encode(Booking::stream(&opened.booking), Expected::NoStream, &events, metadata)?)
    }

    /// Appends what opens the hold, the first time together with the group.
    pub(super) async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, Fault> {
        match self.member {
            Some(member) => member.append(&self.services.journal, writes).await,
            None => self.services.journal.append(writes).await,
        }
    }

    /// The answer for a booking that has just been opened.
    pub(super) fn hold_of(&self, opened: &BookingOpened) -> Result<Hold, CommandError> {
        if self.target.active_show.counts_buyers() {
            let seats = u32::try_from(opened.seats.len()).unwrap_or(u32::MAX);
            self.services.buyers.opened(&opened.show, &opened.buyer, opened.booking, seats);
        }
        let booking = booking::evolve(None, &Event::BookingOpened(opened.clone()), self.target.now);
        let booking = booking.ok_or_else(|| Fault::Damaged("an opened booking has no state".into()))?;
        Ok(Hold { booking, replayed: false })
    }
}

/// Metadata of everything that a hold request writes. The request has no event that caused it; the
/// booking's id, which is the request's own, names the cause.
pub(super) fn metadata_of_hold(request: &HoldRequest, sender: &str, at: Timestamp) -> Metadata {
    Metadata {
        causation: Some(request.booking.0),
        trace: request.trace.clone(),
        ..Metadata::of_booking(request.booking, sender, at)
    }
}

/// The command that locks one of a booking's seats. `blocks`: those that it may buy from.
pub(super) fn lock_command(
    opened: &BookingOpened,
    priced: &PricedSeat,
    expires_at: Timestamp,
    blocks: Vec<BlockId>,
) -> SeatCommand {
    SeatCommand::Lock { booking: opened.booking, buyer: opened.buyer.clone(), price: priced.price, expires_at, blocks }
}
