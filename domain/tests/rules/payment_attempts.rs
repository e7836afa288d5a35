//! How often a payment of one booking can be tried.

use crate::support::*;

use lastseat_domain::booking::{BookingCommand as C, MAX_PAYMENT_ATTEMPTS};
use lastseat_domain::event::*;
use lastseat_domain::rejection::Rejection;
use lastseat_testkit::given::given;

fn pay() -> C {
    C::StartPayment { now: in_time(), payment_method: Some("pm_card_visa".into()), return_url: None, request: None }
}

/// A booking whose payment was tried so often, each time with this answer.
fn tried(times: u32, answer: fn(u32) -> Event) -> Vec<Event> {
    history("held").into_iter().chain((1..=times).flat_map(|attempt| [started(attempt), answer(attempt)])).collect()
}

/// With one hold anybody could find out which of any number of stolen cards work.
#[test]
fn a_payment_is_tried_ten_times_whatever_came_of_it() {
    let most = MAX_PAYMENT_ATTEMPTS;
    for answer in [declined, action] {
        given(tried(most - 1, answer)).at(minute(1)).when(pay()).then_events([started(most)]);
        let rejection = given(tried(most, answer)).at(minute(1)).when(pay()).then_rejected("too_many_payment_attempts");
        assert_eq!(rejection, Rejection::TooManyPaymentAttempts { most });
    }
    // What was begun goes on, and the seats can be given back.
    let decline = C::Decline { attempt: most, intent: Some(intent(1)), code: "card_declined".into() };
    given(tried(most, action)).at(minute(1)).when(decline).then_events([declined(most)]);
    let commit = C::Commit { now: in_time(), intent: intent(1), amount: eur(14_500), capture_before: None };
    let committed = [authorised(most), BookingCommitted { booking: booking(1) }.into()];
    given(tried(most, action)).at(minute(1)).when(commit).then_events(committed);
    let cancel = C::Cancel { reason: AbortReason::Cancelled };
    given(tried(most, declined)).at(minute(1)).when(cancel).then_events([aborted(AbortReason::Cancelled)]);
}

/// The rule is younger than some logs.
#[test]
fn a_booking_with_more_attempts_is_read_and_comes_to_its_end() {
    let more = tried(MAX_PAYMENT_ATTEMPTS + 5, action);
    given(more.clone()).at(minute(1)).when(pay()).then_rejected("too_many_payment_attempts");
    let commit = C::Commit { now: in_time(), intent: intent(1), amount: eur(14_500), capture_before: None };
    let committed = [authorised(MAX_PAYMENT_ATTEMPTS + 5), BookingCommitted { booking: booking(1) }.into()];
    given(more).at(minute(1)).when(commit).then_events(committed);
}
