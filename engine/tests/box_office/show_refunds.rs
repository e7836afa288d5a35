//! Refunds of a whole show: every paid booking once, whichever node does it and wherever one dies.

use crate::common;

use async_trait::async_trait;
use common::checker::assert_safe;
use common::fault_injection::{AppendFate, FaultPlan};
use common::*;
use lastseat_domain::booking::{Booking, Review};
use lastseat_domain::event::{Event, Tender};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::event_log::{Direction, Expected, NewEvent, StreamWrite};
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use lastseat_domain::{BookingId, IntentId, Money, StreamName};
use lastseat_engine::{BoxOffice, ReviewRequest};
use lastseat_testkit::{FaultyGateway, ForwardGateway, ForwardingGateway, GatewayCall, GatewayCallFault};
use serde_json::value::RawValue;
use std::sync::{Arc, Mutex};

/// A gateway that refuses the refund of one booking.
struct RefusesOne {
    inner: Arc<dyn PaymentGateway>,
    refused: Arc<Mutex<Option<BookingId>>>,
}

#[async_trait]
impl ForwardGateway for RefusesOne {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.inner
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        if *self.refused.lock().unwrap() == Some(booking) {
            return Err(GatewayFault::Refused { code: "charge_disputed".to_owned(), message: "disputed".to_owned() });
        }
        self.inner.refund(intent, booking, number, amount).await
    }
}

struct Gateways {
    faulty: Arc<FaultyGateway>,
    refused: Arc<Mutex<Option<BookingId>>>,
}

fn in_virtual_time(test: impl AsyncFn(TestBench, Gateways)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = TestBench::new(atomic);
            let refused = Arc::default();
            let one = RefusesOne { inner: bench.payments.clone(), refused: Arc::clone(&refused) };
            let faulty = Arc::new(FaultyGateway::new(Arc::new(ForwardingGateway(one))));
            let bench = TestBench { payments: faulty.clone(), ..bench };
            test(bench, Gateways { faulty, refused }).await;
        });
    }
}

/// Ten bookings of two places each, at 4,000.
async fn ten_sold(bench: &TestBench, office: &BoxOffice) -> Vec<Booking> {
    let mut sold = Vec::new();
    for _ in 0..10 {
        let held = hold(bench, office, floor(2)).await.unwrap().booking;
        pay(office, &held, "pm_card_visa").await.unwrap();
        sold.push(office.booking(held.id).await.unwrap().unwrap());
    }
    sold
}

async fn statuses(office: &BoxOffice, sold: &[Booking]) -> Vec<&'static str> {
    let mut statuses = Vec::new();
    for booking in sold {
        statuses.push(office.booking(booking.id).await.unwrap().unwrap().status());
    }
    statuses
}

async fn count(bench: &TestBench, which: impl Fn(&Event) -> bool) -> usize {
    bench.history().await.iter().filter(|e| which(&e.event)).count()
}

async fn requests(bench: &TestBench) -> usize {
    count(bench, |event| matches!(event, Event::RefundRequested(_))).await
}

/// Every booking that was refunded got its money back once.
fn assert_returned_once(bench: &TestBench) {
    assert!(bench.sandbox.intents().iter().all(|intent| intent.refunds.len() <= 1), "twice");
}

#[test]
fn a_show_that_takes_place_is_not_refunded_and_a_repeat_is_the_same_job() {
    in_virtual_time(async |bench, _| {
        let office = bench.open().await;
        let sold = ten_sold(&bench, &office).await;
        assert_eq!(code(office.refund_show(&show(), "mary").await), "show_not_cancelled");
        office.cancel_show(&show(), "mary").await.unwrap();
        for _ in 0..2 {
            let refunded = office.refund_show(&show(), "mary").await.unwrap();
            assert_eq!(refunded.refunds_requested_by.as_deref(), Some("mary"));
        }
        later(60).await;
        assert_eq!((statuses(&office, &sold).await, bench.taken()), (vec!["refunded"; 10], 0));
        assert_eq!(count(&bench, |event| matches!(event, Event::ShowRefundsRequested(_))).await, 1);
        let by = bench
            .history()
            .await
            .iter()
            .filter_map(|e| match &e.event {
                Event::RefundRequested(e) => Some(e.by.clone()),
                _ => None,
            })
            .collect::<Vec<_>>();
        assert_eq!(by, vec!["mary"; 10]);
        assert_returned_once(&bench);
        assert_safe(&bench, "a whole show").await;
    });
}

