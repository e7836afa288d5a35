//! What became of a booking and its money, as its stream says.

use super::code::Code;
use super::facts::{Book, Decision, Exchange, Opened, Pay, ShowFacts, TILL, at_the_end, seats_by_index};
use super::prices;
use super::report::{Findings, Place};
use super::state::Audit;
use super::tickets::left_inside;
use super::vouchers;
use chrono::TimeDelta;
use lastseat_domain::event::{AbortReason, BookingOpened, Event, PaymentCaptured};
use lastseat_domain::{BookingId, Envelope, Money, ShowId, StreamName, Timestamp};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The audit's own mapping, because it shares no rule with the engine: an event that
/// `lastseat_domain::Event::booking` assigned wrongly would be found here.
fn booking_of(event: &Event) -> Option<BookingId> {
    Some(match event {
        Event::BookingOpened(e) => e.booking,
        Event::HoldExtended(e) => e.booking,
        Event::PaymentStarted(e) => e.booking,
        Event::PaymentActionRequired(e) => e.booking,
        Event::PaymentDeclined(e) => e.booking,
        Event::PaymentAuthorised(e) => e.booking,
        Event::BookingCommitted(e) => e.booking,
        Event::PaymentCaptured(e) => e.booking,
        Event::BookingAborted(e) => e.booking,
        Event::PaymentVoided(e) => e.booking,
        Event::PaymentFlagged(e) => e.booking,
        Event::PaymentReviewed(e) => e.booking,
        Event::RefundRequested(e) => e.booking,
        Event::PaymentRefunded(e) => e.booking,
        Event::PaymentReturnedElsewhere(e) => e.booking,
        Event::BookingTransferred(e) => e.booking,
        Event::ExchangeRequested(e) => e.booking,
        Event::BookingExchanged(e) => e.booking,
        Event::ExchangeAbandoned(e) => e.booking,
        Event::PartialRefundRequested(e) => e.booking,
        Event::PaymentPartlyRefunded(e) => e.booking,
        Event::VoucherApplied(e) => e.booking,
        Event::VoucherRemoved(e) => e.booking,
        _ => return None,
    })
}

/// How many of a booking's seats it has, and how many of them were sold to it.
fn seats_of(shows: &HashMap<ShowId, ShowFacts>, booking: BookingId, opened: Option<&Opened>) -> (u32, u32) {
    let Some(opened) = opened else { return (0, 0) };
    let Some(show) = shows.get(&opened.show) else { return (0, 0) };
    let seats = || opened.seats.iter().filter_map(|index| show.seats.get(*index as usize));
    let count = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
    (count(seats().filter(|s| s.is_of(booking)).count()), count(seats().filter(|s| s.is_sold_to(booking)).count()))
}

/// Whether it has all its seats but those that it gave up for partial refunds.
fn keeps_all(show: Option<&ShowFacts>, book: &Book, booking: BookingId) -> bool {
    let (Some(show), Some(opened)) = (show, &book.opened) else { return false };
    let kept = opened.seats.iter().filter(|seat| book.gave_up_at(**seat).is_none());
    kept.into_iter().all(|seat| show.seats.get(*seat as usize).is_some_and(|fact| fact.is_of(booking)))
}

/// How many of the seats that it is being moved to are locked for it, by this very exchange.
fn seats_taken(show: Option<&ShowFacts>, booking: BookingId, exchange: Option<&Exchange>) -> usize {
    let (Some(show), Some(exchange)) = (show, exchange) else { return 0 };
    let has = |seat: u32| show.seats.get(seat as usize).and_then(|fact| fact.owner);
    let own = |seat: u32| has(seat).is_some_and(|owner| owner.booking == booking && owner.exchange == exchange.number);
    exchange.takes.iter().filter(|(seat, ..)| own(*seat)).count()
}

/// A check of the booking that an event is about.
pub(super) struct Step<'a> {
    pub(super) book: &'a mut Book,
    pub(super) findings: &'a mut Findings,
    pub(super) place: Place,
    pub(super) at: Timestamp,
    /// How many of its seats it has, and how many were sold to it.
    has: u32,
    sold: u32,
}

