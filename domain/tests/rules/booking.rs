//! The rules of a booking: every command in every phase, then what the tables can't show.

use crate::support::*;
use lastseat_domain::Decider;
use lastseat_domain::booking::{Booking, BookingCommand as C};
use lastseat_domain::event::*;
use lastseat_domain::rejection::Rejection;
use lastseat_testkit::given::{TestedCommand, given};

/// Asks the same in every phase. What follows is written as the names of the events, `-` for
/// nothing, or the code of the rejection. Through the kit, so every repeat is tried as well.
pub fn in_every_phase(command: &C, expected: [&str; 12]) {
    for (phase, expected) in PHASES.into_iter().zip(expected) {
        let state = given(history(phase)).at(minute(1)).state::<Booking>();
        let decided = Booking::decide(&C::id(), &state, command.clone());
        let got = match &decided {
            Ok(events) if events.is_empty() => "-".to_owned(),
            Ok(events) => events.iter().map(Event::name).collect::<Vec<_>>().join(" "),
            Err(rejection) => rejection.code().to_owned(),
        };
        assert_eq!(got, expected, "{command:?} in phase {phase}");
        if let Ok(events) = decided {
            given(history(phase)).at(minute(1)).when(command.clone()).then_events(events);
        }
    }
}

fn booking_after(phase: &str) -> Booking {
    given(history(phase)).at(minute(1)).state::<Booking>().unwrap()
}

pub fn pay(now: lastseat_domain::Timestamp) -> C {
    C::StartPayment { now, payment_method: Some("pm_card_visa".into()), return_url: None, request: None }
}

fn commit(now: lastseat_domain::Timestamp) -> C {
    C::Commit { now, intent: intent(1), amount: eur(14_500), capture_before: None }
}

pub fn decline(attempt: u32) -> C {
    C::Decline { attempt, intent: Some(intent(1)), code: "card_declined".into() }
}

pub fn require_action(attempt: u32) -> C {
    C::RequireAction { attempt, intent: intent(1), url: Some("https://bank.example/3ds".into()) }
}

pub const CAPTURE: fn() -> C = || C::RecordCapture { intent: intent(1), amount: eur(14_500), draw: draw() };
pub const REFUND: fn() -> C = || C::RecordRefund { intent: intent(1), amount: eur(14_500) };

#[test]
#[rustfmt::skip]
fn it_opens_once_and_never_after_it_ended() {
    in_every_phase(&C::Open(opened()), [
        /* nothing    */ "BookingOpened", /* held       */ "-",            /* paying    */ "-",
        /* action     */ "-",             /* declined   */ "-",            /* authorised*/ "-",
        /* committed  */ "-",             /* confirmed  */ "-",            /* refunding */ "-",
        /* refunded   */ "already_refunded", /* aborted */ "booking_over", /* fenced    */ "booking_over",
    ]);
    let other = C::Open(BookingOpened { buyer: buyer(2), ..opened() });
    in_every_phase(&other, [
        /* nothing    */ "BookingOpened", /* held       */ "out_of_order", /* paying    */ "out_of_order",
        /* action     */ "out_of_order",  /* declined   */ "out_of_order", /* authorised*/ "out_of_order",
        /* committed  */ "out_of_order",  /* confirmed  */ "out_of_order", /* refunding */ "out_of_order",
        /* refunded   */ "already_refunded", /* aborted */ "booking_over", /* fenced    */ "booking_over",
    ]);
}

#[test]
#[rustfmt::skip]
fn a_fence_keeps_a_booking_from_opening_and_touches_no_other() {
    in_every_phase(&C::Fence { booking: booking(1) }, [
        /* nothing    */ "BookingAborted", /* held      */ "-", /* paying    */ "-",
        /* action     */ "-",             /* declined   */ "-", /* authorised*/ "-",
        /* committed  */ "-",             /* confirmed  */ "-", /* refunding */ "-",
        /* refunded   */ "-",             /* aborted    */ "-", /* fenced    */ "-",
    ]);
}

