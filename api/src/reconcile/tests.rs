use super::samples::{booking, euros, history, intent};
use super::*;
use chrono::TimeDelta;
use lastseat_domain::event::*;
use lastseat_domain::ports::payments::{Dispute, IntentStatus};
use lastseat_domain::{Currency, Money, Timestamp};

fn aborted(length: usize) -> Vec<Event> {
    let mut events = history(length);
    events.push(BookingAborted { booking: booking(), reason: AbortReason::Expired }.into());
    events
}

fn record(captured: i64, refunded: i64, status: IntentStatus) -> PaymentRecord {
    PaymentRecord {
        intent: intent("pi_1"),
        booking: Some(booking()),
        amount: euros(100),
        status,
        captured,
        refunded,
        dispute: Dispute::None,
        created: Timestamp::UNIX_EPOCH,
    }
}

fn reserved() -> PaymentRecord {
    record(0, 0, IntentStatus::RequiresCapture)
}

fn taken(refunded: i64) -> PaymentRecord {
    record(100, refunded, IntentStatus::Succeeded)
}

fn nothing() -> PaymentRecord {
    record(0, 0, IntentStatus::Canceled)
}

/// As seen at once.
fn differences(events: &[Event], records: Vec<PaymentRecord>) -> Vec<Difference> {
    differences_after(TimeDelta::zero(), events, records)
}

/// As seen so long after the last event.
fn differences_after(later: TimeDelta, events: &[Event], records: Vec<PaymentRecord>) -> Vec<Difference> {
    let mut reconciliation = Reconciliation::of_all(records);
    for event in events {
        reconciliation.take(event, Timestamp::UNIX_EPOCH);
    }
    reconciliation.differences(Timestamp::UNIX_EPOCH + later)
}

fn found(events: &[Event], records: Vec<PaymentRecord>) -> Vec<(Kind, Remedy)> {
    differences(events, records).into_iter().map(|found| (found.kind, found.remedy)).collect()
}

/// The number of the first refund that the engine does not make.
const OTHER: u32 = compare::FIRST_OTHER;

fn refund(number: u32) -> Remedy {
    Remedy::Refund { number, amount: euros(100) }
}

/// At every step of a payment, with the gateway one call ahead of the log or not, nothing is wrong.
#[test]
fn a_payment_under_way_is_not_wrong() {
    let processing = || record(0, 0, IntentStatus::Processing);
    for (length, gateway) in [
        (1, None),
        (2, None),
        (2, Some(processing())),
        (2, Some(reserved())),
        (3, Some(reserved())),
        (4, Some(reserved())),
        (4, Some(taken(0))),
        (5, Some(taken(0))),
        (7, Some(taken(100))),
    ] {
        assert_eq!(found(&history(length), gateway.clone().into_iter().collect()), [], "{length} events, {gateway:?}");
    }
    for (events, gateway, kind) in [
        // The gateway refused the capture, and the server was killed before it could write that down.
        (history(4), nothing(), Kind::SoldUnpaid),
        (history(6), taken(0), Kind::RefundDue),
        (history(6), taken(100), Kind::RefundUnrecorded),
        (aborted(3), reserved(), Kind::VoidDue),
    ] {
        let found = differences(&events, vec![gateway]);
        assert_eq!(found.iter().map(|it| (it.kind, it.remedy, it.wrong)).collect::<Vec<_>>(), [(kind, Remedy::Wait, false)]);
    }
    assert_eq!(found(&aborted(3), vec![nothing()]), []);
}

