//! The model's log: streams with exact revisions, folded by the real deciders' `evolve`.
//!
//! A state of the exploration must be small, so a stream is a number: the index of (revision,
//! folded state) in a table. What a command does to a stream is decided by the real decider once
//! and then remembered.

use crate::support::*;
use lastseat_domain::booking::{self, Booking, BookingCommand, Phase};
use lastseat_domain::event::{AbortReason, BookingOpened, Event, PricedSeat, ShopData};
use lastseat_domain::seat::{self, Seat, SeatCommand};
use lastseat_domain::{Rejection, Timestamp};
use std::collections::{BTreeSet, HashMap};

/// Index of a stream's content; 0 is the empty stream.
pub type Stream = u16;

/// What a booking may be asked in the exploration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ask {
    Open,
    Fence,
    Pay,
    Action(u8),
    Decline(u8),
    Commit,
    RecordCapture,
    FailCapture,
    Cancel,
    SeatLost,
    Expire,
    RecordVoid,
    Flag,
    RequestRefund,
    RecordRefund,
    /// Of the first seat.
    RequestPart,
    RecordPart,
}

/// What a seat may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SeatAsk {
    Lock,
    Book,
    Release(AbortReason),
}

/// What an append does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Refused,
    Nothing,
    Appended(Stream),
    /// The events landed, but no reader could make sense of them after what was there before.
    Illegal(&'static str),
}

pub type SeatDecider = fn(&Seat, SeatCommand) -> Result<Vec<Event>, Rejection>;

pub fn real_seat(state: &Seat, command: SeatCommand) -> Result<Vec<Event>, Rejection> {
    seat::decide(&seat(1), state, command)
}

fn seat(n: u32) -> lastseat_domain::SeatId {
    crate::support::seat(n)
}

/// Which booking wants which of the two seats, and when is what.
pub struct Streams {
    wants: [Vec<usize>; 2],
    /// The time in minutes for each reading of the model's clock; the hold ends at `deadline`.
    clock: [i64; 3],
    deadline: i64,
    decide_seat: SeatDecider,
    seats: Vec<(usize, Seat)>,
    bookings: Vec<(usize, Option<Booking>)>,
    seat_memo: HashMap<(Stream, Stream, u8, SeatAsk), Outcome>,
    booking_memo: HashMap<(Stream, Stream, u8, u8, Ask), Outcome>,
}

impl Streams {
    pub fn new(wants: [Vec<usize>; 2], clock: [i64; 3], deadline: i64, decide_seat: SeatDecider) -> Self {
        Self {
            wants,
            clock,
            deadline,
            decide_seat,
            seats: vec![(0, Seat::Free)],
            bookings: vec![(0, None)],
            seat_memo: HashMap::new(),
            booking_memo: HashMap::new(),
        }
    }

    pub fn now(&self, reading: u8) -> Timestamp {
        minute(self.clock[usize::from(reading)])
    }

    pub fn wants(&self, b: u8) -> &[usize] {
        &self.wants[usize::from(b)]
    }

    pub fn seat(&self, stream: Stream) -> &Seat {
        &self.seats[usize::from(stream)].1
    }

    pub fn owns(&self, stream: Stream, b: u8) -> bool {
        self.seat(stream).owner() == Some(booking(b))
    }

    pub fn booking(&self, stream: Stream) -> Option<&Booking> {
        self.bookings[usize::from(stream)].1.as_ref()
    }

    /// How bookings stood somewhere in the exploration.
    pub fn ways(&self) -> BTreeSet<String> {
        let way = |booking: &Booking| match &booking.phase {
            Phase::Aborted { reason } => format!("{reason:?}{}", if booking.flagged { ", flagged" } else { "" }),
            Phase::Confirmed { .. } if booking.seats().len() < booking.opened.as_ref().map_or(0, |o| o.seats.len()) => {
                "confirmed, with less".to_owned()
            }
            _ => booking.status().to_owned(),
        };
        self.bookings.iter().filter_map(|(_, booking)| booking.as_ref()).map(way).collect()
    }

    /// Decides on what was `seen`, appends to what is there `now`. They differ only where the log
    /// does not compare revisions.
    pub fn append_seat(&mut self, seen: Stream, now: Stream, b: u8, ask: SeatAsk) -> Outcome {
        let key = (seen, now, b, ask);
        if let Some(known) = self.seat_memo.get(&key) {
            return *known;
        }
        let outcome = self.append_seat_again(seen, now, b, ask);
        self.seat_memo.insert(key, outcome);
        outcome
    }

    fn append_seat_again(&mut self, seen: Stream, now: Stream, b: u8, ask: SeatAsk) -> Outcome {
        let booking = booking(b);
        let command = match ask {
            SeatAsk::Lock => {
                SeatCommand::Lock { booking, buyer: buyer(b), price: 8500, expires_at: minute(self.deadline), blocks: vec![] }
            }
            SeatAsk::Book => SeatCommand::Book { booking },
            SeatAsk::Release(reason) => SeatCommand::Release { booking, reason },
        };
        let Ok(events) = (self.decide_seat)(self.seat(seen), command) else { return Outcome::Refused };
        if events.is_empty() {
            return Outcome::Nothing;
        }
        let (mut revision, mut state) = self.seats[usize::from(now)];
        for event in &events {
            let legal = match event {
                Event::SeatLocked(e) => state.owner().is_none_or(|owner| owner == e.booking),
                Event::SeatBooked(e) => state.owner() == Some(e.booking),
                Event::SeatReleased(_) => state.owner() == Some(booking),
                _ => false,
            };
            if !legal {
                return Outcome::Illegal("a seat has two live owners");
            }
            state = seat::evolve(state, event);
            revision += 1;
        }
        Outcome::Appended(intern(&mut self.seats, (revision, state)))
    }

