//! Who has a seat, as its stream says.

use super::code::Code;
use super::facts::{Book, Decision, Owner, ShowFacts, at_the_end};
use super::report::Place;
use super::state::Audit;
use crate::blocks::{Access, judge_block};
use lastseat_domain::event::{AbortReason, Event};
use lastseat_domain::{Envelope, StreamName, Timestamp};

/// Why a seat is to be free that was locked for a booking that was then opened without it.
const STRAY: &str = "was opened without it, or was moved from it";
/// Why a seat is to be sold to a booking that was moved to it.
const UNSOLD: &str = "was moved to it and was not sold it";

/// Whether a booking may lock the seat for this price: the one that it was opened with. Until it is opened, any price of the
/// seat at any revision will do, for what counts is what it is opened with.
fn is_price(show: &ShowFacts, seat: u32, price: i64, book: Option<&Book>) -> bool {
    let opened = book.and_then(|book| book.opened.as_ref()).filter(|opened| show.at(opened.revision).is_some());
    match opened {
        Some(opened) => opened.price_of(seat).is_none_or(|own| own == price),
        None => show.ever_costs(seat, price),
    }
}

impl Audit {
    pub(super) fn take_seat(&mut self, envelope: &Envelope) {
        let place = Place::of(envelope);
        let found = envelope.stream.as_seat().and_then(|(show, seat)| {
            let index = self.shows.get(&show)?.latest().plan.index_of(&seat)?;
            Some((show, index))
        });
        self.findings.check(Code::SeatNotInPlan, found.is_some(), &place, || "no show has such a seat".to_owned());
        let Some((show_id, index)) = found else { return };
        let Some(show) = self.shows.get_mut(&show_id) else { return };
        let price_fits = match &envelope.event {
            Event::SeatLocked(e) => is_price(show, index, e.price, self.bookings.get(&e.booking)),
            _ => true,
        };
        let Some(seat) = show.seats.get_mut(index as usize) else { return };
        let findings = &mut self.findings;
        let access = Access { blocks: &self.blocks, vouchers: &self.vouchers, bookings: &self.bookings };
        judge_block(seat, envelope, index, &access, findings, &place);
        let before = seat.owner;
        match &envelope.event {
            Event::SeatLocked(e) => {
                let book = self.bookings.entry(e.booking).or_default();
                let other = before.filter(|o| o.booking != e.booking);
                findings.check(Code::SeatTwoOwners, other.is_none(), &place, || {
                    let other = other.map_or_else(String::new, |o| o.booking.to_string());
                    format!("booking {} locks it while booking {other} still has it", e.booking)
                });
                let again = before.is_some_and(|o| o.booking == e.booking);
                findings.check(Code::SeatLockedTwice, !again, &place, || {
                    format!("booking {} locks it and has it already", e.booking)
                });
                let taking = book.is_taking(index).filter(|price| *price == e.price);
                let number = book.exchange.as_ref().map_or(0, |exchange| exchange.number);
                let asked = e.exchange == 0 || taking.is_some() && number == e.exchange;
                findings.check(Code::LockedForNoExchange, asked, &place, || {
                    format!("booking {} locks it for exchange {}, which does not ask for it", e.booking, e.exchange)
                });
                findings.check(Code::PriceDiffers, price_fits, &place, || {
                    format!("it is locked for {}, which is not its price", e.price)
                });
                seat.owner = Some(Owner {
                    booking: e.booking,
                    booked: false,
                    block: e.block,
                    exchange: e.exchange,
                    expires_at: e.expires_at,
                    since: envelope.metadata.at,
                    position: envelope.position,
                });
                if !again {
                    book.seats_held += 1;
                }
            }
            Event::SeatBooked(e) => {
                let owns = before.is_some_and(|o| o.booking == e.booking);
                findings.check(Code::BookedByNonOwner, owns, &place, || {
                    let owner = before.map_or_else(|| "nobody".to_owned(), |o| format!("booking {}", o.booking));
                    format!("it is sold to booking {}, but {owner} has it", e.booking)
                });
                let sold = before.is_some_and(|o| o.booking == e.booking && o.booked);
                findings.check(Code::SeatLockedTwice, !sold, &place, || format!("it is sold to booking {} again", e.booking));
                let by = before.filter(|_| owns).map_or(e.exchange, |owner| owner.exchange);
                findings.check(Code::LockedForNoExchange, by == e.exchange, &place, || {
                    format!("booking {} has it by exchange {by}, and is sold it by exchange {}", e.booking, e.exchange)
                });
                let book = self.bookings.get(&e.booking);
                let asked_for = !book.is_some_and(|b| b.is_stray(&show_id, index));
                findings.check(Code::LockedOtherSeat, asked_for || !owns, &place, || {
                    format!("it is sold to booking {}, which did not ask for it", e.booking)
                });
                let decision = book.map_or(Decision::Open, |b| b.decision);
                let committed = decision == Decision::Committed;
                findings.check(Code::BookedAfterAbort, !decision.is_over(), &place, || {
                    format!("it is sold to booking {}, which is over", e.booking)
                });
                findings.check(Code::BookedWithoutCommit, committed || decision.is_over(), &place, || {
                    format!("it is sold to booking {}, which is not committed", e.booking)
                });
                let since = envelope.metadata.at;
                seat.owner = Some(before.filter(|_| owns).map_or(
                    Owner {
                        booking: e.booking,
                        booked: true,
                        block: e.block,
                        exchange: e.exchange,
                        expires_at: since,
                        since,
                        position: envelope.position,
                    },
                    |o| Owner { booked: true, ..o },
                ));
            }
            Event::SeatReleased(e) => {
                let owns = before.is_some_and(|o| o.booking == e.booking);
                findings.check(Code::ReleasedByNonOwner, owns, &place, || {
                    let owner = before.map_or_else(|| "nobody".to_owned(), |o| format!("booking {}", o.booking));
                    format!("booking {} frees it, but {owner} has it", e.booking)
                });
                let known = self.bookings.get_mut(&e.booking);
                let book = known.as_deref();
                let (begun, decision) = book.map_or((false, Decision::Open), |b| (b.begun, b.decision));
                // What it is being moved to is its own while that is not decided.
                let stray = book.is_some_and(|b| b.is_stray(&show_id, index) && b.is_taking(index).is_none());
                let gave_up = book.is_some_and(|b| b.gave_up_at(index).is_some());
                let charged = book.is_some_and(Book::is_charged) && !stray && !gave_up;
                // A try that lost one of its seats gives the others back itself, and goes on with more.
                let given_back = e.reason == AbortReason::SeatLost;
                findings.check(Code::ReleasedUnfenced, begun || given_back, &place, || {
                    format!("booking {} was neither opened nor fenced before it frees it", e.booking)
                });
                findings.check(Code::ChargedWithoutSeats, !charged, &place, || {
                    format!("booking {} is paid and not refunded, and loses it", e.booking)
                });
                findings.check(
                    Code::ReleasedWhileLive,
                    decision.is_over() || charged || gave_up || stray || !begun,
                    &place,
                    || format!("booking {} frees it and is not over", e.booking),
                );
                seat.owner = None;
                if let Some(book) = known.filter(|_| owns) {
                    book.seats_held = book.seats_held.saturating_sub(1);
                    book.forget_if_done();
                }
            }
            _ => {}
        }
    }

