//! Refunds of single seats and of amounts: each returns its money once, and the booking goes on with the rest.

use crate::common;

use async_trait::async_trait;
use common::checker::{assert_safe, assert_settled, unsafe_now};
use common::*;
use futures::future::join_all;
use lastseat_domain::booking::{Booking, PartialRefundState, Review};
use lastseat_domain::event::{AbortReason, Event, SeatReleased};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::event_log::{Direction, Expected};
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use lastseat_domain::{BookingId, CommandId, IntentId, Metadata, Money, SeatId, StreamName, codec};
use lastseat_engine::{BoxOffice, CommandError, Fault, Origin, PartialRefundRequest, ReviewRequest};
use lastseat_testkit::{FaultyGateway, ForwardGateway, ForwardingGateway, GatewayCall, GatewayCallFault};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A gateway that refuses refunds while it is set to.
struct Refusing {
    inner: Arc<dyn PaymentGateway>,
    refuses: Arc<AtomicBool>,
    /// It makes them, and says that it refuses them.
    makes_refused: Arc<AtomicBool>,
}

#[async_trait]
impl ForwardGateway for Refusing {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.inner
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        if self.makes_refused.load(Ordering::SeqCst) {
            self.inner.refund(intent, booking, number, amount).await?;
        }
        if self.refuses.load(Ordering::SeqCst) {
            return Err(GatewayFault::Refused { code: "charge_disputed".to_owned(), message: "disputed".to_owned() });
        }
        self.inner.refund(intent, booking, number, amount).await
    }
}

struct Gateways {
    faulty: Arc<FaultyGateway>,
    refuses: Arc<AtomicBool>,
    makes_refused: Arc<AtomicBool>,
}

fn in_virtual_time(test: impl AsyncFn(TestBench, Gateways)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = TestBench::new(atomic);
            let [refuses, makes_refused] = [Arc::new(AtomicBool::new(false)), Arc::default()];
            let inner = bench.payments.clone();
            let refusing = Refusing { inner, refuses: Arc::clone(&refuses), makes_refused: Arc::clone(&makes_refused) };
            let faulty = Arc::new(FaultyGateway::new(Arc::new(ForwardingGateway(refusing))));
            let bench = TestBench { payments: faulty.clone(), ..bench };
            test(bench, Gateways { faulty, refuses, makes_refused }).await;
        });
    }
}

async fn sold(bench: &TestBench, office: &BoxOffice, labels: &[&str]) -> Booking {
    let held = hold_as(bench, office, "ann", seats(labels)).await.unwrap().booking;
    pay(office, &held, "pm_card_visa").await.unwrap();
    later(2).await;
    office.booking(held.id).await.unwrap().unwrap()
}

fn names(booking: &Booking) -> Vec<&str> {
    booking.seats().iter().map(|priced| priced.seat.as_str()).collect()
}

async fn now(office: &BoxOffice, booking: BookingId) -> Booking {
    office.booking(booking).await.unwrap().unwrap()
}

#[test]
fn a_seat_is_given_back_and_the_booking_goes_on() {
    in_virtual_time(async |bench, _| {
        let office = bench.open().await;
        let booking = sold(&bench, &office, &["A-1", "A-2", "A-3"]).await;
        let less = refund_part(&office, booking.id, &["A-2"], None).await.unwrap();
        assert_eq!((less.status(), names(&less), less.partly_refunded()), ("confirmed", vec!["A-1", "A-3"], 5_000));
        assert_eq!(bench.taken(), 10_000);
        later(2).await;
        assert!(hold(&bench, &office, seats(&["A-2"])).await.is_ok(), "its seat is free");
        // An amount, and a seat for less than it was worth.
        refund_part(&office, booking.id, &[], Some(300)).await.unwrap();
        refund_part(&office, booking.id, &["A-1"], Some(4_000)).await.unwrap();
        assert_eq!(bench.taken(), 5_700);
        later(2).await;
        let story = bench.story(booking.id).await;
        let parts = story.iter().filter(|name| **name == "PaymentPartlyRefunded").count();
        assert_eq!((parts, story.last().copied()), (3, Some("PaymentPartlyRefunded")));
        // The rest, under the next number.
        let all = office.refund(booking.id, "admin").await.unwrap();
        assert_eq!((all.status(), bench.taken()), ("refunded", 0));
        later(800).await;
        assert_settled(&bench, "parts, then all").await;
    });
}

