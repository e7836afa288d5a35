//! A person looks at a flagged payment, and the booking goes on from there.

use crate::common;

use async_trait::async_trait;
use common::checker::assert_safe;
use common::*;
use lastseat_domain::booking::{Booking, Phase, Review};
use lastseat_domain::event::{Event, PaymentFlagged};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::event_log::{Direction, Expected};
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use lastseat_domain::{BookingId, IntentId, Metadata, Money, Rejection, StreamName, codec};
use lastseat_engine::{BoxOffice, CommandError, Fault, ReviewRequest};
use lastseat_payments_sandbox::Command;
use lastseat_testkit::{FaultyGateway, ForwardGateway, ForwardingGateway, GatewayCall, GatewayCallFault};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A gateway that returns no money while the buyer's bank disputes the charge.
struct Disputing {
    inner: Arc<dyn PaymentGateway>,
    disputed: Arc<AtomicBool>,
    /// The buyer's bank has refused all refunds, after they were made.
    bounced: Arc<AtomicBool>,
}

#[async_trait]
impl ForwardGateway for Disputing {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.inner
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        if self.disputed.load(Ordering::SeqCst) {
            return Err(GatewayFault::Refused { code: "charge_disputed".to_owned(), message: "disputed".to_owned() });
        }
        self.inner.refund(intent, booking, number, amount).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        let answer = self.inner.retrieve(intent).await?;
        Ok(if self.bounced.load(Ordering::SeqCst) { Intent { refunded: 0, ..answer } } else { answer })
    }
}

/// Gateways that a test can disturb.
struct Gateways {
    faulty: Arc<FaultyGateway>,
    disputed: Arc<AtomicBool>,
    bounced: Arc<AtomicBool>,
}

fn in_virtual_time(test: impl AsyncFn(TestBench, Gateways)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = TestBench::new(atomic);
            let disputed = Arc::new(AtomicBool::new(false));
            let bounced = Arc::new(AtomicBool::new(false));
            let inner = bench.payments.clone();
            let disputing = Disputing { inner, disputed: Arc::clone(&disputed), bounced: Arc::clone(&bounced) };
            let faulty = Arc::new(FaultyGateway::new(Arc::new(ForwardingGateway(disputing))));
            let bench = TestBench { payments: faulty.clone(), ..bench };
            test(bench, Gateways { faulty, disputed, bounced }).await;
        });
    }
}

async fn review(office: &BoxOffice, booking: BookingId, outcome: Review) -> Result<Booking, CommandError> {
    let reason = "looked at the dashboard".to_owned();
    office.review(booking, ReviewRequest { outcome, reason, origin: "admin".into() }).await
}

/// A part of the money was returned by hand, and the rest after it: by the refund.
#[test]
fn a_refund_returns_what_a_person_has_not_returned() {
    in_virtual_time(async |bench, _| {
        let office = bench.open().await;
        for by_hand in [1_000, 5_000] {
            let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
            pay(&office, &held, "pm_card_visa").await.unwrap();
            let intent = office.booking(held.id).await.unwrap().unwrap().intent.unwrap();
            let part = Command::Refund { intent, amount: Some(by_hand) };
            bench.sandbox.execute(None, part).await.unwrap().unwrap();
            assert_eq!(office.refund(held.id, "admin").await.unwrap().status(), "refunded");
            assert_eq!(bench.taken(), 0);
            later(5).await;
        }
        assert_safe(&bench, "refunds after a refund by hand").await;
    });
}

/// The bank disputes the charge, so the gateway refuses the booking's refund: flagged.
async fn flagged_refund(bench: &TestBench, office: &BoxOffice, disputed: &AtomicBool) -> Booking {
    let held = hold_as(bench, office, "ann", seats(&["A-1"])).await.unwrap().booking;
    pay(office, &held, "pm_card_visa").await.unwrap();
    disputed.store(true, Ordering::SeqCst);
    let booking = office.refund(held.id, "admin").await.unwrap();
    assert!(booking.flagged);
    disputed.store(false, Ordering::SeqCst);
    booking
}

