//! The recovery table, line by line: the next step, from the log alone.

use crate::support;

use chrono::TimeDelta;
use lastseat_domain::Timestamp;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::*;
use lastseat_domain::settle::{KEY_LIFETIME, Step, next_step};
use lastseat_testkit::given::given;
use support::*;

/// The step for a history of which every event happened in the first minute.
fn step(events: Vec<Event>, now: Timestamp) -> Step {
    next_step(&booking_after(events), now)
}

fn booking_after(events: Vec<Event>) -> Booking {
    given(events).at(minute(1)).state::<Booking>().unwrap()
}

/// A moment when the gateway has forgotten the keys of the first minute.
fn next_day() -> Timestamp {
    minute(1) + KEY_LIFETIME
}

fn and(phase: &str, more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    history(phase).into_iter().chain(more).collect()
}

#[test]
fn a_booking_that_never_opened_is_released_once_it_is_fenced() {
    assert_eq!(step(history("fenced"), in_time()), Step::ReleaseSeats(AbortReason::Fenced));
}

#[test]
fn a_complete_hold_waits_for_its_deadline_and_expires_at_it() {
    for phase in ["held", "held_after_decline"] {
        assert_eq!(step(history(phase), in_time()), Step::WaitUntil(too_late()));
        assert_eq!(step(history(phase), too_late()), Step::Expire);
    }
    let extended = HoldExtended { booking: booking(1), expires_at: minute(20) };
    assert_eq!(step(and("held", [extended.into()]), too_late()), Step::WaitUntil(minute(20)));
}

#[test]
fn an_expired_hold_is_released_and_nothing_is_voided_that_never_was() {
    assert_eq!(step(history("aborted"), too_late()), Step::ReleaseSeats(AbortReason::Expired));
    // A decline that names no intent proves that there is none: nothing to create in order to
    // cancel it, and no person to call the day after.
    let declined = PaymentDeclined { booking: booking(1), attempt: 1, intent: None, code: "unknown_method".into() };
    let over = and("paying", [declined.into(), aborted(AbortReason::Expired)]);
    assert_eq!(step(over.clone(), too_late()), Step::ReleaseSeats(AbortReason::Expired));
    assert_eq!(step(over, next_day()), Step::ReleaseSeats(AbortReason::Expired));
}

#[test]
fn a_payment_without_an_outcome_is_asked_again_in_time_and_expires_late() {
    assert_eq!(step(history("paying"), in_time()), Step::ResumePayment);
    assert_eq!(step(history("paying"), too_late()), Step::Expire);
}

#[test]
fn a_payment_that_waits_for_the_buyer_is_looked_after_until_the_deadline() {
    assert_eq!(step(history("action_required"), in_time()), Step::CheckAction);
    assert_eq!(step(history("action_required"), too_late()), Step::Expire);
}

#[test]
fn a_hold_longer_than_the_gateways_memory_repeats_no_payment() {
    let open = BookingOpened { expires_at: minute(0) + TimeDelta::hours(48), ..opened() };
    let before = next_day() - TimeDelta::milliseconds(1);
    let unknown = vec![open.clone().into(), started(1)];
    assert_eq!(step(unknown.clone(), before), Step::ResumePayment);
    assert_eq!(step(unknown.clone(), next_day()), Step::WaitUntil(open.expires_at));
    // A person is notified only after the abort, which is final.
    assert_eq!(step(unknown.clone(), open.expires_at), Step::Expire);
    let over = [unknown, vec![aborted(AbortReason::Expired)]].concat();
    assert_eq!(step(over, open.expires_at), Step::Flag);
    // A known intent can be asked after at any age.
    let known = vec![open.into(), started(1), declined(1), started(2)];
    assert_eq!(step(known.clone(), before), Step::ResumePayment);
    assert_eq!(step(known, next_day()), Step::CheckAction);
}

#[test]
fn an_authorised_payment_is_decided_in_time_and_aborted_late() {
    assert_eq!(step(history("authorised"), in_time()), Step::CommitAuthorised);
    assert_eq!(step(history("authorised"), too_late()), Step::Expire);
}

#[test]
fn a_committed_booking_is_rolled_forward_however_late() {
    for now in [in_time(), too_late(), next_day()] {
        assert_eq!(step(history("committed"), now), Step::BookSeatsAndCapture);
    }
}

#[test]
fn a_capture_that_can_never_succeed_frees_the_seats() {
    let failed = and("committed", [voided(), aborted(AbortReason::CaptureFailed)]);
    assert_eq!(step(failed, in_time()), Step::ReleaseSeats(AbortReason::CaptureFailed));
}

#[test]
fn an_abort_during_a_payment_voids_it_until_that_is_recorded() {
    for phase in ["paying", "action_required", "held_after_decline", "authorised"] {
        let over = and(phase, [aborted(AbortReason::Cancelled)]);
        assert_eq!(step(over.clone(), in_time()), Step::ReleaseSeatsAndVoid(AbortReason::Cancelled));
        let done = [over, vec![voided()]].concat();
        assert_eq!(step(done, in_time()), Step::ReleaseSeats(AbortReason::Cancelled));
    }
}