#[test]
fn what_can_not_be_given_back_in_part_is_refused_by_name() {
    in_virtual_time(async |bench, gateways| {
        let office = bench.open().await;
        let held = hold_as(&bench, &office, "ann", seats(&["A-1", "A-2"])).await.unwrap().booking;
        let refund = async |labels: &[&str], amount| code(refund_part(&office, held.id, labels, amount).await);
        assert_eq!(refund(&["A-1"], None).await, "not_confirmed");
        pay(&office, &held, "pm_card_visa").await.unwrap();
        assert_eq!(refund(&["A-1", "A-2"], None).await, "refunds_all");
        assert_eq!(refund(&[], Some(10_000)).await, "refunds_all");
        assert_eq!(refund(&[], Some(10_001)).await, "invalid_refund");
        assert_eq!(refund(&["A-1"], Some(5_001)).await, "invalid_refund");
        assert_eq!(refund(&[], Some(0)).await, "invalid_refund");
        assert_eq!(refund(&["B-1"], None).await, "not_owner");
        assert_eq!(refund(&["A-1", "A-1"], None).await, "duplicate_seats");
        // One at a time, and none beside a whole one.
        gateways.faulty.fail_all(GatewayCall::Refund, Some(GatewayCallFault::Unavailable));
        let waiting = refund_part(&office, held.id, &["A-1"], None).await.unwrap();
        assert!(waiting.refund_under_way().is_some() && names(&waiting) == ["A-1", "A-2"]);
        assert_eq!(refund(&[], Some(1)).await, "refund_in_progress");
        assert_eq!(code(office.refund(held.id, "admin").await), "refund_in_progress");
        gateways.faulty.fail_all(GatewayCall::Refund, None);
        later(60).await;
        assert_eq!((names(&now(&office, held.id).await), bench.taken()), (vec!["A-2"], 5_000));
        // It has 5,000 left, and one seat.
        assert_eq!(refund(&["A-2"], None).await, "refunds_all");
        assert_eq!(refund(&[], Some(5_000)).await, "refunds_all");
        assert_settled(&bench, "refused").await;
    });
}

/// The gateway refuses it for good, and a person decides: try again, the money went another way, or not at all.
#[test]
fn a_refused_part_waits_for_a_person_and_is_never_stuck() {
    in_virtual_time(async |bench, gateways| {
        let office = bench.open().await;
        let review = async |booking, outcome| {
            let reason = "looked at the dashboard".to_owned();
            office.review(booking, ReviewRequest { outcome, reason, origin: "admin".into() }).await
        };
        let ends = [
            (Review::Continue, PartialRefundState::Made, vec!["2"], 5_000),
            (Review::ReturnedElsewhere, PartialRefundState::ReturnedElsewhere, vec!["2"], 10_000),
            (Review::Abandoned, PartialRefundState::Abandoned, vec!["1", "2"], 10_000),
        ];
        for ((outcome, end, left, kept), row) in ends.into_iter().zip(["A", "A", "B"]) {
            let first = if outcome == Review::ReturnedElsewhere { [3, 4] } else { [1, 2] };
            let labels = first.map(|n| format!("{row}-{n}"));
            let labels = labels.each_ref().map(String::as_str);
            let booking = hold(&bench, &office, seats(&labels)).await.unwrap().booking;
            pay(&office, &booking, "pm_card_visa").await.unwrap();
            let before = bench.taken();
            gateways.refuses.store(true, Ordering::SeqCst);
            let flagged = refund_part(&office, booking.id, &labels[..1], None).await.unwrap();
            assert!(flagged.flagged && flagged.refund_under_way().is_some());
            later(700).await;
            assert_eq!(names(&now(&office, booking.id).await), labels, "it keeps its seats");
            assert_eq!(code(refund_part(&office, booking.id, &[], Some(1)).await), "payment_under_review");
            assert_eq!(code(office.refund(booking.id, "admin").await), "refund_in_progress");
            // A node that starts knows of it, and leaves it to the person, too.
            let fresh = bench.node().await;
            later(60).await;
            assert!(now(&fresh, booking.id).await.flagged);
            gateways.refuses.store(false, Ordering::SeqCst);
            let reviewed = review(booking.id, outcome).await.unwrap();
            later(5).await;
            let after = now(&fresh, booking.id).await;
            assert!(!after.flagged && !reviewed.flagged);
            assert_eq!((after.partial_refunds[0].state, after.seats().len()), (end, left.len()), "{outcome:?}");
            assert_eq!(bench.taken() - before, kept - 10_000, "{outcome:?}");
            assert_eq!(hold(&bench, &office, seats(&labels[..1])).await.is_ok(), left.len() == 1, "{outcome:?}");
            // And all that is left can be returned; what went another way stays at the gateway.
            let all = office.refund(booking.id, "admin").await.unwrap();
            assert_eq!(all.status(), "refunded");
            let kept = if outcome == Review::ReturnedElsewhere { 5_000 } else { 0 };
            assert_eq!(bench.taken() - (before - 10_000), kept, "{outcome:?}");
        }
        later(800).await;
        assert_safe(&bench, "reviews of parts").await;
    });
}