    /// No seat is taken by a booking that is over, or should be.
    pub(super) fn finish_seats(&mut self, until: Timestamp) {
        for (show_id, show) in &self.shows {
            for (index, seat) in (0_u32..).zip(&show.seats) {
                let (Some(owner), Some(id)) = (seat.owner, seat.owner.and_then(|_| show.latest().plan.id_of(index))) else {
                    continue;
                };
                let book = self.bookings.get(&owner.booking);
                let decision = book.map_or(Decision::Open, |b| b.decision);
                let gave_up = book.and_then(|book| book.gave_up_at(index));
                let (over_at, why) = match (book, decision) {
                    (Some(book), _) if book.is_stray(show_id, index) => (book.stray_since(), STRAY),
                    (Some(book), Decision::Committed) if owner.exchange > 0 && !owner.booked => (book.moved_at, UNSOLD),
                    (_, Decision::Committed) if gave_up.is_some() => (gave_up, "gave it up"),
                    (_, Decision::Committed) => continue,
                    (Some(book), Decision::Aborted | Decision::Refunded) => (book.over_at, "is over"),
                    (Some(book), Decision::Open) if book.begun => (book.deadline, "ran out of time"),
                    _ => (Some(owner.expires_at), "was never opened"),
                };
                let due = over_at.unwrap_or(owner.expires_at).max(owner.since.min(until));
                if due > until {
                    continue;
                }
                let stream = StreamName::seat(show_id, &id);
                let late = (until - due).num_seconds();
                let text = format!("booking {} {why}, and still has it {late} s later", owner.booking);
                if self.activity.is_late(due) {
                    let code = match why {
                        STRAY => Code::LockedOtherSeat,
                        UNSOLD => Code::ExchangedWithoutSeats,
                        _ => Code::StuckSeat,
                    };
                    self.findings.wrong(code, &at_the_end(owner.position, &stream), || text);
                } else {
                    self.findings.pending(stream, text);
                }
            }
        }
    }
}