#[test]
fn a_forgotten_payment_of_unknown_outcome_is_for_a_person_and_the_seats_still_come_free() {
    let over = and("paying", [aborted(AbortReason::Expired)]);
    assert_eq!(step(over.clone(), next_day()), Step::Flag);
    let flagged_too = [over, vec![flagged()]].concat();
    assert_eq!(step(flagged_too, next_day()), Step::ReleaseSeats(AbortReason::Expired));
    // With a known intent there is nothing that the gateway could have forgotten.
    let known = and("action_required", [aborted(AbortReason::Expired)]);
    assert_eq!(step(known, next_day()), Step::ReleaseSeatsAndVoid(AbortReason::Expired));
}

#[test]
fn a_confirmed_booking_rests() {
    for now in [in_time(), too_late(), next_day()] {
        assert_eq!(step(history("confirmed"), now), Step::Done);
    }
}

#[test]
fn a_requested_refund_is_made_and_then_the_seats_are_freed() {
    assert_eq!(step(history("refunding"), too_late()), Step::Refund);
    assert_eq!(step(history("refunded"), too_late()), Step::ReleaseSeats(AbortReason::Refunded));
}

#[test]
fn a_flagged_booking_asks_nothing_of_the_gateway() {
    for phase in ["held", "paying", "action_required", "held_after_decline", "authorised"] {
        assert_eq!(step(and(phase, [flagged()]), in_time()), Step::WaitUntil(too_late()), "{phase}");
        assert_eq!(step(and(phase, [flagged()]), too_late()), Step::Expire, "{phase}");
        let over = and(phase, [flagged(), aborted(AbortReason::Expired)]);
        assert_eq!(step(over, too_late()), Step::ReleaseSeats(AbortReason::Expired), "{phase}");
    }
    for phase in ["committed", "confirmed", "refunding"] {
        assert_eq!(step(and(phase, [flagged()]), too_late()), Step::Done, "{phase}");
    }
}

/// The flag was about the payment, which another worker has taken since.
#[test]
fn a_refund_that_is_requested_after_a_flag_is_asked_of_the_gateway() {
    let requested = and("confirmed", [flagged(), refund_requested()]);
    assert_eq!(step(requested.clone(), too_late()), Step::Refund);
    assert_eq!(step([requested, vec![flagged()]].concat(), too_late()), Step::Done);
}

#[test]
fn a_reviewed_booking_goes_on_where_it_stopped() {
    for phase in PHASES.into_iter().skip(1) {
        let reviewed = and(phase, [flagged(), reviewed(ReviewOutcome::Continue)]);
        assert_eq!(step(reviewed, in_time()), step(history(phase), in_time()), "{phase}");
    }
    let returned = and("refunding", [flagged(), returned_elsewhere()]);
    assert_eq!(step(returned, too_late()), Step::ReleaseSeats(AbortReason::Refunded));
    // What was settled by hand is not cancelled again; its seats are still released.
    let over = and("action_required", [flagged(), aborted(AbortReason::Expired), reviewed(ReviewOutcome::Settled)]);
    assert_eq!(step(over, too_late()), Step::ReleaseSeats(AbortReason::Expired));
}

#[test]
fn no_moment_is_too_late_to_ask() {
    for phase in PHASES.into_iter().skip(1) {
        let at_the_end = given(history(phase)).at(Timestamp::MAX_UTC).state::<Booking>().unwrap();
        for now in [Timestamp::MIN_UTC, Timestamp::MAX_UTC] {
            let _any = next_step(&at_the_end, now);
        }
    }
}

#[test]
fn a_payment_at_the_till_needs_no_gateway() {
    let started = |tender| -> Event {
        PaymentStarted {
            booking: booking(1),
            attempt: 1,
            payment_method: None,
            tender: Some(tender),
            return_url: None,
            request: None,
        }
        .into()
    };
    let begun = and("held", [started(Tender::Cash)]);
    assert_eq!(step(begun.clone(), in_time()), Step::CommitAtTill);
    assert_eq!(step(begun.clone(), too_late()), Step::Expire);
    // Nothing is cancelled at a gateway, and no person is called, however late it is.
    let over = [begun, vec![aborted(AbortReason::Expired)]].concat();
    assert_eq!(step(over.clone(), too_late()), Step::ReleaseSeats(AbortReason::Expired));
    assert_eq!(step(over, next_day()), Step::ReleaseSeats(AbortReason::Expired));
}

#[test]
fn an_exchange_is_decided_and_then_completed_for_good() {
    let requested = ExchangeRequested {
        booking: booking(1),
        exchange: 1,
        show_revision: 0,
        leaves: vec![seat(1)],
        takes: vec![PricedSeat::new(seat(9), 0)],
        by: "staff-1".into(),
    };
    let under_way = and("confirmed", [requested.into()]);
    assert_eq!(step(under_way.clone(), next_day()), Step::Exchange);
    let decided: Event = BookingExchanged { booking: booking(1), exchange: 1 }.into();
    let abandoned: Event = ExchangeAbandoned { booking: booking(1), exchange: 1 }.into();
    for over in [decided, abandoned] {
        assert_eq!(step([under_way.clone(), vec![over]].concat(), next_day()), Step::FinishExchanges);
    }
}