/// The money of a flagged refund goes back by hand.
async fn return_by_hand(bench: &TestBench, booking: &Booking) {
    let rest = Command::Refund { intent: booking.intent.clone().unwrap(), amount: None };
    bench.sandbox.execute(None, rest).await.unwrap().unwrap();
}

#[test]
fn a_refund_goes_on_after_a_review() {
    in_virtual_time(async |bench, gateways| {
        let office = bench.open().await;
        let booking = flagged_refund(&bench, &office, &gateways.disputed).await;
        return_by_hand(&bench, &booking).await;
        later(60).await;
        assert!(!matches!(office.booking(booking.id).await.unwrap().unwrap().phase, Phase::Refunded), "it waits for a person");
        let reviewed = review(&office, booking.id, Review::Continue).await.unwrap();
        assert_eq!((reviewed.status(), reviewed.flagged), ("refunded", false));
        later(5).await;
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok(), "its seat is free");
        let event = bench.history().await.into_iter().find(|e| matches!(e.event, Event::PaymentReviewed(_))).unwrap();
        assert_eq!(event.metadata.actor, "admin");
        assert_safe(&bench, "a review").await;
    });
}

/// The bank has decided for the buyer and given the money back, so no refund is ever made. A person says so, and the
/// booking ends.
#[test]
fn a_refund_that_can_never_be_made_ends_when_a_person_says_that_the_money_is_back() {
    in_virtual_time(async |bench, Gateways { faulty, disputed, .. }| {
        let office = bench.open().await;
        let booking = flagged_refund(&bench, &office, &disputed).await;
        disputed.store(true, Ordering::SeqCst);
        let early = review(&office, booking.id, Review::Settled).await;
        assert!(matches!(early, Err(CommandError::Rejected(Rejection::NotOver))), "{early:?}");
        let refunds = faulty.calls(GatewayCall::Refund);
        for _ in 0..2 {
            let reviewed = review(&office, booking.id, Review::ReturnedElsewhere).await.unwrap();
            assert_eq!((reviewed.status(), reviewed.flagged), ("refunded", false));
        }
        later(600).await;
        assert_eq!(faulty.calls(GatewayCall::Refund), refunds, "the gateway is not asked again");
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok(), "its seat is free");
        let events = bench.story(booking.id).await;
        assert_eq!(events.iter().filter(|name| **name == "PaymentReturnedElsewhere").count(), 1, "{events:?}");
        let history = bench.history().await;
        let revoked = history.iter().filter(|e| matches!(e.event, Event::PointsRevoked(_))).count();
        assert_eq!(revoked, 1, "its points are taken back");
        // After a restart nothing of it is due.
        let office = bench.open().await;
        later(600).await;
        assert!(!office.booking(booking.id).await.unwrap().unwrap().flagged);
        assert_eq!(faulty.calls(GatewayCall::Refund), refunds);
        assert_safe(&bench, "a lost dispute").await;
    });
}