impl Audit {
    pub(super) fn take_booking(&mut self, envelope: &Envelope) {
        let place = Place::of(envelope);
        let Some(id) = booking_of(&envelope.event) else { return };
        let own = envelope.stream.as_booking() == Some(id);
        self.findings.check(Code::WrongStream, own, &place, || format!("it is about booking {id}"));
        let book = self.bookings.entry(id).or_default();
        let first = !std::mem::replace(&mut book.begun, true);
        book.position = envelope.position;
        book.last_at = book.last_at.max(Some(envelope.metadata.at));
        let (has, sold) = seats_of(&self.shows, id, book.opened.as_deref());
        let findings = &mut self.findings;
        if let Event::BookingOpened(e) = &envelope.event {
            findings.check(Code::OpenedTwice, first, &place, || format!("booking {id} is there already"));
            if first {
                open(book, e, envelope.metadata.at, &self.shows, findings, &place);
                if let Some(request) = &e.request {
                    let mut hasher = DefaultHasher::new();
                    request.key.hash(&mut hasher);
                    let new = self.requests.insert(hasher.finish());
                    findings
                        .check(Code::RequestTwice, new, &place, || "another booking was opened by the same request".to_owned());
                }
            }
            return;
        }
        let may_begin = matches!(&envelope.event, Event::BookingAborted(e) if e.reason == AbortReason::Fenced);
        findings.check(Code::AfterTheEnd, !first || may_begin, &place, || {
            format!("{} comes before the booking was opened", envelope.event.name())
        });
        vouchers::judge_booking(book, envelope, &self.vouchers, &self.shows, findings, &place);
        let show = book.opened.as_ref().and_then(|o| self.shows.get(&o.show));
        let hold = book.opened.as_ref().zip(show).and_then(|(opened, show)| show.longest_hold(opened.revision));
        let takes = seats_taken(show, id, book.exchange.as_deref());
        let is_moved = matches!(envelope.event, Event::BookingExchanged(_));
        let keeps_all = is_moved && keeps_all(show, book, id);
        if is_moved {
            let inside = left_inside(&self.tickets, show, id, book.exchange.as_deref(), envelope.metadata.at);
            findings.check(Code::ExchangedInside, inside.is_none(), &place, || {
                format!(
                    "somebody is inside with the ticket for seat {}",
                    inside.map_or_else(String::new, |seat| seat.to_string())
                )
            });
        }
        let given_up = match &envelope.event {
            Event::PartialRefundRequested(e) => seats_by_index(&self.shows, book.opened.as_deref(), &e.seats),
            _ => vec![],
        };
        let mut step = Step { book, findings, place, at: envelope.metadata.at, has, sold };
        step.check_place_of_payment(&envelope.event);
        match &envelope.event {
            Event::HoldExtended(e) => step.extend(e.expires_at, hold),
            Event::PaymentStarted(e) => {
                step.choose_payment(e.tender);
                step.start_payment(e.attempt);
            }
            Event::PaymentActionRequired(_) => step.move_payment(Pay::ActionRequired),
            Event::PaymentDeclined(_) => step.move_payment(Pay::None),
            Event::PaymentAuthorised(e) => step.authorise(e.amount),
            Event::BookingCommitted(_) => step.commit(),
            Event::BookingAborted(e) => step.abort(e.reason),
            Event::PaymentVoided(_) => step.void(),
            Event::PaymentFlagged(_) => step.flag(),
            Event::PaymentReviewed(e) => step.review(e.outcome),
            Event::BookingTransferred(_) => step.transfer(),
            Event::ExchangeRequested(e) => step.request_exchange(e, show),
            Event::BookingExchanged(e) => step.decide_exchange(e.exchange, takes, keeps_all),
            Event::ExchangeAbandoned(e) => step.abandon_exchange(e.exchange),
            Event::RefundRequested(_) => step.request_refund(),
            Event::PaymentCaptured(e) => {
                step.capture(e);
                let flow = self.money.entry(e.amount.currency).or_default();
                flow.captured = flow.captured.saturating_add(e.amount.value);
            }
            Event::PaymentRefunded(e) => {
                step.refund(e.amount);
                let flow = self.money.entry(e.amount.currency).or_default();
                flow.refunded = flow.refunded.saturating_add(e.amount.value);
            }
            Event::PartialRefundRequested(e) => step.request_part(e, &given_up),
            Event::PaymentPartlyRefunded(e) => {
                step.refund_part(e);
                let flow = self.money.entry(e.amount.currency).or_default();
                flow.refunded = flow.refunded.saturating_add(e.amount.value);
            }
            Event::PaymentReturnedElsewhere(e) if e.refund.is_some() => {
                let counted = step.return_part_elsewhere(e.refund.unwrap_or_default(), e);
                let flow = self.money.entry(e.amount.currency).or_default();
                if !counted {
                    flow.refunded = flow.refunded.saturating_add(e.amount.value);
                }
                flow.returned_elsewhere = flow.returned_elsewhere.saturating_add(e.amount.value);
            }
            Event::PaymentReturnedElsewhere(e) => {
                let counted = step.book.decision == Decision::Refunded;
                step.return_elsewhere(e.amount);
                let flow = self.money.entry(e.amount.currency).or_default();
                if !counted {
                    flow.refunded = flow.refunded.saturating_add(e.amount.value);
                }
                flow.returned_elsewhere = flow.returned_elsewhere.saturating_add(e.amount.value);
            }
            _ => {}
        }
        book.forget_if_done();
    }