#[test]
fn money_without_a_booking_and_a_booking_without_money_are_found_with_what_helps() {
    for (events, gateway, kind, remedy) in [
        (vec![], taken(0), Kind::UnknownBookingCharged, refund(1)),
        (vec![], reserved(), Kind::UnknownBookingAuthorised, Remedy::Cancel),
        (history(1), taken(0), Kind::ChargedWithoutPayment, refund(1)),
        (history(1), reserved(), Kind::AuthorisedWithoutPayment, Remedy::Cancel),
        (history(5), reserved(), Kind::ConfirmedAuthorised, Remedy::Capture),
        (history(5), nothing(), Kind::ConfirmedUnpaid, Remedy::Decide),
        (history(5), taken(100), Kind::ReturnedByHand, Remedy::RefundBooking),
        (history(5), taken(40), Kind::PartlyReturnedByHand, Remedy::Decide),
        (history(7), taken(0), Kind::RefundedCharged, refund(OTHER)),
        (aborted(3), taken(0), Kind::AbortedCharged, refund(1)),
    ] {
        assert_eq!(found(&events, vec![gateway.clone()]), [(kind, remedy)], "{} events, {gateway:?}", events.len());
    }
    assert_eq!(found(&aborted(1), vec![reserved()]), [(Kind::AbortedAuthorised, Remedy::Cancel)], "no attempt is in the log");
    let mut voided = aborted(3);
    voided.push(PaymentVoided { booking: booking(), intent: intent("pi_1") }.into());
    assert_eq!(found(&voided, vec![reserved()]), [(Kind::AbortedAuthorised, Remedy::Cancel)]);
}

#[test]
fn what_was_returned_in_part_is_refunded_by_the_rest() {
    let remedy = Remedy::Refund { number: 1, amount: euros(60) };
    assert_eq!(found(&aborted(3), vec![taken(40)]), [(Kind::AbortedCharged, remedy)]);
}

#[test]
fn another_amount_or_currency_and_a_dispute_are_for_a_person() {
    let mut other = PaymentRecord { amount: euros(99), ..taken(0) };
    assert_eq!(found(&history(5), vec![other.clone()]), [(Kind::AmountDiffers, Remedy::Decide)]);
    other.amount = Money { value: 100, currency: Currency::new("USD").unwrap() };
    assert_eq!(found(&history(3), vec![other]), [(Kind::AmountDiffers, Remedy::Decide)]);
    let part = record(40, 0, IntentStatus::Succeeded);
    assert_eq!(found(&history(5), vec![part]), [(Kind::AmountDiffers, Remedy::Decide)]);
    let disputed = PaymentRecord { dispute: Dispute::Open, ..taken(0) };
    assert_eq!(found(&history(5), vec![disputed]), [(Kind::Disputed, Remedy::Decide)]);
}

#[test]
fn each_further_intent_of_a_booking_is_undone_under_a_number_of_its_own() {
    let older = PaymentRecord { intent: intent("pi_0"), ..taken(0) };
    let newer =
        PaymentRecord { intent: intent("pi_2"), created: Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(1), ..taken(0) };
    let idle = PaymentRecord { intent: intent("pi_3"), ..record(0, 0, IntentStatus::RequiresPaymentMethod) };
    let records = vec![newer, taken(0), older, idle];
    // By age, whether it has taken money or not: a number never changes.

    assert_eq!(found(&history(5), records), [(Kind::SecondCharge, refund(OTHER + 2)), (Kind::SecondCharge, refund(OTHER))]);
    let reserved = PaymentRecord { intent: intent("pi_2"), ..reserved() };
    assert_eq!(found(&history(5), vec![taken(0), reserved]), [(Kind::SecondAuthorisation, Remedy::Cancel)]);
}

#[test]
fn a_paid_booking_that_the_gateway_does_not_list_is_found_unless_it_is_free() {
    assert_eq!(found(&history(5), vec![]), [(Kind::NotAtGateway, Remedy::Decide)]);
    assert_eq!(found(&history(3), vec![]), [], "under way");
    let mut free = history(5);
    if let Some(Event::BookingOpened(opened)) = free.first_mut() {
        opened.amount = euros(0);
    }
    assert_eq!(found(&free, vec![]), []);
}

#[test]
fn what_is_not_ours_is_listed_and_left_alone() {
    let foreign = PaymentRecord { booking: None, dispute: Dispute::Open, ..taken(0) };
    assert_eq!(found(&[], vec![foreign]), [(Kind::NotOurs, Remedy::Nothing)]);
}