/// The gateway has made the refund that it seemed to refuse. A person can't undo that, whatever they say.
#[test]
fn a_refused_part_that_the_gateway_has_made_is_recorded_as_made() {
    in_virtual_time(async |bench, gateways| {
        let office = bench.open().await;
        let review = async |booking, outcome| {
            let reason = "looked at the dashboard".to_owned();
            office.review(booking, ReviewRequest { outcome, reason, origin: "admin".into() }).await
        };
        for (outcome, labels) in [(Review::Abandoned, ["A-1", "A-2"]), (Review::ReturnedElsewhere, ["B-1", "B-2"])] {
            let booking = sold(&bench, &office, &labels).await;
            [&gateways.refuses, &gateways.makes_refused].into_iter().for_each(|set| set.store(true, Ordering::SeqCst));
            assert!(refund_part(&office, booking.id, &labels[..1], None).await.unwrap().flagged);
            [&gateways.refuses, &gateways.makes_refused].into_iter().for_each(|set| set.store(false, Ordering::SeqCst));
            assert_eq!(bench.taken(), 5_000);
            // Without the gateway nobody knows, and nothing is written.
            let events = bench.history().await.len();
            gateways.faulty.fail_all(GatewayCall::Retrieve, Some(GatewayCallFault::Unavailable));
            let unknown = review(booking.id, outcome).await;
            assert!(matches!(unknown, Err(CommandError::Failed(Fault::Unavailable(_)))), "{unknown:?}");
            assert_eq!(bench.history().await.len(), events);
            gateways.faulty.fail_all(GatewayCall::Retrieve, None);
            let reviewed = review(booking.id, outcome).await.unwrap();
            assert_eq!((reviewed.flagged, reviewed.partial_refunds[0].state), (false, PartialRefundState::Made), "{outcome:?}");
            assert_eq!(names(&reviewed), labels[1..]);
            later(5).await;
            let freed = hold(&bench, &office, seats(&labels[..1])).await.unwrap().booking;
            office.cancel(freed.id, "ann").await.unwrap();
            // All that is left, and no more.
            assert_eq!(office.refund(booking.id, "admin").await.unwrap().status(), "refunded");
            assert_eq!(bench.taken(), 0, "{outcome:?}");
        }
        later(800).await;
        assert_safe(&bench, "parts that were made").await;
    });
}

/// 50 people at two nodes give back the same seat. One returns its money.
#[test]
fn of_fifty_refunds_of_a_seat_one_returns_money() {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = TestBench::new(atomic);
            let nodes = [bench.open().await, bench.node().await];
            let booking = sold(&bench, &nodes[0], &["A-1", "A-2"]).await;
            let refunds = (0..50).map(|n| refund_part(&nodes[n % 2], booking.id, &["A-1"], None));
            let done = join_all(refunds).await;
            let made = done.iter().filter(|refund| refund.is_ok()).count();
            assert_eq!(made, 1);
            for refused in done.into_iter().filter(Result::is_err) {
                assert!(["not_owner", "refund_in_progress"].contains(&code(refused)));
            }
            later(60).await;
            assert_eq!(bench.taken(), 5_000);
            assert_settled(&bench, "fifty at once").await;
        });
    }
}

/// A repeat of a command is the same refund, on every node; another command is another refund.
#[test]
fn a_repeat_of_a_command_is_the_same_refund() {
    in_virtual_time(async |bench, _| {
        let nodes = [bench.open().await, bench.node().await];
        let booking = sold(&bench, &nodes[0], &["A-1", "A-2"]).await;
        let send = async |node: &BoxOffice, command: u8| {
            let origin = Origin::from("staff").repeatable(Some(CommandId::new([command; 16])));
            node.refund_part(booking.id, PartialRefundRequest { seats: vec![], amount: Some(400), origin }).await
        };
        for node in [0, 1, 0] {
            send(&nodes[node], 1).await.unwrap();
            later(1).await;
        }
        assert_eq!(bench.taken(), 9_600);
        send(&nodes[1], 2).await.unwrap();
        later(5).await;
        assert_eq!(bench.taken(), 9_200);
        assert_settled(&bench, "repeats").await;
    });
}

/// The gateway's answer is lost again and again: the refund is finished from the log, once.
#[test]
fn an_answer_that_is_lost_returns_no_money_twice() {
    in_virtual_time(async |bench, gateways| {
        let office = bench.open().await;
        let booking = sold(&bench, &office, &["A-1", "A-2"]).await;
        gateways.faulty.fail_all(GatewayCall::Refund, Some(GatewayCallFault::AnswerLost));
        let waiting = refund_part(&office, booking.id, &["A-1"], None).await.unwrap();
        assert!(waiting.refund_under_way().is_some());
        assert_eq!(bench.taken(), 5_000, "the gateway has made it");
        drop(office);
        // For longer than the gateway remembers the request.
        later(25 * 3600).await;
        let office = bench.node().await;
        gateways.faulty.fail_all(GatewayCall::Refund, None);
        later(120).await;
        assert_eq!((bench.taken(), names(&now(&office, booking.id).await)), (5_000, vec!["A-2"]));
        assert_settled(&bench, "lost answers").await;
    });
}

