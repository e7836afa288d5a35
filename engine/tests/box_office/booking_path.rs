//! The main job on adapters in memory: hold, pay, extend, cancel, expire, refund. Every scenario
//! runs on a log with atomic appends across streams, as the embedded one, and on one without, as
//! EventStoreDB.

use crate::common;

use common::fault_injection::FaultPlan;
use common::*;
use futures::future::join_all;
use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::event::{AbortReason, Event, Fees, RequestFingerprint};
use lastseat_domain::plan::PriceType;
use lastseat_domain::ports::Ids;
use lastseat_domain::ports::event_log::Direction;
use lastseat_domain::{BookingId, BuyerId, IntentId, PriceTypeId, SeatId, StreamName};
use lastseat_engine::{HoldRequest, Paid, PayRequest, PriceTypeChoice};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Runs a scenario on both kinds of log, each in a virtual time of its own.
macro_rules! scenario {
    ($name:ident, $bench:ident, $body:block) => {
        #[test]
        fn $name() {
            for atomic in [true, false] {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
                runtime.block_on(async {
                    let $bench = TestBench::new(atomic);
                    $body
                });
            }
        }
    };
}

scenario!(hold_pay_and_the_seats_are_booked, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-2", "A-1"])).await.unwrap().booking;
    assert_eq!(held.amount().unwrap().value, 10_000);
    assert_eq!(held.seats().iter().map(|s| s.seat.as_str()).collect::<Vec<_>>(), ["A-1", "A-2"]);
    let Paid::Confirmed(booking) = pay(&office, &held, "pm_card_visa").await.unwrap() else { panic!("not confirmed") };
    assert_eq!(booking.status(), "confirmed");
    assert_eq!(bench.taken(), 10_000);
    let story = ["BookingOpened", "PaymentStarted", "PaymentAuthorised", "BookingCommitted", "PaymentCaptured"];
    assert_eq!(bench.story(held.id).await, story);
    // Paying again is answered with what is.
    assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
    assert_eq!(bench.story(held.id).await, story);
    assert_eq!(bench.taken(), 10_000);
    assert_eq!(code(hold(&bench, &office, seats(&["A-2"])).await), "seat_unavailable");
});

scenario!(each_seat_is_sold_at_the_price_of_its_type_with_the_fees, bench, {
    let office = bench.node().await;
    let price_type = |name: &str| PriceTypeId::new(name).unwrap();
    let mut facts = test_show();
    facts.fees = Fees { per_seat: 150, per_booking: 200 };
    for category in &mut facts.categories {
        let child = PriceType { price_type: price_type("child"), price: 1500 };
        category.price_types = vec![PriceType { price_type: price_type("adult"), price: category.price }, child];
    }
    office.schedule_show(facts, "admin").await.unwrap();
    let request = |selection, price_types| {
        let booking = bench.new_booking();
        let fingerprint = Some(RequestFingerprint { key: booking.to_string(), body: "body".to_owned() });
        let new = HoldRequest::new(booking, show(), selection, BuyerId::guest(booking));
        HoldRequest { price_types, fingerprint, ..new }
    };
    let of = |held: &Booking| {
        let fees =
            held.seats().iter().all(|seat| seat.fee == 150) && held.opened.as_ref().is_some_and(|opened| opened.fee == 200);
        assert!(fees, "{held:?}");
        held.seats().iter().map(|seat| (seat.price_type.as_ref().unwrap().to_string(), seat.price)).collect::<Vec<_>>()
    };
    let (adult, child) = (|price| ("adult".to_owned(), price), || ("child".to_owned(), 1500));

    let named = PriceTypeChoice::BySeat(vec![(SeatId::new("A-2").unwrap(), price_type("child"))]);
    let named = request(seats(&["A-2", "A-1"]), named);
    let held = office.hold(named.clone()).await.unwrap().booking;
    assert_eq!((of(&held), held.amount().unwrap().value), (vec![adult(5000), child()], 6500 + 2 * 150 + 200));
    let again = bench.node().await.hold(named).await.unwrap();
    assert!(again.replayed && again.booking == held, "another node gives the same answer");
    let counted = PriceTypeChoice::Counts(vec![(price_type("child"), 1), (price_type("adult"), 2)]);
    let standing = office.hold(request(floor(3), counted.clone())).await.unwrap().booking;
    let mut prices = of(&standing);
    prices.sort();
    assert_eq!((prices, standing.amount().unwrap().value), (vec![adult(2000), adult(2000), child()], 5500 + 3 * 150 + 200));
    assert_eq!(of(&office.hold(request(best(3), counted)).await.unwrap().booking), [child(), adult(5000), adult(5000)]);
    let unknown = PriceTypeChoice::Counts(vec![(price_type("senior"), 1)]);
    assert_eq!(code(office.hold(request(floor(1), unknown)).await), "unknown_price_type");

    assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
    assert_eq!(bench.taken(), held.amount().unwrap().value);
});