    /// As [`Self::append_seat`], for the stream of booking `b`; `reading` is the worker's clock.
    pub fn append_booking(&mut self, seen: Stream, now: Stream, b: u8, reading: u8, ask: Ask) -> Outcome {
        let key = (seen, now, b, reading, ask);
        if let Some(known) = self.booking_memo.get(&key) {
            return *known;
        }
        let outcome = self.append_booking_again(seen, now, b, reading, ask);
        self.booking_memo.insert(key, outcome);
        outcome
    }

    fn append_booking_again(&mut self, seen: Stream, stream: Stream, b: u8, reading: u8, ask: Ask) -> Outcome {
        let command = self.command(seen, b, reading, ask);
        let Ok(events) = booking::decide(self.booking(seen), command) else { return Outcome::Refused };
        if events.is_empty() {
            return Outcome::Nothing;
        }
        let at = self.now(reading);
        let (mut revision, mut state) = self.bookings[usize::from(stream)].clone();
        for event in &events {
            let phase = state.as_ref().map(|s| &s.phase);
            let wrong = match event {
                Event::BookingOpened(_) => state.is_some().then_some("opened over something"),
                Event::BookingCommitted(_) => {
                    (!matches!(phase, Some(Phase::Authorised))).then_some("committed without an authorised payment")
                }
                Event::BookingAborted(e) => match phase {
                    Some(Phase::Committed) if e.reason == AbortReason::CaptureFailed => None,
                    Some(Phase::Committed | Phase::Confirmed { .. } | Phase::Refunded) => Some("both committed and aborted"),
                    _ => None,
                },
                Event::PaymentCaptured(_) => (!matches!(phase, Some(Phase::Committed))).then_some("captured without a commit"),
                Event::PaymentStarted(_) => {
                    matches!(phase, Some(Phase::Aborted { .. })).then_some("a payment started after the end")
                }
                _ => None,
            };
            if let Some(wrong) = wrong {
                return Outcome::Illegal(wrong);
            }
            state = booking::evolve(state, event, at);
            revision += 1;
        }
        Outcome::Appended(intern(&mut self.bookings, (revision, state)))
    }

    fn command(&self, seen: Stream, b: u8, reading: u8, ask: Ask) -> BookingCommand {
        use BookingCommand as C;
        let now = self.now(reading);
        let intent = intent(b);
        let seats: Vec<_> =
            (1_u32..3).filter(|n| self.wants(b).contains(&(*n as usize - 1))).map(|n| PricedSeat::new(seat(n), 8500)).collect();
        let amount = eur(8500 * i64::try_from(seats.len()).unwrap());
        match ask {
            Ask::Open => C::Open(BookingOpened {
                booking: booking(b),
                show: show(),
                buyer: buyer(b),
                seats,
                amount,
                expires_at: minute(self.deadline),
                show_revision: 0,
                fee: 0,
                channel: None,
                access_code: None,
                voucher: None,
                shop: ShopData::default(),
                request: None,
            }),
            Ask::Fence => C::Fence { booking: booking(b) },
            Ask::Pay => C::StartPayment { now, payment_method: Some("pm_card_visa".into()), return_url: None, request: None },
            Ask::Action(attempt) => {
                C::RequireAction { attempt: attempt.into(), intent, url: Some("https://bank.example".into()) }
            }
            Ask::Decline(attempt) => C::Decline { attempt: attempt.into(), intent: Some(intent), code: "card_declined".into() },
            Ask::Commit => C::Commit { now, intent, amount, capture_before: None },
            Ask::RecordCapture => C::RecordCapture { intent, amount, draw: draw() },
            Ask::FailCapture => C::FailCapture { intent },
            Ask::Cancel => C::Cancel { reason: AbortReason::Cancelled },
            Ask::SeatLost => C::Cancel { reason: AbortReason::SeatLost },
            Ask::Expire => C::Expire { now },
            Ask::RecordVoid => C::RecordVoid { intent },
            Ask::Flag => C::Flag { reason: "forgotten".into() },
            Ask::RequestRefund => C::RequestRefund { by: "admin".into() },
            Ask::RecordRefund => C::RecordRefund { intent, amount: self.booking(seen).and_then(Booking::left).unwrap_or(amount) },
            Ask::RequestPart => C::RequestPartialRefund { seats: vec![seat(1)], amount: None, by: "staff".into() },
            Ask::RecordPart => C::RecordPartialRefund { refund: 1, intent, amount: eur(8500) },
        }
    }
}

/// Two histories of one length that fold to one state have one future.
fn intern<T: PartialEq>(table: &mut Vec<T>, content: T) -> Stream {
    let found = table.iter().position(|known| *known == content);
    let index = found.unwrap_or_else(|| {
        table.push(content);
        table.len() - 1
    });
    Stream::try_from(index).unwrap()
}
