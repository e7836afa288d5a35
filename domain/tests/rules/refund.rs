//! The rules of whole refunds, and of payments that a person has to look at.

use crate::booking::{CAPTURE, REFUND, in_every_phase};
use crate::support::*;
use lastseat_domain::booking::{Booking, BookingCommand as C, Phase, Review};
use lastseat_domain::event::*;
use lastseat_testkit::given::given;

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