scenario!(a_payment_waits_for_as_few_appends_as_the_log_allows, bench, {
    bench.open().await.drain(Duration::ZERO).await;
    let (plan, outside) = FaultPlan::around(&bench);
    let office = outside.node().await;
    let held = hold_as(&outside, &office, "ann", seats(&["A-1", "A-2"])).await.unwrap().booking;
    let before = plan.appends.load(Ordering::SeqCst);
    assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
    later(1).await;
    // The start, the decision with its seats, the capture, the points. A log that writes each stream for itself: the seats
    // apart, both at once.
    let expected = if bench.log.atomic_across_streams() { 4 } else { 5 };
    assert_eq!(plan.appends.load(Ordering::SeqCst) - before, expected);
});

/// What `docs/SCALE.md` divides a store's appends a second by.
#[test]
fn a_booking_takes_as_many_appends_of_one_stream_as_the_guide_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let bench = TestBench::new(false);
        bench.open().await.drain(Duration::ZERO).await;
        let (plan, outside) = FaultPlan::around(&bench);
        let office = outside.node().await;
        for wanted in [&["A-1"][..], &["A-2", "A-3"]] {
            let before = plan.stream_writes.load(Ordering::SeqCst);
            let held = hold_as(&outside, &office, "ann", seats(wanted)).await.unwrap().booking;
            assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
            later(1).await;
            // 4 and 2 for each seat; 1 for the points.
            assert_eq!(plan.stream_writes.load(Ordering::SeqCst) - before, 4 + 2 * wanted.len() as u64 + 1);
        }
        let before = plan.stream_writes.load(Ordering::SeqCst);
        hold_as(&outside, &office, "ann", seats(&["B-1"])).await.unwrap();
        later(620).await;
        assert_eq!(plan.stream_writes.load(Ordering::SeqCst) - before, 4, "opened, locked, aborted, released");
    });
}

scenario!(a_decision_that_comes_too_late_sells_no_seat, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    later(598).await;
    assert_eq!(code(pay(&office, &held, "pm_lastseat_slow").await), "booking_over");
    let seat = StreamName::seat(&show(), &SeatId::new("A-1").unwrap());
    let events = bench.log.read_stream(&seat, None, Direction::Forwards, 10).await.unwrap();
    let story: Vec<_> = events.iter().map(|e| e.event_type.as_str()).collect();
    assert_eq!(story, ["SeatLocked", "SeatReleased"]);
});

scenario!(of_500_buyers_of_one_seat_one_wins, bench, {
    let office = bench.open().await;
    let holds = join_all((0..500).map(|_| hold(&bench, &office, seats(&["A-1"])))).await;
    assert_eq!(holds.iter().filter(|h| h.is_ok()).count(), 1);
    assert!(holds.into_iter().filter(Result::is_err).all(|h| code(h) == "seat_unavailable"));
});

scenario!(an_area_sells_exactly_its_capacity, bench, {
    let office = bench.open().await;
    let holds = join_all((0..300).map(|_| hold(&bench, &office, floor(1)))).await;
    assert_eq!(holds.iter().filter(|h| h.is_ok()).count(), 20);
    assert!(holds.into_iter().filter(Result::is_err).all(|h| code(h) == "sold_out"));
});