/// The node is killed at each of its appends; a fresh one finishes, and no booking is refunded twice.
#[test]
fn a_node_that_is_killed_leaves_the_rest_to_the_next() {
    for atomic in [true, false] {
        for nth in [0, 1, 3, 8, 15, 30] {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let bench = TestBench::new(atomic);
                let office = bench.open().await;
                let sold = ten_sold(&bench, &office).await;
                later(5).await;
                office.cancel_show(&show(), "mary").await.unwrap();
                office.drain(std::time::Duration::from_secs(1)).await;
                let (plan, cut) = FaultPlan::around(&bench);
                let dying = cut.node().await;
                plan.append(nth, AppendFate::CutAfter);
                tokio::select! {
                    biased;
                    () = plan.power.went_out() => {}
                    () = async { drop(dying.refund_show(&show(), "mary").await); later(60).await } => {}
                }
                assert!(plan.power.is_out(), "atomic: {atomic}, {nth}: not cut");
                drop(dying);
                let before = requests(&bench).await;
                assert!(before < 10 || nth >= 15, "cut in the middle");
                let office = bench.node().await;
                later(120).await;
                assert_eq!((statuses(&office, &sold).await, bench.taken()), (vec!["refunded"; 10], 0), "atomic: {atomic}, {nth}");
                assert_eq!(requests(&bench).await, 10);
                assert_returned_once(&bench);
            });
        }
    }
}

/// Another node takes over, and both together request each refund once.
#[test]
fn another_node_takes_over_when_the_first_makes_no_progress() {
    in_virtual_time(async |bench, _| {
        let (plan, cut) = FaultPlan::around(&bench);
        let first = cut.node().await;
        first.schedule_show(test_show(), "admin").await.unwrap();
        let second = bench.node().await;
        let sold = ten_sold(&bench, &second).await;
        later(5).await;
        second.cancel_show(&show(), "mary").await.unwrap();
        later(2).await;
        // The request itself, and then nothing more of this node.
        plan.append(1, AppendFate::CutBefore);
        first.refund_show(&show(), "mary").await.unwrap();
        later(5).await;
        assert!(plan.power.is_out(), "not cut");
        assert_eq!(requests(&bench).await, 0, "it is left to the node that has begun it");
        later(60).await;
        assert_eq!((statuses(&second, &sold).await, bench.taken()), (vec!["refunded"; 10], 0));
        assert_eq!(requests(&bench).await, 10);
        assert_returned_once(&bench);
    });
}

#[test]
fn what_the_gateway_refuses_waits_for_a_person_and_the_others_do_not() {
    in_virtual_time(async |bench, gateways| {
        let office = bench.open().await;
        let sold = ten_sold(&bench, &office).await;
        *gateways.refused.lock().unwrap() = Some(sold[4].id);
        office.cancel_show(&show(), "mary").await.unwrap();
        office.refund_show(&show(), "mary").await.unwrap();
        later(60).await;
        let flagged = office.booking(sold[4].id).await.unwrap().unwrap();
        assert!(flagged.flagged && flagged.status() == "confirmed");
        assert_eq!((statuses(&office, &sold).await.iter().filter(|s| **s == "refunded").count(), bench.taken()), (9, 4_000));
        *gateways.refused.lock().unwrap() = None;
        let review = ReviewRequest { outcome: Review::Continue, reason: "settled".into(), origin: "mary".into() };
        office.review(sold[4].id, review).await.unwrap();
        later(5).await;
        assert_eq!((statuses(&office, &sold).await, bench.taken()), (vec!["refunded"; 10], 0));
        assert_returned_once(&bench);
    });
}