#[test]
fn a_flagged_payment_is_a_persons_until_it_is_reviewed() {
    let mut events = history(3);
    events.push(PaymentFlagged { booking: booking(), reason: "?".into() }.into());
    assert_eq!(found(&events, vec![reserved()]), [(Kind::Flagged, Remedy::Decide)]);
    events.push(BookingAborted { booking: booking(), reason: AbortReason::Expired }.into());
    assert_eq!(found(&events, vec![reserved()]), [(Kind::Flagged, Remedy::Decide)]);
    assert_eq!(found(&events, vec![taken(0)]), [(Kind::AbortedCharged, refund(1))], "money that was taken is wrong all the same");
    let outcome = ReviewOutcome::Settled;
    events.push(PaymentReviewed { booking: booking(), outcome, reason: "done".into(), by: "root".into() }.into());
    assert_eq!(found(&events, vec![nothing()]), []);
}

/// Owed to a buyer, and no server goes on with it.
#[test]
fn a_refund_that_is_flagged_is_wrong_until_it_is_made() {
    let mut events = history(6);
    events.push(PaymentFlagged { booking: booking(), reason: "charge_disputed".into() }.into());
    let owed = differences(&events, vec![taken(0)]);
    assert_eq!(owed.iter().map(|it| (it.kind, it.wrong)).collect::<Vec<_>>(), [(Kind::RefundFlagged, true)]);
    assert_eq!(found(&events, vec![taken(100)]), [(Kind::Flagged, Remedy::Decide)], "a person has returned it");
}

#[test]
fn a_sold_booking_that_nobody_pays_for_is_found() {
    let mut flagged = history(4);
    flagged.push(PaymentFlagged { booking: booking(), reason: "?".into() }.into());
    for gateway in [reserved(), nothing()] {
        assert_eq!(found(&flagged, vec![gateway]), [(Kind::SoldFlagged, Remedy::Decide)]);
    }
}

/// No server cancels what the log says is settled, or never existed. So nobody waits for one.
#[test]
fn a_reservation_that_no_server_will_cancel_is_cancelled_here() {
    let mut settled = aborted(3);
    settled.push(PaymentFlagged { booking: booking(), reason: "?".into() }.into());
    let outcome = ReviewOutcome::Settled;
    settled.push(PaymentReviewed { booking: booking(), outcome, reason: "by hand".into(), by: "admin".into() }.into());
    assert_eq!(found(&settled, vec![reserved()]), [(Kind::AbortedAuthorised, Remedy::Cancel)]);

    let mut declined = history(2);
    declined.push(PaymentDeclined { booking: booking(), attempt: 1, intent: None, code: "idempotency_error".into() }.into());
    declined.push(BookingAborted { booking: booking(), reason: AbortReason::Expired }.into());
    assert_eq!(found(&declined, vec![reserved()]), [(Kind::AbortedAuthorised, Remedy::Cancel)]);
}

/// Somebody cleared the metadata in the dashboard, or gave them another booking: the log knows the intent.
#[test]
fn an_intent_that_the_log_names_is_its_bookings_whatever_the_metadata_say() {
    let other = "11112222-3333-4444-5555-666677770002".parse().unwrap();
    for named in [None, Some(other)] {
        let of = |record: PaymentRecord| vec![PaymentRecord { booking: named, ..record }];
        assert_eq!(found(&history(5), of(taken(0))), [], "{named:?}");
        assert_eq!(found(&history(7), of(taken(0))), [(Kind::RefundedCharged, refund(OTHER))], "{named:?}");
        assert_eq!(found(&history(5), of(taken(100))), [(Kind::ReturnedByHand, Remedy::RefundBooking)], "{named:?}");
        let difference = differences(&history(5), of(taken(100))).remove(0);
        assert_eq!(difference.booking, Some(booking()));
    }
}

