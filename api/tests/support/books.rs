//! The books of a sale, kept by a hand of its own: who has which seat and what was charged, folded
//! from the raw events, and compared with what the gateway and the server's seat map say. It shares
//! no code with the engine's deciders nor with the audit.

use lastseat_audit::{Audit, Report};
use lastseat_domain::Event;
use lastseat_domain::codec;
use lastseat_domain::event::{ExchangeRequested, Tender};
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter, LogFault, Position};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_payments_sandbox::{Record, Status};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// What the log says.
#[derive(Debug, Default)]
pub struct Books {
    /// By id.
    pub bookings: BTreeMap<String, Book>,
    /// By show and label: the booking, and whether the seat was sold to it.
    pub seats: BTreeMap<(String, String), (String, bool)>,
}

/// A booking.
#[derive(Debug, Default, Clone)]
pub struct Book {
    pub show: String,
    pub buyer: String,
    pub seats: Vec<String>,
    pub amount: i64,
    /// Paid at the till, of which the gateway knows nothing.
    pub at_till: bool,
    pub discount: i64,
    /// The exchange of seats that is under way.
    pub exchange: Option<ExchangeRequested>,
    pub attempts: u32,
    pub end: End,
}

/// How a booking ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It has not.
    #[default]
    Open,
    Committed,
    Confirmed,
    Aborted,
    Refunded,
}

/// The audit of the log's file.
///
/// # Errors
/// The log's, if an event can't be read.
pub async fn audit(data: &Path) -> Result<Report, LogFault> {
    let log = SqliteLog::open_read_only(data.join("events.db")).unwrap();
    let (mut audit, mut at) = (Audit::new(), Position::START);
    loop {
        let page = log.read_all(Some(at), Direction::Forwards, 5000, &Filter::all()).await?;
        let Some(last) = page.last() else { return Ok(audit.finish()) };
        page.iter().for_each(|event| audit.observe(event));
        at = last.position;
    }
}

/// The audit and the books of the log's file, whether or not a server has it open.
pub async fn read(data: &Path) -> (Report, Books) {
    let log = SqliteLog::open_read_only(data.join("events.db")).unwrap();
    let head = log.head().await.unwrap();
    let (mut audit, mut books, mut at) = (Audit::new(), Books::default(), Position::START);
    while at < head {
        let page = log.read_all(Some(at), Direction::Forwards, 5000, &Filter::all()).await.unwrap();
        for event in page.iter().filter(|event| event.position <= head) {
            audit.observe(event);
            if let Some(envelope) = codec::decode(event).unwrap() {
                books.enter(&envelope.stream.as_seat().map(|(show, seat)| (show.to_string(), seat.to_string())), &envelope.event);
            }
        }
        at = page.last().map_or(head, |last| last.position);
    }
    (audit.finish(), books)
}

impl Books {
    fn enter(&mut self, seat: &Option<(String, String)>, event: &Event) {
        match (event, seat) {
            (Event::SeatLocked(e), Some(seat)) => drop(self.seats.insert(seat.clone(), (e.booking.to_string(), false))),
            (Event::SeatBooked(e), Some(seat)) => drop(self.seats.insert(seat.clone(), (e.booking.to_string(), true))),
            (Event::SeatReleased(_), Some(seat)) => drop(self.seats.remove(seat)),
            (Event::BookingOpened(e), _) => {
                let book = Book {
                    show: e.show.to_string(),
                    buyer: e.buyer.to_string(),
                    seats: e.seats.iter().map(|priced| priced.seat.to_string()).collect(),
                    amount: e.amount.value,
                    ..Book::default()
                };
                self.bookings.insert(e.booking.to_string(), book);
            }
            (Event::PaymentStarted(e), _) => {
                let book = self.bookings.entry(e.booking.to_string()).or_default();
                book.attempts += 1;
                book.at_till = e.tender.is_some();
                if e.tender == Some(Tender::Complimentary) {
                    book.amount = 0;
                }
            }
            (Event::VoucherApplied(e), _) => self.discount(e.booking.to_string(), e.discount),
            (Event::VoucherRemoved(e), _) => self.discount(e.booking.to_string(), 0),
            (Event::ExchangeRequested(e), _) => {
                self.bookings.entry(e.booking.to_string()).or_default().exchange = Some(e.clone());
            }
            (Event::ExchangeAbandoned(e), _) => self.bookings.entry(e.booking.to_string()).or_default().exchange = None,
            (Event::BookingExchanged(e), _) => {
                let book = self.bookings.entry(e.booking.to_string()).or_default();
                let exchange = book.exchange.take().expect("requested before");
                book.seats.retain(|seat| !exchange.leaves.iter().any(|left| left.as_str() == seat));
                book.seats.extend(exchange.takes.iter().map(|taken| taken.seat.to_string()));
            }
            (Event::BookingCommitted(e), _) => self.ended(e.booking.to_string(), End::Committed),
            (Event::PaymentCaptured(e), _) => self.ended(e.booking.to_string(), End::Confirmed),
            (Event::BookingAborted(e), _) => self.ended(e.booking.to_string(), End::Aborted),
            (Event::PaymentRefunded(e), _) => self.ended(e.booking.to_string(), End::Refunded),
            (Event::PaymentReturnedElsewhere(e), _) => self.ended(e.booking.to_string(), End::Refunded),
            _ => {}
        }
    }

