//! Exchanges of seats: a booking moves only to seats that it has, and leaves a seat only after it has moved.

use super::bookings::Step;
use super::code::Code;
use super::facts::{Exchange, Moved, Opened, ShowFacts};
use super::prices;
use lastseat_domain::event::ExchangeRequested;
use lastseat_domain::{SeatId, Timestamp};
use std::collections::HashSet;

impl Step<'_> {
    /// `show`: that of the booking.
    pub(super) fn request_exchange(&mut self, e: &ExchangeRequested, show: Option<&ShowFacts>) {
        let sold = self.book.is_charged() && !self.book.refund_requested && self.book.part_under_way().is_none();
        self.check(Code::ExchangeUnasked, sold, || "it is to be moved, and is not sold, or is being refunded".to_owned());
        let alone = self.book.exchange.is_none();
        self.check(Code::ExchangeUnasked, alone, || "it is to be moved while it is being moved already".to_owned());
        let last = self.book.exchanges;
        self.check(Code::ExchangeUnasked, last.checked_add(1) == Some(e.exchange), || {
            format!("exchange {} follows exchange {last}", e.exchange)
        });
        let edition = show.and_then(|show| show.at(e.show_revision));
        self.check(Code::RevisionUnknown, show.is_none() || edition.is_some(), || {
            format!("its new seats are priced at revision {}, which the show did not have", e.show_revision)
        });
        let plan = edition.or(show.map(ShowFacts::latest));
        let index = |seat: &SeatId| plan.and_then(|edition| edition.plan.index_of(seat));
        for taken in &e.takes {
            let known = index(&taken.seat);
            self.check(Code::SeatNotInPlan, known.is_some(), || format!("the show has no seat {}", taken.seat));
            if let (Some(edition), Some(known)) = (edition, known) {
                prices::check_seat(taken, known, edition, e.show_revision, self.findings, &self.place);
            }
        }
        let takes = e.takes.iter().filter_map(|taken| Some((index(&taken.seat)?, taken.price, taken.fee))).collect();
        let leaves = e.leaves.iter().filter_map(index).collect();
        let exchange = Exchange { number: e.exchange, leaves, takes };
        self.check_terms(&exchange, e.leaves.len(), e.takes.len());
        self.book.exchanges = e.exchange;
        self.book.moved_at = Some(self.at);
        self.book.exchange = Some(Box::new(exchange));
    }

    /// It gives up seats that it has for as many others, which cost no more.
    fn check_terms(&mut self, exchange: &Exchange, leaves: usize, takes: usize) {
        let had = |seat: &u32| self.book.opened.as_ref().is_some_and(|opened| opened.seats.contains(seat));
        let has = |seat: &u32| had(seat) && self.book.gave_up_at(*seat).is_none();
        let given: HashSet<u32> = exchange.leaves.iter().copied().collect();
        let taken: HashSet<u32> = exchange.takes.iter().map(|(seat, ..)| *seat).collect();
        // A new seat that is in no plan is reported as such.
        let fits = leaves > 0 && leaves == takes && given.len() == leaves && taken.len() == exchange.takes.len();
        let own = given.iter().all(has) && !taken.iter().any(had);
        let worth = |seat: u32| self.book.opened.as_ref().and_then(|opened| opened.worth_of(seat)).unwrap_or_default();
        let gives = given.iter().fold(0_i64, |sum, seat| sum.saturating_add(worth(*seat)));
        let costs = exchange.takes.iter().fold(0_i64, |sum, (_, price, fee)| sum.saturating_add(*price).saturating_add(*fee));
        self.check(Code::ExchangeTerms, fits && own, || {
            "it gives up seats that it does not have, or takes others than as many new ones".to_owned()
        });
        self.check(Code::ExchangeTerms, costs <= gives, || {
            format!("its new seats cost {costs}, and those that it gives up {gives}")
        });
    }

    /// `takes`: how many of the new seats are locked for it. `keeps_all`: whether it has all that it did not give up.
    pub(super) fn decide_exchange(&mut self, number: u32, takes: usize, keeps_all: bool) {
        let exchange = self.book.exchange.take().filter(|exchange| exchange.number == number);
        self.check(Code::ExchangeUnasked, exchange.is_some(), || format!("exchange {number} is decided, and is not under way"));
        let Some(exchange) = exchange else { return };
        let has_all = takes == exchange.takes.len() && keeps_all;
        self.check(Code::ExchangedWithoutSeats, has_all, || "it is moved to seats that are not its own".to_owned());
        self.book.moved_at = Some(self.at);
        let at = self.at;
        if let Some(opened) = &mut self.book.opened {
            opened.change(&exchange, at);
        }
    }

    pub(super) fn abandon_exchange(&mut self, number: u32) {
        let under_way = self.book.exchange.take().is_some_and(|exchange| exchange.number == number);
        self.check(Code::ExchangeUnasked, under_way, || format!("exchange {number} is given up, and is not under way"));
        self.book.moved_at = Some(self.at);
    }
}

impl Opened {
    /// Price and fee of one of its seats.
    fn worth_of(&self, seat: u32) -> Option<i64> {
        let place = self.seats.iter().position(|known| *known == seat)?;
        Some(self.prices.get(place)?.saturating_add(*self.fees.get(place)?))
    }

    /// Number of the exchange that brought it this seat last; 0 for none.
    pub(super) fn brought_by(&self, seat: u32) -> u32 {
        self.brought.iter().rev().find(|moved| moved.seat == seat).map_or(0, |moved| moved.exchange)
    }

    /// Whether it ever had the seat.
    pub(super) fn ever_had(&self, seat: u32) -> bool {
        self.seats.contains(&seat) || self.left.iter().any(|moved| moved.seat == seat)
    }

    /// Since when and until when it had the seat by an exchange, or by its opening (0). `None` if it never had it so.
    pub(super) fn tenure(&self, seat: u32, exchange: u32) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
        let of_seat = |moves: &[Moved]| -> Vec<Moved> { moves.iter().filter(|moved| moved.seat == seat).copied().collect() };
        let (brought, left) = (of_seat(&self.brought), of_seat(&self.left));
        let since = if exchange == 0 {
            let (first_left, first_brought) = (left.first(), brought.first());
            let from_the_opening = match first_brought {
                None => self.ever_had(seat),
                Some(brought) => first_left.is_some_and(|left| left.exchange < brought.exchange),
            };
            if !from_the_opening {
                return None;
            }
            None
        } else {
            Some(brought.iter().find(|moved| moved.exchange == exchange)?.at)
        };
        let until = left.iter().find(|moved| moved.exchange > exchange).map(|moved| moved.at);
        Some((since, until))
    }

    /// Its seats after an exchange.
    fn change(&mut self, exchange: &Exchange, at: Timestamp) {
        let priced = self.seats.iter().zip(&self.prices).zip(&self.fees).map(|((seat, price), fee)| (*seat, *price, *fee));
        let kept = priced.filter(|(seat, ..)| !exchange.leaves.contains(seat));
        let now: Vec<(u32, i64, i64)> = kept.chain(exchange.takes.iter().copied()).collect();
        let number = exchange.number;
        self.left.extend(exchange.leaves.iter().map(|seat| Moved { seat: *seat, exchange: number, at }));
        self.brought.extend(exchange.takes.iter().map(|(seat, ..)| Moved { seat: *seat, exchange: number, at }));
        self.seats = now.iter().map(|(seat, ..)| *seat).collect();
        self.prices = now.iter().map(|(_, price, _)| *price).collect();
        self.fees = now.iter().map(|(.., fee)| *fee).collect();
    }
}