    /// Bookings of a show that is refunded get their own requests.
    fn finish_refunds_of_shows(&mut self) {
        for (id, book) in &self.bookings {
            let show = book.opened.as_ref().and_then(|opened| self.shows.get(&opened.show));
            let since = show.and_then(|show| show.refunds_at).max(book.last_at);
            let waits = book.flagged || book.part_under_way().is_some();
            // No machine returns cash, or takes a bill back.
            let by_staff = book.is_repaid_by_staff();
            let asked = show.is_some_and(|show| show.refunds_at.is_some());
            let due = asked && book.is_charged() && !book.refund_requested && !waits && !by_staff;
            let Some(since) = since.filter(|_| due) else { continue };
            let text = "its show is refunded, and its own refund is not requested";
            if self.activity.is_late(since) {
                let place = at_the_end(book.position, &StreamName::booking(*id));
                self.findings.wrong(Code::RefundMissing, &place, || text.to_owned());
            } else {
                self.findings.pending(StreamName::booking(*id), text.to_owned());
            }
        }
    }

    /// What is decided but not finished.
    pub(super) fn finish_bookings(&mut self) {
        self.finish_refunds_of_shows();
        for (id, book) in &self.bookings {
            let flagged = if book.flagged { "; a person has to look at the payment" } else { "" };
            let text = match (book.decision, book.captured, book.refund_requested) {
                (Decision::Committed, None, _) => "it is committed, and not yet captured",
                (Decision::Committed, Some(_), false) if book.exchange.is_some() => "its exchange is not decided",
                (Decision::Committed, Some(_), true) => "its refund was requested and is not complete",
                (Decision::Committed, Some(_), false) if book.part_under_way().is_some() => {
                    "a refund of a part of it was requested and is not complete"
                }
                _ if book.flagged && !book.voided && book.decision == Decision::Aborted => {
                    "it is aborted, and its payment is not known"
                }
                _ => continue,
            };
            self.findings.pending(StreamName::booking(*id), format!("{text}{flagged}"));
        }
    }
}

