//! Given these events, when this is asked, then these follow: the rules' tests as sentences.
//!
//! ```
//! # use lastseat_testkit::given::given;
//! # use lastseat_domain::seat::SeatCommand;
//! # use lastseat_domain::event::SeatBooked;
//! # let booking = lastseat_domain::BookingId(uuid::Uuid::nil());
//! given([]).when(SeatCommand::Book { booking }).then_rejected("not_owner");
//! ```
//!
//! Every command may arrive twice: after a crash, from two workers, from an impatient client. So
//! [`Then::then_events`] does not stop at the events: it applies them and asks the same again, and
//! the second answer must be nothing, or the rejection that is documented in
//! [`Command::refused_when_repeated`].

#![allow(clippy::panic, reason = "a failed expectation is a failed test")]

use lastseat_domain::Timestamp;
use lastseat_domain::booking::{self, Booking, BookingCommand};
use lastseat_domain::event::Event;
use lastseat_domain::ids::SeatId;
use lastseat_domain::loyalty::{self, Account, LoyaltyCommand};
use lastseat_domain::rejection::Rejection;
use lastseat_domain::seat::{self, Seat, SeatCommand};
use lastseat_domain::show::{self, Show, ShowCommand};
use std::fmt::Debug;

/// A command of one of the aggregates, with the decider that it goes to.
pub trait Command: Clone + Debug {
    /// The aggregate.
    type State;

    /// The aggregate without events.
    fn initial() -> Self::State;

    /// Folds one event that happened at `at`.
    fn evolve(state: Self::State, event: &Event, at: Timestamp) -> Self::State;

    /// Decides.
    ///
    /// # Errors
    /// The aggregate's rejections.
    fn decide(self, state: &Self::State) -> Result<Vec<Event>, Rejection>;

    /// Codes of the rejections that a repeat may meet instead of silence, because the caller must
    /// be told that it was a repeat.
    fn refused_when_repeated(&self) -> &'static [&'static str] {
        &[]
    }
}

impl Command for SeatCommand {
    type State = Seat;

    fn initial() -> Seat {
        Seat::default()
    }

    fn evolve(state: Seat, event: &Event, _at: Timestamp) -> Seat {
        seat::evolve(state, event)
    }

    fn decide(self, state: &Seat) -> Result<Vec<Event>, Rejection> {
        seat::decide(&SeatId::in_row("A", 1), state, self)
    }
}

impl Command for BookingCommand {
    type State = Option<Booking>;

    fn initial() -> Option<Booking> {
        None
    }

    fn evolve(state: Option<Booking>, event: &Event, at: Timestamp) -> Option<Booking> {
        booking::evolve(state, event, at)
    }

    fn decide(self, state: &Option<Booking>) -> Result<Vec<Event>, Rejection> {
        booking::decide(state.as_ref(), self)
    }

    fn refused_when_repeated(&self) -> &'static [&'static str] {
        match self {
            // One extension is all; a second must not look like a second one granted.
            Self::Extend { .. } => &["already_extended"],
            // Two requests to pay are two intentions, unless their idempotency keys say otherwise.
            Self::StartPayment { .. } => &["payment_in_progress"],
            // Authorised too late: the first decision was the abort.
            Self::Commit { .. } => &["booking_over"],
            _ => &[],
        }
    }
}

impl Command for ShowCommand {
    type State = Option<Show>;

    fn initial() -> Option<Show> {
        None
    }

    fn evolve(state: Option<Show>, event: &Event, _at: Timestamp) -> Option<Show> {
        show::evolve(state, event)
    }

    fn decide(self, state: &Option<Show>) -> Result<Vec<Event>, Rejection> {
        show::decide(state.as_ref(), self)
    }
}

impl Command for LoyaltyCommand {
    type State = Account;

    fn initial() -> Account {
        Account::default()
    }

    fn evolve(state: Account, event: &Event, _at: Timestamp) -> Account {
        loyalty::evolve(state, event)
    }

    fn decide(self, state: &Account) -> Result<Vec<Event>, Rejection> {
        loyalty::decide(state, self)
    }

    fn refused_when_repeated(&self) -> &'static [&'static str] {
        match self {
            // A voucher buys one thing; the second till must hear that it is gone.
            Self::Redeem { .. } => &["voucher_redeemed"],
            _ => &[],
        }
    }
}

/// What has happened so far.
#[derive(Debug, Clone)]
pub struct Given {
    events: Vec<Event>,
    at: Timestamp,
}

/// Starts a sentence with what has happened so far, oldest first.
#[must_use]
pub fn given(events: impl IntoIterator<Item = Event>) -> Given {
    Given { events: events.into_iter().collect(), at: Timestamp::UNIX_EPOCH }
}

impl Given {
    /// All of it happened at `at`; without this, at the epoch.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    /// The aggregate after it.
    #[must_use]
    pub fn state<C: Command>(&self) -> C::State {
        self.events.iter().fold(C::initial(), |state, event| C::evolve(state, event, self.at))
    }

    /// Asks.
    pub fn when<C: Command>(self, command: C) -> Then<C> {
        let outcome = command.clone().decide(&self.state::<C>());
        Then { given: self, command, outcome }
    }
}

/// The event as it comes out of its stored form.
fn read_back(event: &Event) -> Option<Event> {
    Event::from_json(event.name(), &event.to_json().ok()?).ok()?
}

/// What came of it.
#[derive(Debug)]
#[must_use]
pub struct Then<C> {
    given: Given,
    command: C,
    outcome: Result<Vec<Event>, Rejection>,
}

impl<C: Command> Then<C> {
    /// Exactly these events follow; each survives being stored and read; the same command again
    /// changes nothing. What happened then is the given of a next sentence.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn then_events(self, expected: impl IntoIterator<Item = Event>) -> Given {
        let expected: Vec<Event> = expected.into_iter().collect();
        assert_eq!(self.outcome.as_ref(), Ok(&expected), "after {:?}\nwhen {:?}", self.given.events, self.command);
        for event in &expected {
            let read = read_back(event);
            assert_eq!(read.as_ref(), Some(event), "does not survive the log");
        }
        let mut after = self.given;
        after.events.extend(expected);
        match self.command.clone().decide(&after.state::<C>()) {
            Ok(again) => assert!(again.is_empty(), "a repeat of {:?} has a second effect: {again:?}", self.command),
            Err(no) => assert!(
                self.command.refused_when_repeated().contains(&no.code()),
                "a repeat of {:?} is refused with the undocumented {no:?}",
                self.command
            ),
        }
        after
    }

    /// Nothing follows, and nothing is wrong.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn then_nothing(self) -> Given {
        self.then_events([])
    }

    /// It is refused with this code. Returns the rejection, for a look at its facts.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn then_rejected(self, code: &str) -> Rejection {
        match self.outcome {
            Err(rejection) if rejection.code() == code => rejection,
            other => panic!("after {:?}\nwhen {:?}\nexpected {code}, got {other:?}", self.given.events, self.command),
        }
    }
}