scenario!(best_available_sits_side_by_side_and_never_overlaps, bench, {
    let office = bench.open().await;
    let holds = join_all((0..20).map(|_| hold(&bench, &office, best(3)))).await;
    let mut all = Vec::new();
    for held in holds.iter().flatten() {
        let numbers: Vec<u32> = held.booking.seats().iter().map(|s| s.seat.as_str()[2..].parse().unwrap()).collect();
        let (low, high) = (numbers.iter().min().unwrap(), numbers.iter().max().unwrap());
        assert_eq!((numbers.len(), high - low), (3, 2), "{:?}", held.booking.seats());
        all.extend(held.booking.seats().iter().map(|s| s.seat.clone()));
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
    assert!(count >= 12, "two rows of ten have room for at least four threes, however they fall");
    assert_eq!(code(hold(&bench, &office, best(6)).await), "seat_unavailable");
});

scenario!(several_seats_all_or_nothing, bench, {
    let office = bench.open().await;
    hold(&bench, &office, seats(&["A-2"])).await.unwrap();
    assert_eq!(code(hold(&bench, &office, seats(&["A-1", "A-2", "A-3"])).await), "seat_unavailable");
    assert!(hold(&bench, &office, seats(&["A-1", "A-3"])).await.is_ok());
});

scenario!(what_is_asked_for_is_checked, bench, {
    let office = bench.open().await;
    assert_eq!(code(hold(&bench, &office, seats(&["A-1", "A-1"])).await), "duplicate_seats");
    assert_eq!(code(hold(&bench, &office, seats(&["Z-1"])).await), "unknown_seat");
    assert_eq!(code(hold(&bench, &office, seats(&["floor:1"])).await), "unknown_seat");
    assert_eq!(code(hold(&bench, &office, seats(&[])).await), "invalid_quantity");
    assert_eq!(code(hold(&bench, &office, floor(0)).await), "invalid_quantity");
    assert_eq!(code(hold(&bench, &office, floor(u32::MAX)).await), "too_many_seats");
    assert_eq!(code(hold(&bench, &office, best(7)).await), "too_many_seats");
});

scenario!(a_buyer_may_have_so_many_and_no_more, bench, {
    let office = bench.open().await;
    let holds = join_all((0..5).map(|_| hold_as(&bench, &office, "ann", floor(3)))).await;
    assert_eq!(holds.iter().filter(|h| h.is_ok()).count(), 2, "8 are allowed, so two threes");
    let first = holds.iter().flatten().next().unwrap().booking.clone();
    assert_eq!(code(hold_as(&bench, &office, "ann", floor(3)).await), "buyer_limit");
    office.cancel(first.id, "ann").await.unwrap();
    assert!(hold_as(&bench, &office, "ann", floor(3)).await.is_ok());
    assert!(hold_as(&bench, &office, "bob", floor(3)).await.is_ok());
});

scenario!(a_refund_gives_the_buyer_their_share_back_here_and_after_a_restart, bench, {
    let office = bench.open().await;
    let held = hold_as(&bench, &office, "ann", floor(6)).await.unwrap().booking;
    pay(&office, &held, "pm_card_visa").await.unwrap();
    later(1).await;
    assert_eq!(code(hold_as(&bench, &office, "ann", floor(6)).await), "buyer_limit");
    office.refund(held.id, "admin").await.unwrap();
    later(1).await;
    let again = hold_as(&bench, &office, "ann", floor(6)).await.unwrap().booking;
    office.cancel(again.id, "ann").await.unwrap();
    let fresh = bench.node().await;
    assert!(hold_as(&bench, &fresh, "ann", floor(6)).await.is_ok());
});

scenario!(a_hold_that_is_not_paid_ends_by_itself, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    later(599).await;
    assert_eq!(code(hold(&bench, &office, seats(&["A-1"])).await), "seat_unavailable");
    later(2).await;
    assert_eq!(bench.story(held.id).await, ["BookingOpened", "BookingAborted"]);
    assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
    assert_eq!(code(pay(&office, &held, "pm_card_visa").await), "booking_over");
    assert_eq!(bench.taken(), 0);
});

scenario!(a_hold_is_extended_once, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    let extended = office.extend(held.id, "buyer").await.unwrap();
    assert_eq!(extended.expires_at.unwrap() - held.expires_at.unwrap(), chrono::TimeDelta::seconds(600));
    assert_eq!(code(office.extend(held.id, "buyer").await), "already_extended");
    later(1100).await;
    assert_eq!(code(hold(&bench, &office, seats(&["A-1"])).await), "seat_unavailable");
    later(101).await;
    assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
});

scenario!(cancelling_frees_the_seats_at_once, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1", "B-1"])).await.unwrap().booking;
    assert_eq!(office.cancel(held.id, "buyer").await.unwrap().status(), "aborted");
    assert_eq!(office.cancel(held.id, "buyer").await.unwrap().status(), "aborted");
    assert!(hold(&bench, &office, seats(&["A-1", "B-1"])).await.is_ok());
});

scenario!(a_decline_leaves_the_hold_open_for_another_method, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    assert_eq!(code(pay(&office, &held, "pm_card_chargeDeclined").await), "payment_declined");
    assert_eq!(code(pay(&office, &held, "pm_nonsense").await), "invalid_payment_method");
    assert_eq!(code(hold(&bench, &office, seats(&["A-1"])).await), "seat_unavailable");
    assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
    assert_eq!(bench.taken(), 5_000);
});