/// Checks what a booking was opened for against the plan.
fn open(
    book: &mut Book,
    e: &BookingOpened,
    at: Timestamp,
    shows: &HashMap<ShowId, ShowFacts>,
    findings: &mut Findings,
    place: &Place,
) {
    let show = shows.get(&e.show);
    findings.check(Code::SeatNotInPlan, show.is_some(), place, || format!("there is no show {}", e.show));
    let edition = show.and_then(|show| show.at(e.show_revision));
    findings.check(Code::RevisionUnknown, show.is_none() || edition.is_some(), place, || {
        format!("it names revision {} of show {}, which is not one of its prices", e.show_revision, e.show)
    });
    let mut seats = Vec::with_capacity(e.seats.len());
    let mut seen = HashSet::with_capacity(e.seats.len());
    for priced in &e.seats {
        let plan = edition.or(show.map(ShowFacts::latest));
        let index = plan.and_then(|edition| edition.plan.index_of(&priced.seat));
        findings.check(Code::SeatNotInPlan, index.is_some(), place, || format!("show {} has no seat {}", e.show, priced.seat));
        findings.check(Code::SeatListedTwice, seen.insert(&priced.seat), place, || format!("it lists {} twice", priced.seat));
        seats.push(index);
    }
    prices::check(e, show, edition, &seats, findings, place);
    let at_till = e.channel.as_ref().is_some_and(|channel| channel.as_str() == TILL);
    let refused = e.buyer.as_str().starts_with("guest:") && !at_till && edition.is_some_and(|edition| !edition.facts.guests);
    findings.check(Code::GuestRefused, !refused, place, || {
        format!("{} has it, and the show was not sold to guests at revision {}", e.buyer, e.show_revision)
    });
    let most = edition.map_or(u32::MAX, |edition| edition.facts.max_seats_per_booking);
    let count = u32::try_from(e.seats.len()).unwrap_or(u32::MAX);
    findings.check(Code::TooManySeats, (1..=most).contains(&count), place, || format!("it has {count} seats of at most {most}"));
    let known = || e.seats.iter().zip(&seats).filter_map(|(priced, index)| Some(((*index)?, priced.price, priced.fee)));
    let opened = Opened {
        show: e.show.clone(),
        revision: e.show_revision,
        buyer: e.buyer.clone(),
        channel: e.channel.clone(),
        access_code: e.access_code.clone(),
        voucher: e.voucher.clone(),
        amount: e.amount,
        seats: known().map(|(index, ..)| index).collect(),
        prices: known().map(|(_, price, _)| price).collect(),
        fees: known().map(|(.., fee)| fee).collect(),
        left: vec![],
        brought: vec![],
        count,
        at,
    };
    book.deadline = Some(e.expires_at);
    book.opened = Some(Box::new(opened));
}

