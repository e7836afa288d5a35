//! The rules of payments at the till.

use crate::booking::{decline, in_every_phase, pay, require_action};
use crate::support::*;
use lastseat_domain::booking::{Booking, BookingCommand as C};
use lastseat_domain::event::*;
use lastseat_testkit::given::given;

fn at_till(tender: Tender) -> C {
    C::PayAtTill { now: in_time(), tender, request: None }
}

fn started_at_till(tender: Tender) -> Event {
    PaymentStarted {
        booking: booking(1),
        attempt: 1,
        payment_method: None,
        tender: Some(tender),
        return_url: None,
        request: None,
    }
    .into()
}

/// A booking that is held, and then these events.
fn held_and(more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    history("held").into_iter().chain(more).collect()
}

#[test]
#[rustfmt::skip]
fn the_till_takes_no_payment_that_the_gateway_may_have() {
    in_every_phase(&at_till(Tender::Cash), [
        /* nothing    */ "booking_not_found",     /* held       */ "PaymentStarted",        /* paying    */ "gateway_payment_begun",
        /* action     */ "gateway_payment_begun", /* declined   */ "gateway_payment_begun", /* authorised*/ "gateway_payment_begun",
        /* committed  */ "already_confirmed",     /* confirmed  */ "already_confirmed",     /* refunding */ "already_confirmed",
        /* refunded   */ "already_refunded",      /* aborted    */ "booking_over",          /* fenced    */ "booking_over",
    ]);
    let declined = PaymentDeclined { booking: booking(1), attempt: 1, intent: None, code: "unknown_method".into() };
    let after_decline = held_and([started(1), declined.into()]);
    let again = PaymentStarted { booking: booking(1), attempt: 2, payment_method: None, tender: Some(Tender::Cash), return_url: None, request: None };
    given(after_decline).at(minute(1)).when(at_till(Tender::Cash)).then_events([again.into()]);
}

#[test]
fn a_payment_at_the_till_is_committed_and_taken_under_its_own_name() {
    let till = Tender::intent(booking(1)).unwrap();
    let commit = |intent: &lastseat_domain::IntentId, value| C::Commit {
        now: in_time(),
        intent: intent.clone(),
        amount: eur(value),
        capture_before: None,
    };
    let begun = held_and([started_at_till(Tender::Cash)]);
    let authorised =
        PaymentAuthorised { booking: booking(1), attempt: 1, intent: till.clone(), amount: eur(14_500), capture_before: None };
    let committed: Vec<Event> = vec![authorised.into(), BookingCommitted { booking: booking(1) }.into()];
    given(begun.clone()).at(minute(1)).when(commit(&till, 14_500)).then_events(committed.clone());
    given(begun.clone()).at(minute(1)).when(commit(&intent(1), 14_500)).then_rejected("payment_mismatch");
    given(history("paying")).at(minute(1)).when(commit(&till, 14_500)).then_rejected("payment_mismatch");
    // The gateway has nothing to say about it, nor may it be paid for there.
    given(begun.clone()).at(minute(1)).when(decline(1)).then_nothing();
    given(begun.clone()).at(minute(1)).when(require_action(1)).then_nothing();
    given(begun.clone()).at(minute(1)).when(pay(in_time())).then_rejected("payment_in_progress");
    let given_away = held_and([started_at_till(Tender::Complimentary)]);
    given(given_away.clone()).at(minute(1)).when(commit(&till, 14_500)).then_rejected("payment_mismatch");
    let free = PaymentAuthorised { booking: booking(1), attempt: 1, intent: till.clone(), amount: eur(0), capture_before: None };
    let free: Vec<Event> = vec![free.into(), BookingCommitted { booking: booking(1) }.into()];
    given(given_away).at(minute(1)).when(commit(&till, 0)).then_events(free);
    // Paid already, in the same way or in another: by another request, which may come from another till.
    let sold = [begun, committed.clone()].concat();
    given(sold.clone()).at(minute(1)).when(at_till(Tender::Cash)).then_rejected("already_confirmed");
    given(sold.clone()).at(minute(1)).when(at_till(Tender::Invoice)).then_rejected("already_confirmed");
    let keyed = |key: &str| RequestFingerprint { key: key.into(), body: "cash".into() };
    let request = |key| C::PayAtTill { now: in_time(), tender: Tender::Cash, request: Some(keyed(key)) };
    given(sold).at(minute(1)).when(request("till-1")).then_rejected("already_confirmed");
    let Event::PaymentStarted(begun) = started_at_till(Tender::Cash) else { panic!("not the event of a start") };
    let begun = PaymentStarted { request: Some(keyed("till-1")), ..begun };
    let sold = held_and([begun.into()].into_iter().chain(committed));
    given(sold.clone()).at(minute(1)).when(request("till-1")).then_nothing();
    given(sold).at(minute(1)).when(request("till-2")).then_rejected("already_confirmed");
}

#[test]
fn cash_and_bills_are_repaid_by_staff() {
    let paid = |tender| {
        let Event::PaymentStarted(begun) = started(1) else { panic!("not the event of a start") };
        let begun = PaymentStarted { tender, ..begun };
        let state = given(held_and([begun.into()])).state::<Booking>().unwrap();
        state.is_repaid_by_staff()
    };
    let ways = [None, Some(Tender::Complimentary), Some(Tender::Cash), Some(Tender::Invoice)];
    assert_eq!(ways.map(paid), [false, false, true, true]);
}
