//! The rules of a booking: every command in every phase, then what the tables can't show.

use crate::support;

use lastseat_domain::Decider;
use lastseat_domain::booking::{Booking, BookingCommand as C, Phase, Review};
use lastseat_domain::event::*;
use lastseat_domain::rejection::Rejection;
use lastseat_testkit::given::{TestedCommand, given};
use support::*;

/// Asks the same in every phase. What follows is written as the names of the events, `-` for
/// nothing, or the code of the rejection. Through the kit, so every repeat is tried as well.
fn in_every_phase(command: &C, expected: [&str; 12]) {
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

fn pay(now: lastseat_domain::Timestamp) -> C {
    C::StartPayment { now, payment_method: Some("pm_card_visa".into()), return_url: None, request: None }
}

fn commit(now: lastseat_domain::Timestamp) -> C {
    C::Commit { now, intent: intent(1), amount: eur(14_500), capture_before: None }
}

fn decline(attempt: u32) -> C {
    C::Decline { attempt, intent: Some(intent(1)), code: "card_declined".into() }
}

fn require_action(attempt: u32) -> C {
    C::RequireAction { attempt, intent: intent(1), url: Some("https://bank.example/3ds".into()) }
}

const CAPTURE: fn() -> C = || C::RecordCapture { intent: intent(1), amount: eur(14_500), draw: draw() };
const REFUND: fn() -> C = || C::RecordRefund { intent: intent(1), amount: eur(14_500) };

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

fn review(outcome: Review) -> C {
    review_with(outcome, None)
}

/// `kept`: of a refund's money, as the gateway says.
fn review_with(outcome: Review, kept: Option<i64>) -> C {
    C::Review { outcome, kept: kept.map(eur), reason: "looked at the gateway".into(), by: "admin".into() }
}

#[test]
fn only_a_flagged_payment_is_reviewed() {
    let (no, none) = ("not_flagged", "booking_not_found");
    for outcome in [Review::Continue, Review::Settled] {
        in_every_phase(&review(outcome), [none, no, no, no, no, no, no, no, no, no, no, no]);
    }
    let stands = "refund_stands";
    in_every_phase(&review(Review::ReturnedElsewhere), [none, no, no, no, no, no, no, no, no, stands, no, no]);
    for phase in PHASES.into_iter().filter(|phase| *phase != "nothing") {
        let flagged = [history(phase), vec![flagged()]].concat();
        given(flagged.clone()).when(review(Review::Continue)).then_events([reviewed(ReviewOutcome::Continue)]);
        let settle = given(flagged.clone()).when(review(Review::Settled));
        // Only what has ended can be settled by hand: everything else still asks the gateway.
        if ["aborted", "fenced"].contains(&phase) {
            settle.then_events([reviewed(ReviewOutcome::Settled)]);
        } else {
            settle.then_rejected("booking_not_over");
        }
        // Seats are taken only from a buyer whose refund was requested.
        let returned = given(flagged).when(review(Review::ReturnedElsewhere));
        if phase == "refunding" {
            returned.then_events([returned_elsewhere()]);
        } else {
            // Of a refund that was made, a flag alone is no evidence: the bank may have sent the money meanwhile.
            returned.then_rejected(if phase == "refunded" { "refund_stands" } else { "no_refund_due" });
        }
    }
}

/// The bank has refused it days after the gateway had accepted it.
#[test]
fn a_refund_that_failed_later_is_ended_only_while_the_gateway_has_the_money() {
    for nothing in [None, Some(0), Some(-1)] {
        given(history("refunded")).when(review_with(Review::ReturnedElsewhere, nothing)).then_rejected("refund_stands");
    }
    let failed = |kept: &str| -> Event {
        let reason = format!("its refund was accepted and has failed: the gateway still has {kept}");
        PaymentFlagged { booking: booking(1), reason }.into()
    };
    let returned = || review_with(Review::ReturnedElsewhere, Some(14_500));
    given(history("refunded")).when(returned()).then_events([failed("145.00 EUR"), returned_elsewhere()]);
    // A part had been returned by hand before.
    let part = review_with(Review::ReturnedElsewhere, Some(4_500));
    given(history("refunded")).when(part).then_events([failed("45.00 EUR"), returned_elsewhere()]);

    let over = [history("refunded"), vec![failed("145.00 EUR"), returned_elsewhere()]].concat();
    let state = given(over.clone()).state::<Booking>().unwrap();
    assert_eq!((&state.phase, state.flagged), (&Phase::Refunded, false));
    for again in [returned(), review(Review::ReturnedElsewhere), REFUND(), C::Flag { reason: "refused".into() }] {
        given(over.clone()).when(again).then_nothing();
    }
    given(over).when(review(Review::Continue)).then_rejected("not_flagged");
}

/// Nobody asks the gateway about it, so it can't be what the gateway says.
#[test]
fn a_refunded_booking_that_cost_nothing_waits_for_no_review() {
    let open = BookingOpened { amount: eur(0), ..opened() };
    let free = [vec![open.into()], history("refunded").split_off(1)].concat();
    given(free.clone()).when(review(Review::ReturnedElsewhere)).then_rejected("not_flagged");
    let flagged = [free, vec![flagged()]].concat();
    given(flagged).when(review(Review::ReturnedElsewhere)).then_rejected("no_refund_due");
}

/// What the gateway has is only evidence of a refund that the log has.
#[test]
fn money_at_the_gateway_ends_no_booking_that_is_not_refunded() {
    let returned = review_with(Review::ReturnedElsewhere, Some(14_500));
    for phase in PHASES.into_iter().filter(|phase| !["nothing", "refunded"].contains(phase)) {
        given(history(phase)).when(returned.clone()).then_rejected("not_flagged");
    }
}

/// A worker flagged the payment, and another one committed and captured it.
#[test]
fn a_flag_that_is_older_than_the_refund_says_nothing_of_the_refund() {
    let [request, record] = [refund_requested(), refunded()];
    let requested = [history("confirmed"), vec![flagged(), request]].concat();
    given(requested.clone()).when(review(Review::ReturnedElsewhere)).then_rejected("not_flagged");
    given(requested.clone()).when(REFUND()).then_events([refunded()]);
    let refused = [requested.clone(), vec![flagged()]].concat();
    given(refused).when(review(Review::ReturnedElsewhere)).then_events([returned_elsewhere()]);
    // Another worker's refund was made after all.
    let made = [requested, vec![flagged(), record]].concat();
    assert!(!given(made.clone()).state::<Booking>().unwrap().flagged);
    given(made).when(review(Review::Continue)).then_rejected("not_flagged");
}

#[test]
fn money_that_came_back_by_another_way_ends_the_booking_as_a_refund_does() {
    let over = [history("refunding"), vec![flagged(), returned_elsewhere()]].concat();
    let state = given(over.clone()).state::<Booking>().unwrap();
    assert_eq!((&state.phase, state.flagged, state.status()), (&Phase::Refunded, false, "refunded"));
    // Said again; a slow worker whose refund was refused, or made; another refund.
    for again in [
        review(Review::ReturnedElsewhere),
        C::Flag { reason: "refused".into() },
        C::RequestRefund { by: "admin".into() },
        REFUND(),
    ] {
        given(over.clone()).when(again).then_nothing();
    }
    given(over.clone()).when(review(Review::Continue)).then_rejected("not_flagged");
    given(over).when(CAPTURE()).then_nothing();
}

#[test]
#[rustfmt::skip]
fn only_a_confirmed_booking_is_refunded() {
    in_every_phase(&C::RequestRefund { by: "admin".into() }, [
        /* nothing    */ "booking_not_found", /* held   */ "not_confirmed", /* paying    */ "not_confirmed",
        /* action     */ "not_confirmed", /* declined   */ "not_confirmed", /* authorised*/ "not_confirmed",
        /* committed  */ "not_confirmed", /* confirmed  */ "RefundRequested", /* refunding */ "-",
        /* refunded   */ "-",             /* aborted    */ "not_confirmed", /* fenced    */ "not_confirmed",
    ]);
}

#[test]
#[rustfmt::skip]
fn a_refund_is_recorded_only_where_one_was_asked_for() {
    in_every_phase(&REFUND(), [
        /* nothing    */ "booking_not_found", /* held   */ "out_of_order",  /* paying    */ "out_of_order",
        /* action     */ "out_of_order",  /* declined   */ "out_of_order",  /* authorised*/ "out_of_order",
        /* committed  */ "out_of_order",  /* confirmed  */ "out_of_order",  /* refunding */ "PaymentRefunded",
        /* refunded   */ "-",             /* aborted    */ "out_of_order",  /* fenced    */ "out_of_order",
    ]);
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

#[test]
#[rustfmt::skip]
fn only_what_is_sold_is_transferred() {
    let transfer = C::Transfer { buyer: buyer(2), by: "admin".into() };
    in_every_phase(&transfer, [
        /* nothing    */ "booking_not_found",      /* held      */ "booking_not_changeable", /* paying    */ "booking_not_changeable",
        /* action     */ "booking_not_changeable", /* declined  */ "booking_not_changeable", /* authorised*/ "booking_not_changeable",
        /* committed  */ "booking_not_changeable", /* confirmed */ "BookingTransferred",     /* refunding */ "booking_not_changeable",
        /* refunded   */ "booking_not_changeable", /* aborted   */ "booking_not_changeable", /* fenced    */ "booking_not_changeable",
    ]);
    let own = C::Transfer { buyer: buyer(1), by: "admin".into() };
    given(history("confirmed")).at(minute(1)).when(own).then_nothing();
}

fn exchange(leaves: &[u32], takes: &[(u32, i64)]) -> C {
    C::RequestExchange {
        leaves: leaves.iter().map(|n| seat(*n)).collect(),
        takes: takes.iter().map(|(n, price)| PricedSeat::new(seat(*n), *price)).collect(),
        show_revision: 3,
        by: "staff-1".into(),
    }
}

fn requested(exchange: u32, leaves: &[u32], takes: &[(u32, i64)]) -> Event {
    ExchangeRequested {
        booking: booking(1),
        exchange,
        show_revision: 3,
        leaves: leaves.iter().map(|n| seat(*n)).collect(),
        takes: takes.iter().map(|(n, price)| PricedSeat::new(seat(*n), *price)).collect(),
        by: "staff-1".into(),
    }
    .into()
}

fn sold_and(more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    history("confirmed").into_iter().chain(more).collect()
}

#[test]
#[rustfmt::skip]
fn only_what_is_sold_is_exchanged() {
    in_every_phase(&exchange(&[1], &[(9, 8500)]), [
        /* nothing    */ "booking_not_found",      /* held      */ "booking_not_changeable", /* paying    */ "booking_not_changeable",
        /* action     */ "booking_not_changeable", /* declined  */ "booking_not_changeable", /* authorised*/ "booking_not_changeable",
        /* committed  */ "booking_not_changeable", /* confirmed */ "ExchangeRequested",      /* refunding */ "booking_not_changeable",
        /* refunded   */ "booking_not_changeable", /* aborted   */ "booking_not_changeable", /* fenced    */ "booking_not_changeable",
    ]);
}

#[test]
fn an_exchange_gives_up_own_seats_for_as_many_others_that_cost_no_more() {
    let price = |n: u32| opened().seats.iter().find(|own| own.seat == seat(n)).unwrap().price;
    let (one, both) = (price(1), price(1) + price(2));
    let refused = |command: C| {
        let state = given(history("confirmed")).at(minute(1)).state::<Booking>();
        Booking::decide(&C::id(), &state, command).unwrap_err()
    };
    for (command, code) in [
        (exchange(&[], &[]), "invalid_exchange"),
        (exchange(&[1], &[]), "invalid_exchange"),
        (exchange(&[1], &[(8, one), (9, 0)]), "invalid_exchange"),
        (exchange(&[1, 1], &[(8, one), (9, 0)]), "duplicate_seats"),
        (exchange(&[1, 2], &[(8, one), (8, 0)]), "duplicate_seats"),
        (exchange(&[7], &[(8, 0)]), "not_owner"),
        (exchange(&[1], &[(1, 0)]), "invalid_exchange"),
        (exchange(&[1], &[(2, 0)]), "invalid_exchange"),
        (exchange(&[1], &[(9, one + 1)]), "exchange_costs_more"),
        (exchange(&[1, 2], &[(8, both), (9, 1)]), "exchange_costs_more"),
    ] {
        assert_eq!(refused(command.clone()).code(), code, "{command:?}");
    }
    let more = refused(exchange(&[1], &[(9, one + 250)]));
    assert_eq!(more, Rejection::ExchangeCostsMore { more: eur(250) });
    let sorted = requested(1, &[1, 2], &[(8, 0), (9, both)]);
    given(history("confirmed")).at(minute(1)).when(exchange(&[2, 1], &[(9, both), (8, 0)])).then_events([sorted]);
}

#[test]
fn an_exchange_is_decided_or_abandoned_once_and_the_seats_follow() {
    let price = opened().seats.iter().find(|own| own.seat == seat(1)).unwrap().price;
    let under_way = sold_and([requested(1, &[1], &[(9, price)])]);
    let (decide, abandon) = (|exchange| C::DecideExchange { exchange }, |exchange| C::AbandonExchange { exchange });
    let decided: Event = BookingExchanged { booking: booking(1), exchange: 1 }.into();
    let abandoned: Event = ExchangeAbandoned { booking: booking(1), exchange: 1 }.into();
    given(under_way.clone()).at(minute(1)).when(decide(1)).then_events([decided.clone()]);
    given(under_way.clone()).at(minute(1)).when(abandon(1)).then_events([abandoned.clone()]);
    // Neither a late worker nor a second request changes what is decided, and a refund waits.
    given(under_way.clone()).at(minute(1)).when(decide(2)).then_nothing();
    given(under_way.clone()).at(minute(1)).when(exchange(&[2], &[(8, 0)])).then_rejected("exchange_in_progress");
    given(under_way.clone()).at(minute(1)).when(C::RequestRefund { by: "admin".into() }).then_rejected("exchange_in_progress");
    for over in [&decided, &abandoned] {
        let after = [under_way.clone(), vec![over.clone()]].concat();
        given(after.clone()).at(minute(1)).when(decide(1)).then_nothing();
        given(after.clone()).at(minute(1)).when(abandon(1)).then_nothing();
        let request: Event = RefundRequested { booking: booking(1), by: "admin".into() }.into();
        given(after).at(minute(1)).when(C::RequestRefund { by: "admin".into() }).then_events([request]);
    }
    let seats = |events: Vec<Event>| {
        let booking = given(events).at(minute(1)).state::<Booking>().unwrap();
        booking.seats().iter().map(|own| own.seat.clone()).collect::<Vec<_>>()
    };
    let before = seats(history("confirmed"));
    assert_eq!(seats(under_way.clone()), before);
    assert_eq!(seats([under_way.clone(), vec![abandoned]].concat()), before);
    let mut moved: Vec<_> = before.into_iter().filter(|own| *own != seat(1)).chain([seat(9)]).collect();
    moved.sort_unstable();
    assert_eq!(seats([under_way, vec![decided]].concat()), moved);
}