#[test]
fn seats_given_back_leave_the_buyers_limit_and_the_account() {
    in_virtual_time(async |bench, _| {
        let office = bench.open().await;
        let booking = sold(&bench, &office, &["A-1", "A-2", "A-3", "A-4", "A-5"]).await;
        let five = ["B-1", "B-2", "B-3", "B-4", "B-5"];
        assert_eq!(code(hold_as(&bench, &office, "ann", seats(&five)).await), "buyer_limit", "8 are allowed");
        refund_part(&office, booking.id, &["A-1"], None).await.unwrap();
        later(2).await;
        refund_part(&office, booking.id, &["A-2"], None).await.unwrap();
        later(2).await;
        let started = bench.node().await;
        for office in [&office, &started] {
            let again = hold_as(&bench, office, "ann", seats(&five)).await.unwrap().booking;
            office.cancel(again.id, "ann").await.unwrap();
            later(2).await;
        }
        let account = async || {
            let history = bench.history().await;
            history.iter().filter(|e| e.stream.category() == "loyalty").map(|e| e.event.name()).collect::<Vec<_>>()
        };
        assert_eq!(account().await, ["PointsEarned", "VoucherIssued", "PointsRevoked", "PointsRevoked"], "three seats keep it");
        refund_part(&office, booking.id, &["A-3"], None).await.unwrap();
        later(2).await;
        assert_eq!(account().await[4..], ["PointsRevoked", "VoucherRevoked"], "two seats do not");
        office.refund(booking.id, "admin").await.unwrap();
        later(5).await;
        let history = bench.history().await;
        let revoked = history.iter().filter_map(|e| match &e.event {
            Event::PointsRevoked(e) => Some((e.refund, e.seats)),
            _ => None,
        });
        assert_eq!(revoked.collect::<Vec<_>>(), [(Some(1), 1), (Some(2), 1), (Some(3), 1), (None, 2)]);
        assert_settled(&bench, "an account").await;
    });
}

/// What shows that the tests of crashes see something: a seat that is released before its money is back.
#[test]
fn a_seat_that_is_free_before_its_money_is_back_is_noticed() {
    in_virtual_time(async |bench, gateways| {
        let office = bench.open().await;
        let booking = sold(&bench, &office, &["A-1", "A-2"]).await;
        gateways.faulty.fail_all(GatewayCall::Refund, Some(GatewayCallFault::Unavailable));
        refund_part(&office, booking.id, &["A-1"], None).await.unwrap();
        drop(office);
        assert!(unsafe_now(&bench).await.is_empty());
        let stream = StreamName::seat(&show(), &SeatId::new("A-1").unwrap());
        let last = bench.log.read_stream(&stream, None, Direction::Backwards, 1).await.unwrap().remove(0);
        let released = SeatReleased { booking: booking.id, reason: AbortReason::Refunded, block: None }.into();
        let metadata = Metadata::of_booking(booking.id, "test", bench.clock.now());
        let write = codec::encode(stream, Expected::Revision(last.revision), &[released], &metadata).unwrap();
        bench.log.append(vec![write]).await.unwrap();
        let wrong = unsafe_now(&bench).await;
        assert!(wrong.iter().any(|text| text.contains("released while its booking lives")), "{wrong:?}");
    });
}

/// Two refunds under one number: the gateway knows the first, and refuses another amount under its key.
#[test]
fn another_amount_under_a_used_number_returns_nothing() {
    in_virtual_time(async |bench, _| {
        let office = bench.open().await;
        let booking = sold(&bench, &office, &["A-1", "A-2"]).await;
        refund_part(&office, booking.id, &[], Some(100)).await.unwrap();
        let intent = booking.intent.clone().unwrap();
        let other = Money { value: 200, ..booking.amount().unwrap() };
        let again = bench.payments.refund(&intent, booking.id, 1, other).await;
        assert!(matches!(again, Err(GatewayFault::Refused { .. })), "{again:?}");
        assert_eq!(bench.taken(), 9_900);
        office.drain(Duration::from_secs(1)).await;
    });
}

#[test]
fn an_unknown_booking_has_no_parts() {
    in_virtual_time(async |bench, _| {
        let office = bench.open().await;
        assert_eq!(code(refund_part(&office, bench.new_booking(), &["A-1"], None).await), "booking_not_found");
    });
}
