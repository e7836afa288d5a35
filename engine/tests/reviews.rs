//! A person looks at a flagged payment, and the booking goes on from there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use common::checker::assert_safe;
use common::*;
use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::event::{Event, ReviewOutcome};
use lastseat_domain::{BookingId, Rejection};
use lastseat_engine::{BoxOffice, CommandError, ReviewRequest};
use lastseat_payments_sandbox::Command;
use lastseat_testkit::{FaultyGateway, GatewayCall, GatewayCallFault};
use std::sync::Arc;

fn in_virtual_time(test: impl AsyncFn(TestBench, Arc<FaultyGateway>)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = TestBench::new(atomic);
            let faulty = Arc::new(FaultyGateway::new(bench.payments.clone()));
            test(TestBench { payments: faulty.clone(), ..bench }, faulty).await;
        });
    }
}

async fn review(office: &BoxOffice, booking: BookingId, outcome: ReviewOutcome) -> Result<Booking, CommandError> {
    let reason = "looked at the dashboard".to_owned();
    office.review(booking, ReviewRequest { outcome, reason, origin: "admin".into() }).await
}

/// Money that was returned by hand makes the gateway refuse the booking's refund: flagged.
async fn flagged_refund(bench: &TestBench, office: &BoxOffice) -> Booking {
    let held = hold(bench, office, seats(&["A-1"])).await.unwrap().booking;
    pay(office, &held, "pm_card_visa").await.unwrap();
    let intent = office.booking(held.id).await.unwrap().unwrap().intent.unwrap();
    let by_hand = Command::Refund { intent: intent.clone(), amount: Some(1_000) };
    bench.sandbox.execute(None, by_hand).await.unwrap().unwrap();
    let booking = office.refund(held.id, "admin").await.unwrap();
    assert!(booking.flagged);
    // The rest, by hand as well.
    let rest = Command::Refund { intent, amount: None };
    bench.sandbox.execute(None, rest).await.unwrap().unwrap();
    booking
}

#[test]
fn a_refund_goes_on_after_a_review() {
    in_virtual_time(async |bench, _| {
        let office = bench.open().await;
        let booking = flagged_refund(&bench, &office).await;
        later(60).await;
        assert!(!matches!(office.booking(booking.id).await.unwrap().unwrap().phase, Phase::Refunded), "it waits for a person");
        let reviewed = review(&office, booking.id, ReviewOutcome::Continue).await.unwrap();
        assert_eq!((reviewed.status(), reviewed.flagged), ("refunded", false));
        later(5).await;
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok(), "its seat is free");
        let event = bench.history().await.into_iter().find(|e| matches!(e.event, Event::PaymentReviewed(_))).unwrap();
        assert_eq!(event.metadata.actor, "admin");
        assert_safe(&bench, "a review").await;
    });
}

#[test]
fn what_is_not_flagged_is_not_reviewed() {
    in_virtual_time(async |bench, _| {
        let office = bench.open().await;
        let booking = flagged_refund(&bench, &office).await;
        let early = review(&office, booking.id, ReviewOutcome::Settled).await;
        assert!(matches!(early, Err(CommandError::Rejected(Rejection::NotOver))), "{early:?}");
        review(&office, booking.id, ReviewOutcome::Continue).await.unwrap();
        assert_eq!(code(review(&office, booking.id, ReviewOutcome::Settled).await), "not_flagged");
        let held = hold(&bench, &office, seats(&["B-1"])).await.unwrap().booking;
        assert_eq!(code(review(&office, held.id, ReviewOutcome::Continue).await), "not_flagged");
        assert_eq!(code(review(&office, bench.new_booking(), ReviewOutcome::Continue).await), "booking_not_found");
    });
}

/// The intent of an ended booking can't be cancelled, because somebody captured it by hand. They return
/// the money there, and say so.
#[test]
fn a_payment_settled_by_hand_is_not_cancelled_again() {
    in_virtual_time(async |bench, faulty| {
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        pay(&office, &held, "pm_card_authenticationRequired").await.unwrap();
        let intent = office.booking(held.id).await.unwrap().unwrap().intent.unwrap();
        faulty.fail_all(GatewayCall::Cancel, Some(GatewayCallFault::Unavailable));
        office.cancel(held.id, "buyer").await.unwrap();
        bench.sandbox.authenticate(&intent, true).unwrap();
        for by_hand in
            [Command::Capture { intent: intent.clone(), amount: None }, Command::Refund { intent: intent.clone(), amount: None }]
        {
            bench.sandbox.execute(None, by_hand).await.unwrap().unwrap();
        }
        faulty.fail_all(GatewayCall::Cancel, None);
        later(60).await;
        assert!(office.booking(held.id).await.unwrap().unwrap().flagged);
        let cancels = faulty.calls(GatewayCall::Cancel);
        let reviewed = review(&office, held.id, ReviewOutcome::Settled).await.unwrap();
        assert!(!reviewed.flagged);
        later(600).await;
        assert_eq!(faulty.calls(GatewayCall::Cancel), cancels, "nothing is asked of the gateway again");
        assert_eq!(bench.taken(), 0);
    });
}