impl Step<'_> {
    pub(super) fn check(&mut self, code: Code, holds: bool, text: impl FnOnce() -> String) {
        self.findings.check(code, holds, &self.place, text);
    }

    fn is_open(&self) -> bool {
        self.book.decision == Decision::Open
    }

    fn in_time(&self) -> bool {
        self.book.deadline.is_some_and(|deadline| self.at < deadline)
    }

    fn has_all(&self) -> bool {
        self.book.opened.as_ref().is_some_and(|o| o.count > 0 && self.has == o.count)
    }

    fn extend(&mut self, to: Timestamp, hold_seconds: Option<u32>) {
        let (open, in_time, extended) = (self.is_open(), self.in_time(), self.book.extended);
        self.check(Code::AfterTheEnd, open, || "it is extended and is decided already".to_owned());
        self.check(Code::ExtendedTwice, !extended, || "it is extended again".to_owned());
        let at = self.at;
        self.check(Code::ExtendedLate, in_time || !open, || format!("it is extended at {at}, after its deadline"));
        let furthest = self.book.deadline.zip(hold_seconds).map(|(t, seconds)| t + TimeDelta::seconds(seconds.into()));
        self.check(Code::ExtendedLate, furthest.is_none_or(|furthest| to <= furthest), || {
            format!("it is extended to {to}, further than the show allows")
        });
        self.book.extended = true;
        self.book.deadline = Some(to);
    }

    fn start_payment(&mut self, attempt: u32) {
        let (open, in_time, has_all, last) = (self.is_open(), self.in_time(), self.has_all(), self.book.attempt);
        let at = self.at;
        self.check(Code::PaymentAfterOver, open, || "a payment begins and the booking is decided already".to_owned());
        self.check(Code::PaymentAfterOver, in_time || !open, || format!("a payment begins at {at}, after the deadline"));
        self.check(Code::PaymentWithoutSeats, has_all || !open, || {
            "a payment begins and not all its seats are its own".to_owned()
        });
        self.check(Code::AttemptNumber, last.checked_add(1) == Some(attempt), || {
            format!("attempt {attempt} follows attempt {last}")
        });
        self.book.attempt = attempt;
        self.book.pay = Pay::Started;
    }

    fn move_payment(&mut self, to: Pay) {
        let under_way = self.is_open() && matches!(self.book.pay, Pay::Started | Pay::ActionRequired);
        self.check(Code::AfterTheEnd, under_way, || "an answer of the gateway, and no payment is under way".to_owned());
        self.book.pay = to;
    }

    fn authorise(&mut self, amount: Money) {
        let under_way = self.is_open() && matches!(self.book.pay, Pay::Started | Pay::ActionRequired);
        let right = self.book.amount() == Some(amount);
        self.check(Code::AuthorisedUnasked, under_way, || "a payment is authorised that is not under way".to_owned());
        self.check(Code::AuthorisedAmount, right, || format!("{amount} is authorised, not what it costs"));
        self.book.pay = Pay::Authorised;
    }

    fn commit(&mut self) {
        let (decision, in_time, has_all) = (self.book.decision, self.in_time(), self.has_all());
        let authorised = self.book.pay == Pay::Authorised;
        let at = self.at;
        self.check(Code::CommittedAndAborted, !decision.is_over(), || "it is committed and was aborted".to_owned());
        self.check(Code::CommittedTwice, decision != Decision::Committed, || "it is committed again".to_owned());
        self.check(Code::CommittedLate, in_time, || format!("it is committed at {at}, after its deadline"));
        self.check(Code::CommittedWithoutSeats, has_all, || "it is committed and not all its seats are its own".to_owned());
        self.check(Code::AuthorisedUnasked, authorised, || "it is committed without an authorised payment".to_owned());
        if decision == Decision::Open {
            self.book.decision = Decision::Committed;
        }
        self.book.committed = true;
    }

    fn abort(&mut self, reason: AbortReason) {
        let decision = self.book.decision;
        // The one way back: the reservation was gone when it came to capture, and that is recorded.
        let failed = reason == AbortReason::CaptureFailed && self.book.voided && self.book.captured.is_none();
        self.check(Code::CommittedAndAborted, decision != Decision::Committed || failed, || {
            "it is aborted and was committed".to_owned()
        });
        self.check(Code::CommittedTwice, !decision.is_over(), || "it is aborted and is over already".to_owned());
        if decision == Decision::Open || failed {
            self.book.decision = Decision::Aborted;
            self.book.over_at = Some(self.at);
        }
    }

    fn capture(&mut self, e: &PaymentCaptured) {
        let amount = e.amount;
        let (decision, committed, voided) = (self.book.decision, self.book.committed, self.book.voided);
        let first = self.book.captured.is_none();
        let right = self.book.amount() == Some(amount);
        let sold = self.book.opened.as_ref().is_some_and(|o| self.sold == o.count);
        self.check(Code::CapturedTwice, first, || "its money is taken again".to_owned());
        self.check(Code::CapturedAfterAbort, !decision.is_over() || !first, || "its money is taken and it is over".to_owned());
        self.check(Code::CapturedWithoutCommit, committed || decision.is_over(), || {
            "its money is taken and it is not committed".to_owned()
        });
        self.check(Code::CapturedBeforeSeats, sold || !committed || !first, || {
            "its money is taken and not all its seats are sold to it".to_owned()
        });
        self.check(Code::CapturedAfterVoid, !voided, || "its money is taken after its payment was voided".to_owned());
        self.check(Code::CapturedAmount, right || decision.is_over(), || format!("{amount} is taken, not what it costs"));
        if first {
            self.book.captured = Some(amount);
            self.book.captured_at = Some(self.at);
            self.book.draw = Some(e.drawn_by());
        }
    }

    fn void(&mut self) {
        let paid = self.book.captured.is_some();
        self.check(Code::CapturedAfterVoid, !paid, || "its payment is voided after the money was taken".to_owned());
        self.book.voided = true;
    }
}