/// The bank has given the money back. Without a refund of the booking, its seats stay sold, and the sales say that it is paid.
#[test]
fn a_dispute_that_is_lost_is_wrong_while_the_booking_counts_as_paid() {
    let lost = || PaymentRecord { dispute: Dispute::Lost, ..taken(0) };
    let mut flagged = history(6);
    flagged.push(PaymentFlagged { booking: booking(), reason: "charge_disputed".into() }.into());
    for events in [history(5), history(6), flagged.clone()] {
        let lost = differences(&events, vec![lost()]);
        assert_eq!(
            lost.iter().map(|it| (it.kind, it.remedy, it.wrong)).collect::<Vec<_>>(),
            [(Kind::DisputeLost, Remedy::Decide, true)]
        );
    }
    // The money of these is owed to nobody.
    for events in [history(7), aborted(3), history(4)] {
        assert_eq!(found(&events, vec![lost()]), [], "{} events", events.len());
    }
    assert_eq!(found(&history(5), vec![PaymentRecord { dispute: Dispute::None, ..taken(0) }]), [], "it was won");

    flagged.push(
        PaymentReturnedElsewhere {
            booking: booking(),
            amount: euros(100),
            refund: None,
            reason: "dispute lost".into(),
            by: "root".into(),
        }
        .into(),
    );
    assert_eq!(found(&flagged, vec![lost()]), []);
    assert_eq!(found(&flagged, vec![taken(0)]), [], "a transfer; the gateway knows nothing of it");
    let seen = |gateway| differences(&flagged, vec![gateway]).iter().map(|it| (it.kind, it.remedy, it.wrong)).collect::<Vec<_>>();
    // A slow worker's refund was made after all: the shop has paid twice.
    assert_eq!(seen(taken(100)), [(Kind::ReturnedTwice, Remedy::Decide, true)]);
    // Part of it at the gateway, the rest by a transfer.
    assert_eq!(seen(taken(40)), [(Kind::PartlyReturnedElsewhere, Remedy::Decide, false)]);
    let partly = PaymentRecord { dispute: Dispute::Lost, ..taken(40) };
    assert_eq!(seen(partly), [(Kind::PartlyReturnedElsewhere, Remedy::Decide, false)], "the bank has taken the rest");
    assert_eq!(found(&flagged, vec![]), [(Kind::NotAtGateway, Remedy::Decide)]);
}

/// The bank refused the refund days after the gateway had accepted it, and a person has sent the money another way.
#[test]
fn a_refund_that_failed_later_and_was_reviewed_is_never_paid_again() {
    let mut reviewed = history(7);
    assert_eq!(found(&reviewed, vec![taken(0)]), [(Kind::RefundedCharged, refund(OTHER))]);
    let (booking, amount) = (booking(), euros(100));
    reviewed.extend([
        PaymentFlagged { booking, reason: "the gateway still has it".into() }.into(),
        Event::from(PaymentReturnedElsewhere { booking, amount, refund: None, reason: "transferred".into(), by: "root".into() }),
    ]);
    assert_eq!(found(&reviewed, vec![taken(0)]), []);
    let seen =
        |gateway| differences(&reviewed, vec![gateway]).iter().map(|it| (it.kind, it.remedy, it.wrong)).collect::<Vec<_>>();
    assert_eq!(seen(taken(100)), [(Kind::ReturnedTwice, Remedy::Decide, true)], "and at the gateway, too");
}

/// It was about the payment, which has been taken since.
#[test]
fn a_flag_before_the_refund_is_not_about_the_refund() {
    let flagged = |length: usize| {
        let mut events = history(length);
        events.insert(5, PaymentFlagged { booking: booking(), reason: "?".into() }.into());
        events
    };
    assert_eq!(found(&flagged(5), vec![taken(0)]), [(Kind::Flagged, Remedy::Decide)]);
    assert_eq!(found(&flagged(6), vec![taken(0)]), [(Kind::RefundDue, Remedy::Wait)], "a server makes it");
    assert_eq!(found(&flagged(7), vec![taken(100)]), []);
}

/// A server carries it out within seconds. If none has for an hour, the money is owed and nothing returns it.
#[test]
fn what_a_server_has_not_done_for_an_hour_is_wrong() {
    let (soon, late) = (TimeDelta::minutes(59), TimeDelta::hours(1));
    for (events, gateway, kind) in [
        (history(4), nothing(), Kind::SoldUnpaid),
        (history(6), taken(0), Kind::RefundDue),
        (history(6), taken(100), Kind::RefundUnrecorded),
        (aborted(3), reserved(), Kind::VoidDue),
    ] {
        for (after, wrong) in [(soon, false), (late, true)] {
            let found = differences_after(after, &events, vec![gateway.clone()]);
            let seen: Vec<_> = found.iter().map(|it| (it.kind, it.remedy, it.wrong, it.since)).collect();
            assert_eq!(seen, [(kind, Remedy::Wait, wrong, Some(Timestamp::UNIX_EPOCH))], "{after}");
            assert!(found.iter().all(|found| found.in_words().ends_with("due since 1970-01-01T00:00:00Z")));
        }
    }
    // What waits for a person does not become wrong by itself.
    let mut flagged = aborted(3);
    flagged.push(PaymentFlagged { booking: booking(), reason: "?".into() }.into());
    let found = differences_after(late * 100, &flagged, vec![reserved()]);
    assert_eq!(found.iter().map(|it| (it.kind, it.wrong, it.since)).collect::<Vec<_>>(), [(Kind::Flagged, false, None)]);
}