/// Stripe accepted the refund, and the bank refused it days later. The shop transfers the money, and says so.
#[test]
fn a_refund_that_failed_later_ends_only_if_the_gateway_says_that_it_failed() {
    in_virtual_time(async |bench, Gateways { faulty, bounced, .. }| {
        let office = bench.open().await;
        let held = hold_as(&bench, &office, "ann", seats(&["A-1"])).await.unwrap().booking;
        pay(&office, &held, "pm_card_visa").await.unwrap();
        assert_eq!(office.refund(held.id, "admin").await.unwrap().status(), "refunded");
        later(5).await;
        let returned = || review(&office, held.id, Review::ReturnedElsewhere);
        let events = bench.history().await.len();
        assert_eq!(code(returned().await), "refund_stands");
        // The state of the refund is unknown: nothing is written.
        faulty.fail_all(GatewayCall::Retrieve, Some(GatewayCallFault::Unavailable));
        let unknown = returned().await;
        assert!(matches!(unknown, Err(CommandError::Failed(Fault::Unavailable(_)))), "{unknown:?}");
        faulty.fail_all(GatewayCall::Retrieve, None);
        assert_eq!(bench.history().await.len(), events);

        bounced.store(true, Ordering::SeqCst);
        let refunds = faulty.calls(GatewayCall::Refund);
        for _ in 0..2 {
            let reviewed = returned().await.unwrap();
            assert_eq!((reviewed.status(), reviewed.flagged), ("refunded", false));
        }
        // Said once, it is never asked again.
        bounced.store(false, Ordering::SeqCst);
        returned().await.unwrap();
        later(600).await;
        assert_eq!(
            bench.story(held.id).await.iter().rev().take(3).rev().copied().collect::<Vec<_>>(),
            ["PaymentRefunded", "PaymentFlagged", "PaymentReturnedElsewhere"]
        );
        let revoked = bench.history().await.iter().filter(|e| matches!(e.event, Event::PointsRevoked(_))).count();
        assert_eq!((revoked, faulty.calls(GatewayCall::Refund)), (1, refunds), "points and money went back once");
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok(), "its seat is free");
        // A node that starts finds nothing of it to do.
        let office = bench.open().await;
        later(600).await;
        assert_eq!(office.booking(held.id).await.unwrap().unwrap().status(), "refunded");
        assert_safe(&bench, "a refund that failed later").await;
    });
}

/// The same of a part: the booking goes on, and nothing of it is counted or released a second time.
#[test]
fn a_refund_of_a_part_that_failed_later_ends_only_if_the_gateway_says_that_it_failed() {
    in_virtual_time(async |bench, Gateways { faulty, bounced, .. }| {
        let office = bench.open().await;
        let held = hold_as(&bench, &office, "ann", seats(&["A-1", "A-2", "A-3", "A-4"])).await.unwrap().booking;
        pay(&office, &held, "pm_card_visa").await.unwrap();
        later(5).await;
        refund_part(&office, held.id, &["A-1"], None).await.unwrap();
        later(5).await;
        let returned = || review(&office, held.id, Review::ReturnedElsewhere);
        let events = bench.history().await.len();
        assert_eq!(code(returned().await), "refund_stands");
        faulty.fail_all(GatewayCall::Retrieve, Some(GatewayCallFault::Unavailable));
        let unknown = returned().await;
        assert!(matches!(unknown, Err(CommandError::Failed(Fault::Unavailable(_)))), "{unknown:?}");
        faulty.fail_all(GatewayCall::Retrieve, None);
        assert_eq!(bench.history().await.len(), events);

        // Its seat is somebody else's meanwhile.
        let next = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        pay(&office, &next, "pm_card_visa").await.unwrap();
        bounced.store(true, Ordering::SeqCst);
        let reviewed = returned().await.unwrap();
        assert_eq!((reviewed.status(), reviewed.flagged, reviewed.parts_elsewhere()), ("confirmed", false, 5_000));
        assert_eq!((reviewed.seats().len(), reviewed.left().map(|left| left.value)), (3, Some(15_000)));
        bounced.store(false, Ordering::SeqCst);
        later(600).await;
        assert_eq!(
            bench.story(held.id).await.iter().rev().take(2).rev().copied().collect::<Vec<_>>(),
            ["PaymentFlagged", "PaymentReturnedElsewhere"]
        );
        let revoked = bench.history().await.iter().filter(|e| matches!(e.event, Event::PointsRevoked(_))).count();
        assert_eq!(revoked, 1, "points went back once");
        // Ann has three seats of her eight, on this node and on one that starts.
        let started = bench.node().await;
        for office in [&office, &started] {
            let five = ["B-1", "B-2", "B-3", "B-4", "B-5"];
            let more = hold_as(&bench, office, "ann", seats(&five)).await.unwrap().booking;
            office.cancel(more.id, "ann").await.unwrap();
            later(2).await;
            assert_eq!(code(hold_as(&bench, office, "ann", floor(6)).await), "buyer_limit");
        }
        assert_safe(&bench, "a part that failed later").await;
    });
}

