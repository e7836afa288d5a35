//! The exchange of seats of a sold booking.
//!
//! `ExchangeRequested` first: from then on a seat that is locked for the booking can be explained from the log. Then the new
//! seats are locked, then `BookingExchanged` decides. Until it is there the booking has its old seats, and from then on the
//! new ones, so it never has fewer than it paid for.

use super::checks::check_changeable;
use super::state::{Booking, PastExchange};
use crate::event::{BookingExchanged, Event, ExchangeAbandoned, ExchangeRequested, PricedSeat};
use crate::ids::SeatId;
use crate::money::Money;
use crate::rejection::Rejection;

impl PastExchange {
    /// The seats that it took and that the booking still has by it, if it is `booking`'s.
    pub fn kept<'a>(&'a self, booking: &'a Booking) -> impl Iterator<Item = &'a SeatId> {
        let number = self.requested.exchange;
        let later =
            move |seat: &SeatId| booking.past_exchanges.iter().any(|other| other.made && other.brought(seat) > Some(number));
        let has = move |seat: &SeatId| booking.seats().iter().any(|own| own.seat == *seat);
        self.requested.takes.iter().map(|priced| &priced.seat).filter(move |seat| self.made && has(seat) && !later(seat))
    }

    /// Its number, if it took this seat.
    fn brought(&self, seat: &SeatId) -> Option<u32> {
        self.requested.takes.iter().any(|taken| taken.seat == *seat).then_some(self.requested.exchange)
    }
}

impl Booking {
    /// The seats that it has had or was to have by exchanges, and may still have to release.
    #[must_use]
    pub fn seats_of_exchanges(&self) -> Vec<SeatId> {
        let of = |past: &PastExchange| -> Vec<SeatId> {
            past.requested.leaves.iter().cloned().chain(past.requested.takes.iter().map(|taken| taken.seat.clone())).collect()
        };
        let mut seats: Vec<SeatId> = self.past_exchanges.iter().flat_map(of).collect();
        seats.sort_unstable();
        seats.dedup();
        seats
    }
}

pub(super) fn request(
    state: &Booking,
    mut leaves: Vec<SeatId>,
    mut takes: Vec<PricedSeat>,
    show_revision: u64,
    by: String,
) -> Result<Vec<Event>, Rejection> {
    check_changeable(state)?;
    if state.exchange.is_some() {
        return Err(Rejection::ExchangeInProgress);
    }
    if state.refund_under_way().is_some() {
        return Err(Rejection::RefundInProgress);
    }
    leaves.sort_unstable();
    takes.sort_unstable_by(|a, b| a.seat.cmp(&b.seat));
    check_seats(state, &leaves, &takes)?;
    check_price(state, &leaves, &takes)?;
    let exchange = state.exchanges + 1;
    Ok(vec![ExchangeRequested { booking: state.id, exchange, show_revision, leaves, takes, by }.into()])
}

/// It gives up seats that it has, and gets as many others, each named once.
fn check_seats(state: &Booking, leaves: &[SeatId], takes: &[PricedSeat]) -> Result<(), Rejection> {
    let wrong = |field, why: &str| Err(Rejection::InvalidExchange { field, why: why.to_owned() });
    if leaves.is_empty() {
        return wrong("leaves", "it names no seat to give up");
    }
    if leaves.len() != takes.len() {
        return wrong("takes", "it takes another number of seats than it gives up");
    }
    let named_twice = twice(leaves.iter()).or_else(|| twice(takes.iter().map(|taken| &taken.seat)));
    if let Some(seat) = named_twice {
        return Err(Rejection::DuplicateSeats { seat: seat.clone() });
    }
    let has = |seat: &SeatId| state.seats().iter().any(|own| own.seat == *seat);
    if let Some(seat) = leaves.iter().find(|seat| !has(seat)) {
        return Err(Rejection::NotOwner { seat: seat.clone() });
    }
    // Who releases it may come late: it must not be the booking's again by then.
    let given_up = state.given_up();
    if let Some(back) = takes.iter().find(|taken| given_up.contains(&taken.seat)) {
        return wrong("takes", &format!("the booking has given seat {} back for a refund", back.seat));
    }
    match takes.iter().find(|taken| has(&taken.seat)) {
        Some(taken) => wrong("takes", &format!("the booking has seat {} already", taken.seat)),
        None => Ok(()),
    }
}

/// The first seat that is named twice, of sorted ones.
fn twice<'a>(seats: impl Iterator<Item = &'a SeatId>) -> Option<&'a SeatId> {
    let mut last = None;
    seats.into_iter().find(|seat| last.replace(*seat) == Some(*seat))
}

/// What is paid is paid: the new seats cost no more than those that are given up, fees included.
fn check_price(state: &Booking, leaves: &[SeatId], takes: &[PricedSeat]) -> Result<(), Rejection> {
    let Some(Money { currency, .. }) = state.amount() else { return Err(Rejection::BookingNotFound) };
    let gives = worth(state.seats().iter().filter(|own| leaves.contains(&own.seat)));
    let more = worth(takes.iter()).saturating_sub(gives);
    if more > 0 { Err(Rejection::ExchangeCostsMore { more: Money { value: more, currency } }) } else { Ok(()) }
}

fn worth<'a>(seats: impl Iterator<Item = &'a PricedSeat>) -> i64 {
    seats.fold(0, |sum: i64, seat| sum.saturating_add(seat.price).saturating_add(seat.fee))
}

/// Decided once: a worker that comes late finds it decided, or abandoned.
pub(super) fn decide(state: &Booking, exchange: u32) -> Vec<Event> {
    let under_way = state.exchange.as_ref().is_some_and(|requested| requested.exchange == exchange);
    if under_way { vec![BookingExchanged { booking: state.id, exchange }.into()] } else { vec![] }
}

pub(super) fn abandon(state: &Booking, exchange: u32) -> Vec<Event> {
    let under_way = state.exchange.as_ref().is_some_and(|requested| requested.exchange == exchange);
    if under_way { vec![ExchangeAbandoned { booking: state.id, exchange }.into()] } else { vec![] }
}