/// Nobody hands cash back or takes a bill back because an event says so. Staff do, and refund the booking then.
#[test]
fn what_was_paid_at_the_till_is_left_to_staff_and_gifts_end() {
    in_virtual_time(async |bench, _| {
        let office = bench.open().await;
        let mut sold = Vec::new();
        for tender in [Some(Tender::Cash), Some(Tender::Invoice), Some(Tender::Complimentary), None] {
            let held = hold(&bench, &office, floor(2)).await.unwrap().booking;
            match tender {
                Some(tender) => pay_at_till(&office, held.id, tender).await.unwrap(),
                None => pay(&office, &held, "pm_card_visa").await.unwrap(),
            };
            sold.push(office.booking(held.id).await.unwrap().unwrap());
        }
        office.cancel_show(&show(), "mary").await.unwrap();
        office.refund_show(&show(), "mary").await.unwrap();
        later(120).await;
        assert_eq!(statuses(&office, &sold).await, ["confirmed", "confirmed", "refunded", "refunded"]);
        assert_eq!((requests(&bench).await, bench.taken(), office.failed_refunds(&show())), (2, 0, 0));
        let refunded = office.refund(sold[0].id, "stan").await.unwrap();
        assert_eq!(refunded.status(), "refunded");
        // A node that starts makes a pass of its own.
        let office = bench.node().await;
        later(120).await;
        assert_eq!(statuses(&office, &sold).await, ["refunded", "confirmed", "refunded", "refunded"]);
        assert_eq!(requests(&bench).await, 3);
        assert_safe(&bench, "a show sold at the till, too").await;
    });
}

/// An event that no version can read is in the stream of one booking.
#[test]
fn a_booking_that_can_not_be_read_is_counted_and_the_others_are_refunded() {
    in_virtual_time(async |bench, _| {
        let office = bench.open().await;
        let sold = ten_sold(&bench, &office).await;
        later(5).await;
        let stream = StreamName::booking(sold[4].id);
        let last = bench.log.read_stream(&stream, None, Direction::Backwards, 1).await.unwrap().remove(0);
        let json = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let event = NewEvent {
            id: lastseat_domain::ports::Ids::uuid(bench.ids.as_ref()),
            event_type: "PaymentFlagged".to_owned(),
            data: json(r#"{"from":"the future"}"#),
            metadata: json(r#"{"actor":"x","v":99,"at":"2030-01-01T00:00:00Z"}"#),
        };
        let write = StreamWrite { stream, expected: Expected::Revision(last.revision), events: vec![event] };
        assert!(bench.log.append(vec![write]).await.unwrap().iter().all(|outcome| outcome.is_written()));
        office.cancel_show(&show(), "mary").await.unwrap();
        office.refund_show(&show(), "mary").await.unwrap();
        later(60).await;
        assert_eq!((bench.taken(), office.failed_refunds(&show())), (4_000, 1));
        later(3_600).await;
        let others: Vec<_> = sold.iter().filter(|booking| booking.id != sold[4].id).cloned().collect();
        assert_eq!(statuses(&office, &others).await, ["refunded"; 9]);
        assert_eq!((bench.taken(), office.failed_refunds(&show())), (4_000, 1), "after an hour of tries");
    });
}

/// A payment that was committed before the show was cancelled is captured after that, and refunded then.
#[test]
fn what_is_captured_late_and_what_is_being_refunded_in_part_is_refunded_too() {
    in_virtual_time(async |bench, gateways| {
        let office = bench.open().await;
        let parted = hold(&bench, &office, seats(&["A-1", "A-2"])).await.unwrap().booking;
        pay(&office, &parted, "pm_card_visa").await.unwrap();
        let late = hold(&bench, &office, seats(&["B-1"])).await.unwrap().booking;
        gateways.faulty.fail_all(GatewayCall::Capture, Some(GatewayCallFault::Unavailable));
        gateways.faulty.fail_all(GatewayCall::Refund, Some(GatewayCallFault::Unavailable));
        pay(&office, &late, "pm_card_visa").await.unwrap();
        refund_part(&office, parted.id, &["A-1"], None).await.unwrap();
        office.cancel_show(&show(), "mary").await.unwrap();
        office.refund_show(&show(), "mary").await.unwrap();
        later(30).await;
        assert_eq!(requests(&bench).await, 0, "neither can be refunded yet");
        gateways.faulty.fail_all(GatewayCall::Refund, None);
        gateways.faulty.fail_all(GatewayCall::Capture, None);
        later(120).await;
        assert_eq!((statuses(&office, &[parted, late]).await, bench.taken()), (vec!["refunded"; 2], 0));
        assert_safe(&bench, "late and in part").await;
    });
}