#[test]
#[rustfmt::skip]
fn a_hold_is_extended_while_it_is_undecided_and_in_time() {
    in_every_phase(&C::Extend { now: in_time(), seconds: 600 }, [
        /* nothing    */ "booking_not_found", /* held   */ "HoldExtended",  /* paying    */ "HoldExtended",
        /* action     */ "HoldExtended",  /* declined   */ "HoldExtended",  /* authorised*/ "HoldExtended",
        /* committed  */ "already_confirmed", /* confirmed */ "already_confirmed", /* refunding */ "already_confirmed",
        /* refunded   */ "already_refunded", /* aborted */ "booking_over",  /* fenced    */ "booking_over",
    ]);
    in_every_phase(&C::Extend { now: too_late(), seconds: 600 }, [
        /* nothing    */ "booking_not_found", /* held   */ "booking_over",  /* paying    */ "booking_over",
        /* action     */ "booking_over",  /* declined   */ "booking_over",  /* authorised*/ "booking_over",
        /* committed  */ "already_confirmed", /* confirmed */ "already_confirmed", /* refunding */ "already_confirmed",
        /* refunded   */ "already_refunded", /* aborted */ "booking_over",  /* fenced    */ "booking_over",
    ]);
}

#[test]
#[rustfmt::skip]
fn a_payment_starts_while_none_is_under_way() {
    in_every_phase(&pay(in_time()), [
        /* nothing    */ "booking_not_found", /* held   */ "PaymentStarted", /* paying    */ "payment_in_progress",
        /* action     */ "PaymentStarted", /* declined  */ "PaymentStarted", /* authorised*/ "payment_in_progress",
        /* committed  */ "-",             /* confirmed  */ "-",             /* refunding */ "-",
        /* refunded   */ "already_refunded", /* aborted */ "booking_over",  /* fenced    */ "booking_over",
    ]);
    in_every_phase(&pay(too_late()), [
        /* nothing    */ "booking_not_found", /* held   */ "booking_over",  /* paying    */ "booking_over",
        /* action     */ "booking_over",  /* declined   */ "booking_over",  /* authorised*/ "booking_over",
        /* committed  */ "-",             /* confirmed  */ "-",             /* refunding */ "-",
        /* refunded   */ "already_refunded", /* aborted */ "booking_over",  /* fenced    */ "booking_over",
    ]);
}

#[test]
#[rustfmt::skip]
fn the_bank_asks_for_the_buyer_only_during_an_attempt() {
    in_every_phase(&require_action(1), [
        /* nothing    */ "booking_not_found", /* held   */ "-",             /* paying    */ "PaymentActionRequired",
        /* action     */ "-",             /* declined   */ "-",             /* authorised*/ "-",
        /* committed  */ "-",             /* confirmed  */ "-",             /* refunding */ "-",
        /* refunded   */ "-",             /* aborted    */ "booking_over",  /* fenced    */ "booking_over",
    ]);
}

#[test]
#[rustfmt::skip]
fn a_decline_ends_the_attempt_not_the_hold() {
    in_every_phase(&decline(1), [
        /* nothing    */ "booking_not_found", /* held   */ "-",             /* paying    */ "PaymentDeclined",
        /* action     */ "PaymentDeclined", /* declined */ "-",             /* authorised*/ "-",
        /* committed  */ "-",             /* confirmed  */ "-",             /* refunding */ "-",
        /* refunded   */ "-",             /* aborted    */ "booking_over",  /* fenced    */ "booking_over",
    ]);
}

#[test]
#[rustfmt::skip]
fn an_authorised_payment_decides_in_time_for_the_buyer_and_late_against_the_sale() {
    in_every_phase(&commit(in_time()), [
        /* nothing    */ "booking_not_found", /* held   */ "out_of_order",
        /* paying     */ "PaymentAuthorised BookingCommitted",
        /* action     */ "PaymentAuthorised BookingCommitted",
        /* declined   */ "out_of_order",  /* authorised */ "BookingCommitted",
        /* committed  */ "-",             /* confirmed  */ "-",             /* refunding */ "-",
        /* refunded   */ "-",             /* aborted    */ "booking_over",  /* fenced    */ "booking_over",
    ]);
    in_every_phase(&commit(too_late()), [
        /* nothing    */ "booking_not_found", /* held   */ "out_of_order",
        /* paying     */ "PaymentAuthorised BookingAborted",
        /* action     */ "PaymentAuthorised BookingAborted",
        /* declined   */ "out_of_order",  /* authorised */ "BookingAborted",
        /* committed  */ "-",             /* confirmed  */ "-",             /* refunding */ "-",
        /* refunded   */ "-",             /* aborted    */ "booking_over",  /* fenced    */ "booking_over",
    ]);
}