scenario!(the_buyer_acts_at_their_bank_and_comes_back, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    let Paid::ActionRequired { booking, .. } = pay(&office, &held, "pm_card_authenticationRequired").await.unwrap() else {
        panic!("no action required")
    };
    assert_eq!(booking.status(), "action_required");
    // Asked again before the buyer acted: the same answer, no second attempt.
    assert!(matches!(pay(&office, &held, "pm_card_authenticationRequired").await, Ok(Paid::ActionRequired { .. })));
    let intent: IntentId = office.booking(held.id).await.unwrap().unwrap().intent.unwrap();
    bench.sandbox.authenticate(&intent, true).await.unwrap();
    let request = PayRequest { pay_with: None.into(), return_url: None, fingerprint: None, origin: "buyer".into() };
    assert!(matches!(office.pay(held.id, request).await, Ok(Paid::Confirmed(_))));
    assert_eq!(bench.story(held.id).await.iter().filter(|e| **e == "PaymentStarted").count(), 1);
});

scenario!(a_buyer_who_never_acts_at_the_bank_loses_the_hold_and_no_money, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    pay(&office, &held, "pm_card_authenticationRequired").await.unwrap();
    later(620).await;
    assert_eq!(
        bench.story(held.id).await,
        ["BookingOpened", "PaymentStarted", "PaymentActionRequired", "BookingAborted", "PaymentVoided"]
    );
    assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
    assert_eq!(bench.taken(), 0);
});

scenario!(a_payer_whose_hold_lapsed_meanwhile_is_not_confirmed_and_not_charged, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    later(598).await;
    // The gateway answers after three seconds: one too late.
    assert_eq!(code(pay(&office, &held, "pm_lastseat_slow").await), "booking_over");
    later(30).await;
    assert_eq!(bench.taken(), 0);
    assert_eq!(bench.story(held.id).await.last(), Some(&"PaymentVoided"));
    assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
});

scenario!(lost_answers_of_the_gateway_charge_once, bench, {
    let office = bench.open().await;
    for (seat, method) in
        [("A-1", "pm_lastseat_answerLost"), ("A-2", "pm_lastseat_captureAnswerLost"), ("A-3", "pm_lastseat_slow")]
    {
        let held = hold(&bench, &office, seats(&[seat])).await.unwrap().booking;
        assert!(matches!(pay(&office, &held, method).await, Ok(Paid::Confirmed(_))), "{method}");
    }
    assert_eq!(bench.taken(), 15_000);
});

scenario!(a_failed_capture_frees_the_seat_and_charges_nobody, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    assert_eq!(code(pay(&office, &held, "pm_lastseat_captureFails").await), "capture_failed");
    later(1).await;
    let booking = office.booking(held.id).await.unwrap().unwrap();
    assert_eq!(booking.phase, Phase::Aborted { reason: AbortReason::CaptureFailed });
    assert_eq!(bench.taken(), 0);
    assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
});

scenario!(a_gateway_that_is_down_leaves_the_answer_open_and_the_hold_ends_in_time, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    assert!(matches!(pay(&office, &held, "pm_lastseat_unavailable").await, Ok(Paid::Pending(_))));
    later(620).await;
    assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
    assert_eq!(bench.taken(), 0);
});

scenario!(a_refund_returns_the_money_and_frees_the_seats_once, bench, {
    let office = bench.open().await;
    let held = hold_as(&bench, &office, "ann", seats(&["A-1", "A-2", "A-3"])).await.unwrap().booking;
    assert_eq!(code(office.refund(held.id, "admin").await), "not_confirmed");
    pay(&office, &held, "pm_card_visa").await.unwrap();
    later(1).await;
    for _ in 0..2 {
        assert_eq!(office.refund(held.id, "admin").await.unwrap().status(), "refunded");
    }
    later(1).await;
    assert_eq!(bench.taken(), 0);
    assert!(hold(&bench, &office, seats(&["A-1", "A-2", "A-3"])).await.is_ok());
    let loyalty = bench.history().await.into_iter().filter(|e| e.stream.category() == "loyalty");
    let names: Vec<_> = loyalty.map(|e| e.event.name()).collect();
    assert_eq!(names, ["PointsEarned", "VoucherIssued", "PointsRevoked", "VoucherRevoked"]);
});

