//! Given these events, when this command arrives, then these events follow: tests of the rules as
//! sentences.
//!
//! ```ignore
//! given([]).when(SeatCommand::Book { booking }).then_rejected("not_owner");
//! ```
//!
//! Every command may arrive twice: after a crash, from two nodes, from an impatient client. So
//! [`Then::then_events`] also applies the events and sends the same command again. The second answer
//! must be no events, or one of the rejections listed by [`TestedCommand::refused_when_repeated`].

#![allow(clippy::panic, reason = "a failed expectation is a failed test")]

use lastseat_domain::block::{Block, BlockCommand};
use lastseat_domain::booking::{Booking, BookingCommand};
use lastseat_domain::campaign::{Campaign, CampaignCommand};
use lastseat_domain::event::Event;
use lastseat_domain::loyalty::{Account, LoyaltyCommand};
use lastseat_domain::seat::{Seat, SeatCommand, SeatKey};
use lastseat_domain::show::{Show, ShowCommand};
use lastseat_domain::ticket::{Ticket, TicketCommand};
use lastseat_domain::voucher::{Voucher, VoucherCommand};
use lastseat_domain::{
    BlockId, BookingId, BuyerId, CampaignId, Decider, Rejection, SeatId, ShowId, TicketId, Timestamp, VoucherHash,
};
use std::fmt::Debug;
use uuid::Uuid;

/// A command that a sentence can be about.
pub trait TestedCommand: Clone + Debug {
    /// The aggregate that the command is sent to.
    type Aggregate: Decider<Command = Self>;

    /// The one aggregate of its kind in every sentence.
    fn id() -> <Self::Aggregate as Decider>::Id;

    /// Codes of the rejections that may answer a repeat, because the caller has to know that the
    /// repeat had no effect.
    fn refused_when_repeated(&self) -> &'static [&'static str] {
        &[]
    }
}

impl TestedCommand for SeatCommand {
    type Aggregate = Seat;

    fn id() -> SeatKey {
        SeatKey { show: ShowCommand::id(), seat: SeatId::in_row("A", 1) }
    }
}

impl TestedCommand for BlockCommand {
    type Aggregate = Block;

    fn id() -> BlockId {
        BlockId(Uuid::from_u128(0xb10c_0001))
    }
}

impl TestedCommand for VoucherCommand {
    type Aggregate = Voucher;

    fn id() -> VoucherHash {
        VoucherHash::of_bytes([1; 32])
    }

    fn refused_when_repeated(&self) -> &'static [&'static str] {
        match self {
            // Goods are handed over as often as the terms say; the second till must learn that they are gone.
            Self::HandOver { .. } => &["voucher_used_up"],
            _ => &[],
        }
    }
}

impl TestedCommand for TicketCommand {
    type Aggregate = Ticket;

    fn id() -> TicketId {
        TicketId::of(BookingCommand::id(), &SeatId::in_row("A", 1))
    }
}

impl TestedCommand for CampaignCommand {
    type Aggregate = Campaign;

    fn id() -> CampaignId {
        CampaignId(Uuid::from_u128(0xca3b))
    }
}

impl TestedCommand for BookingCommand {
    type Aggregate = Booking;

    fn id() -> BookingId {
        BookingId(Uuid::from_u128(1))
    }

    fn refused_when_repeated(&self) -> &'static [&'static str] {
        match self {
            // Only one extension is allowed; the second request must not look granted.
            Self::Extend { .. } => &["already_extended"],
            // Two requests to pay are two intentions, unless their idempotency keys say otherwise.
            Self::StartPayment { .. } => &["payment_in_progress"],
            Self::PayAtTill { .. } => &["payment_in_progress"],
            // Two requests are two exchanges, the second of which has to wait, or finds other seats.
            Self::RequestExchange { .. } => &["exchange_in_progress"],
            // Authorised too late: the first decision was the abort.
            Self::Commit { .. } => &["booking_over"],
            _ => &[],
        }
    }
}

impl TestedCommand for ShowCommand {
    type Aggregate = Show;