#[test]
#[rustfmt::skip]
fn money_is_taken_only_after_the_commit() {
    in_every_phase(&CAPTURE(), [
        /* nothing    */ "booking_not_found", /* held   */ "out_of_order",  /* paying    */ "out_of_order",
        /* action     */ "out_of_order",  /* declined   */ "out_of_order",  /* authorised*/ "out_of_order",
        /* committed  */ "PaymentCaptured", /* confirmed */ "-",            /* refunding */ "-",
        /* refunded   */ "-",             /* aborted    */ "out_of_order",  /* fenced    */ "out_of_order",
    ]);
}

#[test]
#[rustfmt::skip]
fn only_a_committed_booking_can_fail_to_be_captured() {
    in_every_phase(&C::FailCapture { intent: intent(1) }, [
        /* nothing    */ "booking_not_found", /* held   */ "out_of_order",  /* paying    */ "out_of_order",
        /* action     */ "out_of_order",  /* declined   */ "out_of_order",  /* authorised*/ "out_of_order",
        /* committed  */ "PaymentVoided BookingAborted", /* confirmed */ "out_of_order", /* refunding */ "out_of_order",
        /* refunded   */ "out_of_order",  /* aborted    */ "-",             /* fenced    */ "-",
    ]);
}

#[test]
#[rustfmt::skip]
fn a_booking_is_cancelled_until_it_is_decided() {
    for reason in [AbortReason::Cancelled, AbortReason::SeatLost, AbortReason::ShowCancelled] {
        in_every_phase(&C::Cancel { reason }, [
            /* nothing    */ "booking_not_found", /* held   */ "BookingAborted", /* paying    */ "BookingAborted",
            /* action     */ "BookingAborted", /* declined  */ "BookingAborted", /* authorised*/ "BookingAborted",
            /* committed  */ "already_confirmed", /* confirmed */ "already_confirmed", /* refunding */ "already_confirmed",
            /* refunded   */ "already_refunded", /* aborted */ "-",              /* fenced    */ "-",
        ]);
    }
}

#[test]
#[rustfmt::skip]
fn a_hold_expires_at_its_deadline_if_it_is_undecided() {
    in_every_phase(&C::Expire { now: too_late() }, [
        /* nothing    */ "booking_not_found", /* held   */ "BookingAborted", /* paying    */ "BookingAborted",
        /* action     */ "BookingAborted", /* declined  */ "BookingAborted", /* authorised*/ "BookingAborted",
        /* committed  */ "-",             /* confirmed  */ "-",              /* refunding */ "-",
        /* refunded   */ "-",             /* aborted    */ "-",              /* fenced    */ "-",
    ]);
    in_every_phase(&C::Expire { now: too_late() - chrono::TimeDelta::milliseconds(1) }, [
        "booking_not_found", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-",
    ]);
}

#[test]
#[rustfmt::skip]
fn only_an_aborted_booking_is_voided() {
    in_every_phase(&C::RecordVoid { intent: intent(1) }, [
        /* nothing    */ "booking_not_found", /* held   */ "out_of_order",  /* paying    */ "out_of_order",
        /* action     */ "out_of_order",  /* declined   */ "out_of_order",  /* authorised*/ "out_of_order",
        /* committed  */ "out_of_order",  /* confirmed  */ "out_of_order",  /* refunding */ "out_of_order",
        /* refunded   */ "out_of_order",  /* aborted    */ "PaymentVoided", /* fenced    */ "PaymentVoided",
    ]);
}

#[test]
#[rustfmt::skip]
fn a_person_can_be_called_in_any_phase() {
    let flag = C::Flag { reason: "lost".into() };
    let [yes, no] = ["PaymentFlagged", "booking_not_found"];
    in_every_phase(&flag, [no, yes, yes, yes, yes, yes, yes, yes, yes, yes, yes, yes]);
}