scenario!(rewards_follow_the_capture_once, bench, {
    let office = bench.open().await;
    for _ in 0..4 {
        let held = hold_as(&bench, &office, "ann", best(2)).await.unwrap().booking;
        pay(&office, &held, "pm_card_visa").await.unwrap();
    }
    assert_eq!(code(hold_as(&bench, &office, "ann", best(2)).await), "buyer_limit");
    let held = hold_as(&bench, &office, "bob", floor(3)).await.unwrap().booking;
    pay(&office, &held, "pm_card_visa").await.unwrap();
    later(1).await;
    // A second node reads the same log from the start and finds nothing left to give.
    let _second = bench.node().await;
    later(30).await;
    let history = bench.history().await;
    let points: u32 =
        history.iter().filter_map(|e| if let Event::PointsEarned(p) = &e.event { Some(p.points) } else { None }).sum();
    assert_eq!(points, 110);
    assert_eq!(history.iter().filter(|e| matches!(e.event, Event::VoucherIssued(_))).count(), 1, "bob's booking of three");
});

scenario!(the_same_request_twice_is_one_booking, bench, {
    let office = bench.open().await;
    let fingerprint = |body: &str| Some(RequestFingerprint { key: "k".to_owned(), body: body.to_owned() });
    let booking = BookingId::from_key("ann", "key-1");
    let request = |selection, body| HoldRequest {
        fingerprint: fingerprint(body),
        ..HoldRequest::new(booking, show(), selection, BuyerId::new("ann").unwrap())
    };
    let first = office.hold(request(floor(2), "a")).await.unwrap();
    let second = office.hold(request(floor(2), "a")).await.unwrap();
    assert!(!first.replayed && second.replayed);
    assert_eq!(first.booking, second.booking);
    assert_eq!(code(office.hold(request(floor(3), "b")).await), "idempotency_key_reused");
    // Nothing of the repeats is left on any seat: all others can be had.
    let rest = join_all((0..18).map(|_| hold(&bench, &office, floor(1)))).await;
    assert!(rest.iter().all(Result::is_ok));
    assert_eq!(code(hold(&bench, &office, floor(1)).await), "sold_out");
    // Another node, later, gives the same answer.
    let third = bench.node().await.hold(request(floor(2), "a")).await.unwrap();
    assert_eq!(third.booking, first.booking);
});

scenario!(the_same_payment_request_twice_is_one_attempt, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    let request = |method: &str| PayRequest {
        pay_with: Some(method.to_owned()).into(),
        return_url: None,
        fingerprint: Some(RequestFingerprint { key: "k1".to_owned(), body: method.to_owned() }),
        origin: "buyer".into(),
    };
    for _ in 0..3 {
        assert_eq!(code(office.pay(held.id, request("pm_card_chargeDeclined")).await), "payment_declined");
    }
    assert_eq!(code(office.pay(held.id, request("pm_card_visa")).await), "idempotency_key_reused");
    assert_eq!(bench.story(held.id).await, ["BookingOpened", "PaymentStarted", "PaymentDeclined"]);
});

scenario!(a_paused_show_takes_no_holds_and_a_cancelled_one_no_payments, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    office.pause_sales(&show(), "admin").await.unwrap();
    assert_eq!(code(hold(&bench, &office, seats(&["A-2"])).await), "sales_paused");
    office.resume_sales(&show(), "admin").await.unwrap();
    assert!(hold(&bench, &office, seats(&["A-2"])).await.is_ok());
    office.cancel_show(&show(), "admin").await.unwrap();
    assert_eq!(code(hold(&bench, &office, seats(&["A-3"])).await), "show_cancelled");
    assert_eq!(code(pay(&office, &held, "pm_card_visa").await), "booking_over");
    assert_eq!(bench.taken(), 0);
});

scenario!(a_hold_of_a_cancelled_show_can_not_be_extended, bench, {
    let office = bench.open().await;
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    let ended = hold(&bench, &office, seats(&["A-2"])).await.unwrap().booking;
    office.cancel(ended.id, "buyer").await.unwrap();
    office.cancel_show(&show(), "admin").await.unwrap();
    assert_eq!(code(office.extend(held.id, "buyer").await), "show_cancelled");
    assert_eq!(bench.story(held.id).await, ["BookingOpened"]);
    assert_eq!(code(office.extend(ended.id, "buyer").await), "booking_over");
});

scenario!(commands_on_a_booking_that_does_not_exist_are_refused, bench, {
    let office = bench.open().await;
    let nobody = BookingId(bench.ids.uuid());
    assert!(office.booking(nobody).await.unwrap().is_none());
    assert_eq!(code(office.extend(nobody, "x").await), "booking_not_found");
    assert_eq!(code(office.cancel(nobody, "x").await), "booking_not_found");
    assert_eq!(code(office.refund(nobody, "x").await), "booking_not_found");
});