    #[allow(clippy::unwrap_used, reason = "a valid constant")]
    fn id() -> ShowId {
        ShowId::new("hamlet").unwrap()
    }
}

impl TestedCommand for LoyaltyCommand {
    type Aggregate = Account;

    #[allow(clippy::unwrap_used, reason = "a valid constant")]
    fn id() -> BuyerId {
        BuyerId::new("buyer-1").unwrap()
    }

    fn refused_when_repeated(&self) -> &'static [&'static str] {
        match self {
            // A voucher buys one thing; the second till must learn that it is used up.
            Self::Redeem { .. } => &["voucher_redeemed"],
            _ => &[],
        }
    }
}

fn decide<C: TestedCommand>(given: &Given, command: &C) -> Result<Vec<Event>, Rejection> {
    C::Aggregate::decide(&C::id(), &given.state::<C::Aggregate>(), command.clone())
}

/// The events so far.
#[derive(Debug, Clone)]
pub struct Given {
    events: Vec<Event>,
    at: Timestamp,
}

/// Starts a sentence with the events so far, oldest first.
#[must_use]
pub fn given(events: impl IntoIterator<Item = Event>) -> Given {
    Given { events: events.into_iter().collect(), at: Timestamp::UNIX_EPOCH }
}

impl Given {
    /// Dates all events so far at `at` instead of the Unix epoch.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    /// The aggregate's state after these events.
    #[must_use]
    pub fn state<D: Decider>(&self) -> D::State {
        self.events.iter().fold(D::initial(), |state, event| D::evolve(state, event, self.at))
    }

    /// Sends the command.
    pub fn when<C: TestedCommand>(self, command: C) -> Then<C> {
        let outcome = decide(&self, &command);
        Then { given: self, command, outcome }
    }
}

/// The event after being stored as JSON and read again.
fn read_back(event: &Event) -> Option<Event> {
    Event::from_json(event.name(), &event.to_json().ok()?).ok()?
}

/// The answer to a command.
#[derive(Debug)]
#[must_use]
pub struct Then<C> {
    given: Given,
    command: C,
    outcome: Result<Vec<Event>, Rejection>,
}

impl<C: TestedCommand> Then<C> {
    /// Asserts that exactly these events follow, that each survives being stored and read, and that
    /// the same command again changes nothing. Returns all events for the next sentence.
    ///
    /// # Panics
    /// If one of these is not so.
    #[track_caller]
    pub fn then_events(self, expected: impl IntoIterator<Item = Event>) -> Given {
        let expected: Vec<Event> = expected.into_iter().collect();
        assert_eq!(self.outcome.as_ref(), Ok(&expected), "after {:?}\nwhen {:?}", self.given.events, self.command);
        for event in &expected {
            let read = read_back(event);
            assert_eq!(read.as_ref(), Some(event), "differs after being stored and read");
        }
        let mut after = self.given;
        after.events.extend(expected);
        match decide(&after, &self.command) {
            Ok(again) => assert!(again.is_empty(), "a repeat of {:?} has a second effect: {again:?}", self.command),
            Err(no) => assert!(
                self.command.refused_when_repeated().contains(&no.code()),
                "a repeat of {:?} is refused with the undocumented {no:?}",
                self.command
            ),
        }
        after
    }

    /// Asserts that no event follows and that the command isn't refused either.
    ///
    /// # Panics
    /// If it is not so.
    #[track_caller]
    pub fn then_nothing(self) -> Given {
        self.then_events([])
    }

    /// Asserts that the command is refused with this code, and returns the rejection.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn then_rejected(self, code: &str) -> Rejection {
        match self.outcome {
            Err(rejection) if rejection.code() == code => rejection,
            other => panic!("after {:?}\nwhen {:?}\nexpected {code}, got {other:?}", self.given.events, self.command),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_is_expected_by_its_code() {
        given([]).when(SeatCommand::Book { booking: BookingId(Uuid::nil()) }).then_rejected("not_owner");
    }
}