#[test]
fn a_hold_whose_money_does_not_add_up_never_opens() {
    let open = |seats: Vec<PricedSeat>, value| {
        let amount = eur(value);
        given([]).when(C::Open(BookingOpened { seats, amount, ..opened() }))
    };
    let at = |n, price| PricedSeat::new(seat(n), price);
    open(vec![], 0).then_rejected("invalid_quantity");
    let twice = open(vec![at(1, 100), at(2, 100), at(1, 100)], 300).then_rejected("duplicate_seats");
    assert_eq!(twice, Rejection::DuplicateSeats { seat: seat(1) });
    open(vec![at(1, 100), at(2, 100)], 199).then_rejected("payment_mismatch");
    open(vec![at(1, 100), at(2, -100)], 0).then_rejected("payment_mismatch");
    open(vec![at(1, i64::MAX), at(2, 2)], i64::MIN + 1).then_rejected("payment_mismatch");
    let fee = |fee| vec![PricedSeat { fee, ..at(1, 100) }];
    open(fee(15), 100).then_rejected("payment_mismatch");
    open(fee(-100), 0).then_rejected("payment_mismatch");
    open(fee(i64::MAX), i64::MIN + 99).then_rejected("payment_mismatch");
    for (booking_fee, value) in [(20, 115), (-115, 0)] {
        let wrong = BookingOpened { fee: booking_fee, seats: fee(15), amount: eur(value), ..opened() };
        given([]).when(C::Open(wrong)).then_rejected("payment_mismatch");
    }
    let with_fees = BookingOpened { fee: 20, seats: fee(15), amount: eur(135), ..opened() };
    given([]).when(C::Open(with_fees.clone())).then_events([with_fees.into()]);
    // Free of charge is a price.
    let free = BookingOpened { seats: vec![at(1, 0)], amount: eur(0), ..opened() };
    given([]).when(C::Open(free.clone())).then_events([free.into()]);
}

#[test]
fn an_extension_adds_to_the_deadline_and_is_granted_once() {
    let extended = HoldExtended { booking: booking(1), expires_at: minute(20) };
    let after = given(history("held")).when(C::Extend { now: in_time(), seconds: 600 }).then_events([extended.into()]);
    after.clone().when(C::Extend { now: minute(15), seconds: 600 }).then_rejected("already_extended");
    after.clone().when(C::Expire { now: minute(19) }).then_nothing();
    after.when(C::Expire { now: minute(20) }).then_events([aborted(AbortReason::Expired)]);
}

#[test]
fn every_attempt_has_the_next_number() {
    given(history("held")).when(pay(in_time())).then_events([started(1)]);
    given(history("held_after_decline")).when(pay(in_time())).then_events([started(2)]);
    given(history("action_required")).when(pay(in_time())).then_events([started(2)]);
}

#[test]
fn an_answer_to_an_older_attempt_changes_nothing() {
    let second_try = || [history("held_after_decline"), vec![started(2)]].concat();
    given(second_try()).when(decline(1)).then_nothing();
    given(second_try()).when(require_action(1)).then_nothing();
    given(second_try()).when(decline(2)).then_events([declined(2)]);
}

#[test]
fn a_decline_that_names_no_intent_does_not_make_the_known_one_unknown() {
    let declined = PaymentDeclined { booking: booking(1), attempt: 1, intent: None, code: "expired_card".into() };
    let after = given(history("action_required"))
        .when(C::Decline { attempt: 1, intent: None, code: "expired_card".into() })
        .then_events([declined.into()]);
    assert_eq!(after.state::<Booking>().unwrap().intent, Some(intent(1)));
}

#[test]
fn what_the_gateway_says_must_fit_the_booking() {
    let usd = lastseat_domain::Money { value: 14_500, currency: lastseat_domain::Currency::new("USD").unwrap() };
    for amount in [eur(14_499), eur(0), usd] {
        let commit = C::Commit { now: in_time(), intent: intent(1), amount, capture_before: None };
        given(history("paying")).when(commit).then_rejected("payment_mismatch");
        let capture = C::RecordCapture { intent: intent(1), amount, draw: draw() };
        given(history("committed")).when(capture).then_rejected("payment_mismatch");
        let refund = C::RecordRefund { intent: intent(1), amount };
        given(history("refunding")).when(refund).then_rejected("payment_mismatch");
    }
}