    fn discount(&mut self, booking: String, discount: i64) {
        let book = self.bookings.entry(booking).or_default();
        book.amount += std::mem::replace(&mut book.discount, discount) - discount;
    }

    fn ended(&mut self, booking: String, end: End) {
        self.bookings.entry(booking).or_default().end = end;
    }

    /// Bookings that ended so.
    pub fn count(&self, end: End) -> usize {
        self.bookings.values().filter(|book| book.end == end).count()
    }

    /// What was paid for seats that the buyers have.
    pub fn revenue(&self) -> i64 {
        self.bookings.values().filter(|book| book.end == End::Confirmed).map(|book| book.amount).sum()
    }

    /// Where money and seats don't agree. Empty once nothing is pending.
    pub fn compare_with_gateway(&self, intents: &[Arc<Record>]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut kept: BTreeMap<String, i64> = BTreeMap::new();
        for intent in intents {
            let id = intent.booking.to_string();
            *kept.entry(id.clone()).or_default() += intent.kept();
            let end = self.bookings.get(&id).map(|book| book.end);
            // Anything but a cancelled intent can still become a charge: the buyer's bank may answer.
            if end == Some(End::Aborted) && intent.status != Status::Canceled {
                wrong.push(format!("booking {id} is over, and its intent is {}", intent.status));
            }
            if end.is_none() {
                wrong.push(format!("the gateway knows of booking {id}, the log does not"));
            }
            if intent.refunds.len() > 1 {
                wrong.push(format!("booking {id} was refunded {} times", intent.refunds.len()));
            }
        }
        for (id, book) in &self.bookings {
            let paid = kept.get(id).copied().unwrap_or_default();
            let due = if book.end == End::Confirmed && !book.at_till { book.amount } else { 0 };
            if paid != due {
                wrong.push(format!("booking {id} is {:?}: {paid} is charged for it, not {due}", book.end));
            }
            if book.end == End::Committed {
                wrong.push(format!("booking {id} is committed, and not paid for yet"));
            }
            let owned = book.seats.iter().filter(|seat| self.owner(&book.show, seat) == Some((id, true))).count();
            if book.end == End::Confirmed && owned != book.seats.len() {
                wrong.push(format!("booking {id} is paid and has {owned} of its {} seats", book.seats.len()));
            }
        }
        for ((show, seat), (booking, sold)) in &self.seats {
            let end = self.bookings.get(booking).map(|book| book.end);
            let fits = if *sold { end == Some(End::Confirmed) } else { end == Some(End::Open) };
            if !fits {
                wrong.push(format!("seat {seat} of {show} is {booking}'s (sold: {sold}), which is {end:?}"));
            }
        }
        wrong
    }

    fn owner(&self, show: &str, seat: &str) -> Option<(&String, bool)> {
        self.seats.get(&(show.to_owned(), seat.to_owned())).map(|(booking, sold)| (booking, *sold))
    }

    /// Where the server's seat map of a show differs from the log.
    pub fn compare_with_seat_map(&self, map: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        let show = map["show"].as_str().unwrap();
        let ours = |labelled: bool| {
            self.seats
                .iter()
                .filter(move |((of, seat), _)| of == show && seat.contains(':') != labelled)
                .map(|((_, s), o)| (s, o))
        };
        let on_map = |states: &[&str]| -> BTreeSet<String> {
            let seats = map["seats"].as_array().unwrap().iter();
            seats
                .filter(|seat| states.contains(&seat["state"].as_str().unwrap()))
                .map(|s| s["seat"].as_str().unwrap().to_owned())
                .collect()
        };
        for (states, sold) in [(&["booked"][..], true), (&["locked", "in_process"], false)] {
            let log: BTreeSet<String> =
                ours(true).filter(|(_, (_, is_sold))| *is_sold == sold).map(|(seat, _)| seat.clone()).collect();
            if on_map(states) != log {
                wrong.push(format!("{show}: {states:?} are {:?} on the map and {log:?} in the log", on_map(states)));
            }
        }
        for area in map["areas"].as_array().unwrap().iter().filter(|area| area["labelled"] == false) {
            let name = format!("{}:", area["area"].as_str().unwrap());
            let taken = ours(false).filter(|(seat, _)| seat.starts_with(&name)).count() as u64;
            let (capacity, available) = (area["capacity"].as_u64().unwrap(), area["available"].as_u64().unwrap());
            if capacity - taken != available {
                wrong.push(format!("{show}: {name} has {available} of {capacity} on the map, and {taken} are taken in the log"));
            }
        }
        wrong
    }
}