/// Of 100, 30 are returned in part.
#[test]
fn a_partial_refund_differs_only_where_the_gateway_has_not_returned_as_much() {
    let (booking, amount) = (booking(), euros(30));
    let mut events = history(5);
    let requested = PartialRefundRequested { booking, refund: 1, seats: vec![], amount, by: "staff".into() };
    events.push(requested.into());
    assert_eq!(found(&events, vec![taken(0)]), [(Kind::RefundDue, Remedy::Wait)]);
    assert_eq!(found(&events, vec![taken(30)]), [(Kind::RefundUnrecorded, Remedy::Wait)]);
    assert_eq!(found(&events, vec![taken(40)]), [(Kind::PartlyReturnedByHand, Remedy::Decide)]);

    let mut flagged = events.clone();
    flagged.push(PaymentFlagged { booking, reason: "refused".into() }.into());
    assert_eq!(found(&flagged, vec![taken(0)]), [(Kind::RefundFlagged, Remedy::Decide)]);
    let (outcome, reason, by) = (ReviewOutcome::Abandoned, "closed".to_owned(), "root".to_owned());
    let mut abandoned = flagged.clone();
    abandoned.push(PaymentReviewed { booking, outcome, reason: reason.clone(), by: by.clone() }.into());
    assert_eq!(found(&abandoned, vec![taken(0)]), []);
    assert_eq!(found(&abandoned, vec![taken(30)]), [(Kind::PartlyReturnedByHand, Remedy::Decide)]);
    flagged.push(PaymentReturnedElsewhere { booking, amount, refund: Some(1), reason, by }.into());
    assert_eq!(found(&flagged, vec![taken(0)]), []);

    events.push(PaymentPartlyRefunded { booking, refund: 1, intent: intent("pi_1"), amount }.into());
    assert_eq!(found(&events, vec![taken(30)]), []);
    assert_eq!(found(&events, vec![taken(0)]), [(Kind::PartRefundFailed, Remedy::Decide)]);
    assert_eq!(found(&events, vec![taken(50)]), [(Kind::PartlyReturnedByHand, Remedy::Decide)]);
    assert_eq!(found(&events, vec![taken(100)]), [(Kind::ReturnedByHand, Remedy::RefundBooking)]);

    // The bank has refused it later, and it went another way.
    let mut failed = events.clone();
    let (reason, by) = ("transferred".to_owned(), "root".to_owned());
    failed.push(PaymentFlagged { booking, reason: "failed".into() }.into());
    failed.push(PaymentReturnedElsewhere { booking, amount, refund: Some(1), reason, by }.into());
    assert_eq!(found(&failed, vec![taken(0)]), []);
    assert_eq!(found(&failed, vec![taken(30)]), [(Kind::PartlyReturnedByHand, Remedy::Decide)], "it was made after all");

    // The rest, of both: what went another way stays at the gateway for good.
    for (mut events, rest) in [(events, 70), (flagged, 70)] {
        let elsewhere = events.iter().any(|event| matches!(event, Event::PaymentReturnedElsewhere(_)));
        events.push(RefundRequested { booking, by: "root".into() }.into());
        events.push(PaymentRefunded { booking, intent: intent("pi_1"), amount: euros(rest) }.into());
        let all = if elsewhere { 70 } else { 100 };
        assert_eq!(found(&events, vec![taken(all)]), [], "elsewhere: {elsewhere}");
        assert_eq!(found(&events, vec![taken(all - 70)]).len(), 1, "elsewhere: {elsewhere}");
    }
}