#[test]
fn an_outcome_of_another_intent_is_no_outcome_even_for_the_same_amount() {
    let (intent, amount) = (intent(2), eur(14_500));
    let aborted_later = || [history("action_required"), vec![aborted(AbortReason::Expired)]].concat();
    let table = [
        (history("action_required"), C::Commit { now: in_time(), intent: intent.clone(), amount, capture_before: None }),
        (history("authorised"), C::Commit { now: in_time(), intent: intent.clone(), amount, capture_before: None }),
        (history("action_required"), C::Decline { attempt: 1, intent: Some(intent.clone()), code: "no".into() }),
        (history("committed"), C::RecordCapture { intent: intent.clone(), amount, draw: draw() }),
        (history("committed"), C::FailCapture { intent: intent.clone() }),
        (history("refunding"), C::RecordRefund { intent: intent.clone(), amount }),
        (aborted_later(), C::RecordVoid { intent: intent.clone() }),
    ];
    for (history, command) in table {
        given(history).when(command).then_rejected("payment_mismatch");
    }
    let second_try = [history("held_after_decline"), vec![started(2)]].concat();
    given(second_try).when(C::RequireAction { attempt: 2, intent, url: Some("x".into()) }).then_rejected("payment_mismatch");
}

#[test]
fn nothing_is_charged_once_a_person_has_to_look() {
    for phase in ["held", "action_required", "held_after_decline"] {
        given([history(phase), vec![flagged()]].concat()).when(pay(in_time())).then_rejected("payment_mismatch");
    }
    for phase in ["paying", "action_required", "authorised"] {
        given([history(phase), vec![flagged()]].concat()).when(commit(in_time())).then_rejected("payment_mismatch");
    }
    // What the gateway did before is still recorded, and the hold still ends.
    given([history("committed"), vec![flagged()]].concat()).when(CAPTURE()).then_events([captured()]);
    given([history("paying"), vec![flagged()]].concat())
        .when(C::Expire { now: too_late() })
        .then_events([aborted(AbortReason::Expired)]);
}

#[test]
fn a_capture_that_can_never_succeed_voids_and_aborts_together() {
    given(history("committed"))
        .when(C::FailCapture { intent: intent(1) })
        .then_events([voided(), aborted(AbortReason::CaptureFailed)])
        .when(CAPTURE())
        .then_rejected("out_of_order");
}

#[test]
fn the_status_that_people_see() {
    let shown: Vec<&str> = PHASES.into_iter().skip(1).map(|phase| booking_after(phase).status()).collect();
    let expected = [
        "held",
        "paying",
        "action_required",
        "held",
        "paying",
        "paying",
        "confirmed",
        "confirmed",
        "refunded",
        "aborted",
        "aborted",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_fenced_booking_has_no_buyer_no_seats_and_no_price() {
    let fenced = booking_after("fenced");
    assert_eq!((fenced.buyer(), fenced.show(), fenced.seats(), fenced.amount()), (None, None, [].as_slice(), None));
    assert!(!fenced.is_overdue(minute(1_000_000)));
}

#[test]
fn a_stream_that_starts_with_something_else_is_no_booking() {
    for event in [started(1), committed(), captured(), voided(), flagged()] {
        assert_eq!(given([event]).state::<Booking>(), None);
    }
}

/// Clocks of nodes differ. What another node has decided is not before what is decided now.
#[test]
fn a_command_is_never_decided_before_the_last_event() {
    let (early, late) = (minute(3), minute(11));
    for (command, moved) in [
        (pay(early), pay(late)),
        (commit(early), commit(late)),
        (C::Expire { now: early }, C::Expire { now: late }),
        (C::Extend { now: early, seconds: 600 }, C::Extend { now: late, seconds: 600 }),
    ] {
        assert_eq!(Booking::not_before(command.clone(), late), moved);
        assert_eq!(Booking::not_before(moved.clone(), early), moved);
    }
    // So a hold that is over for its stream is not committed by a node for which it is not.
    let state = given(history("paying")).at(minute(1)).state::<Booking>();
    let decided = Booking::decide(&C::id(), &state, Booking::not_before(commit(early), late)).unwrap();
    assert_eq!(decided.last().map(Event::name), Some("BookingAborted"));
}