/// One worker flags the payment, and another one commits and captures it. A refund of it was then never asked of the
/// gateway, and an admin's word ended it although nothing had been refused.
#[test]
fn a_refund_of_a_payment_that_was_flagged_before_is_asked_of_the_gateway() {
    in_virtual_time(async |bench, _| {
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        pay(&office, &held, "pm_card_visa").await.unwrap();
        let (stream, now) = (StreamName::booking(held.id), bench.clock.now());
        let last = bench.log.read_stream(&stream, None, Direction::Backwards, 1).await.unwrap().remove(0);
        let flagged = PaymentFlagged { booking: held.id, reason: "another worker".into() }.into();
        let metadata = Metadata::of_booking(held.id, "test", now);
        let write = codec::encode(stream, Expected::Revision(last.revision), &[flagged], &metadata).unwrap();
        bench.log.append(vec![write]).await.unwrap();
        assert!(office.booking(held.id).await.unwrap().unwrap().flagged);
        let early = review(&office, held.id, Review::ReturnedElsewhere).await;
        assert_eq!(code(early), "no_refund_due", "nobody has asked for it");

        let refunded = office.refund(held.id, "admin").await.unwrap();
        assert_eq!((refunded.status(), refunded.flagged, bench.taken()), ("refunded", false, 0));
        later(5).await;
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok(), "its seat is free");
        assert_safe(&bench, "a flag before the refund").await;
    });
}

#[test]
fn what_is_not_flagged_is_not_reviewed() {
    in_virtual_time(async |bench, gateways| {
        let office = bench.open().await;
        let booking = flagged_refund(&bench, &office, &gateways.disputed).await;
        return_by_hand(&bench, &booking).await;
        let early = review(&office, booking.id, Review::Settled).await;
        assert!(matches!(early, Err(CommandError::Rejected(Rejection::NotOver))), "{early:?}");
        review(&office, booking.id, Review::Continue).await.unwrap();
        assert_eq!(code(review(&office, booking.id, Review::Settled).await), "not_flagged");
        assert_eq!(code(review(&office, booking.id, Review::ReturnedElsewhere).await), "refund_stands");
        let held = hold(&bench, &office, seats(&["B-1"])).await.unwrap().booking;
        assert_eq!(code(review(&office, held.id, Review::Continue).await), "not_flagged");
        assert_eq!(code(review(&office, bench.new_booking(), Review::Continue).await), "booking_not_found");
    });
}

/// The intent of an ended booking can't be cancelled, because somebody captured it by hand. They return
/// the money there, and say so.
#[test]
fn a_payment_settled_by_hand_is_not_cancelled_again() {
    in_virtual_time(async |bench, Gateways { faulty, .. }| {
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        pay(&office, &held, "pm_card_authenticationRequired").await.unwrap();
        let intent = office.booking(held.id).await.unwrap().unwrap().intent.unwrap();
        faulty.fail_all(GatewayCall::Cancel, Some(GatewayCallFault::Unavailable));
        office.cancel(held.id, "buyer").await.unwrap();
        bench.sandbox.authenticate(&intent, true).await.unwrap();
        for by_hand in
            [Command::Capture { intent: intent.clone(), amount: None }, Command::Refund { intent: intent.clone(), amount: None }]
        {
            bench.sandbox.execute(None, by_hand).await.unwrap().unwrap();
        }
        faulty.fail_all(GatewayCall::Cancel, None);
        later(60).await;
        assert!(office.booking(held.id).await.unwrap().unwrap().flagged);
        let cancels = faulty.calls(GatewayCall::Cancel);
        let reviewed = review(&office, held.id, Review::Settled).await.unwrap();
        assert!(!reviewed.flagged);
        later(600).await;
        assert_eq!(faulty.calls(GatewayCall::Cancel), cancels, "nothing is asked of the gateway again");
        assert_eq!(bench.taken(), 0);
    });
}
