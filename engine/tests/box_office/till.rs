//! Payments at the till: no gateway is asked, and a buyer never pays there and at the gateway.

use crate::common;

use common::checker::assert_settled;
use common::fault_injection::FaultPlan;
use common::*;
use lastseat_domain::block::{Access, TILL};
use lastseat_domain::booking::{Booking, BookingCommand, Phase, Review};
use lastseat_domain::event::{Event, RequestFingerprint, Tender};
use lastseat_domain::{BuyerId, ChannelId};
use lastseat_engine::{BoxOffice, Hold, HoldRequest, Paid, PayRequest, PayWith, ReviewRequest, SeatSelection};
use std::sync::atomic::Ordering;

fn on_both_logs(test: impl AsyncFn(TestBench)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { test(TestBench::new(atomic)).await });
    }
}

/// Staff hold for a buyer, or for somebody without an account.
async fn hold_at_till(bench: &TestBench, office: &BoxOffice, buyer: Option<&str>, selection: SeatSelection) -> Booking {
    let booking = bench.new_booking();
    let buyer = buyer.map_or_else(|| BuyerId::guest(booking), |name| BuyerId::new(name).unwrap());
    let access = Access { channel: Some(ChannelId::new(TILL).unwrap()), ..Access::default() };
    let request = HoldRequest::new(booking, show(), selection, buyer);
    let Hold { booking, .. } = office.hold_for_buyer(request, access, "stan").await.unwrap();
    booking
}

fn confirmed(paid: Result<Paid, lastseat_engine::CommandError>) -> Booking {
    let Ok(Paid::Confirmed(booking)) = paid else { panic!("{paid:?}") };
    booking
}

#[test]
fn cash_an_invoice_and_a_gift_are_confirmed_and_refunded_without_the_gateway() {
    on_both_logs(async |bench| {
        let (plan, end) = FaultPlan::around(&bench);
        let office = end.open().await;
        for (tender, seat, taken) in
            [(Tender::Cash, "A-1", 5000), (Tender::Invoice, "A-2", 5000), (Tender::Complimentary, "A-3", 0)]
        {
            let held = hold_at_till(&bench, &office, Some("ann"), seats(&[seat])).await;
            let paid = confirmed(pay_at_till(&office, held.id, tender).await);
            assert_eq!((paid.tender(), paid.amount().unwrap().value), (Some(tender), taken));
            let story = ["BookingOpened", "PaymentStarted", "PaymentAuthorised", "BookingCommitted", "PaymentCaptured"];
            assert_eq!(bench.story(held.id).await, story);
            assert_eq!(code(hold(&bench, &office, seats(&[seat])).await), "seat_unavailable");
            later(2).await;
            assert_eq!(office.refund(held.id, "stan").await.unwrap().status(), "refunded");
            assert!(hold(&bench, &office, seats(&[seat])).await.is_ok());
        }
        later(700).await;
        assert_eq!(plan.calls.load(Ordering::SeqCst), 0, "the gateway was called");
        let history = bench.history().await;
        let amounts = |wanted: fn(&Event) -> Option<i64>| history.iter().filter_map(|e| wanted(&e.event)).collect::<Vec<_>>();
        let captured = amounts(|event| if let Event::PaymentCaptured(e) = event { Some(e.amount.value) } else { None });
        let refunded = amounts(|event| if let Event::PaymentRefunded(e) = event { Some(e.amount.value) } else { None });
        assert_eq!((captured, refunded), (vec![5000, 5000, 0], vec![5000, 5000, 0]));
        assert_settled(&bench, "the till").await;
    });
}

#[test]
fn a_sale_at_the_till_is_the_buyers_and_its_events_name_the_seller() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        // The seller's own limit is 8 seats, and so is Ann's.
        for seat in 1..=9 {
            hold_at_till(&bench, &office, None, seats(&[&format!("A-{seat}")])).await;
        }
        let held = hold_at_till(&bench, &office, Some("ann"), floor(5)).await;
        assert_eq!(held.opened.as_ref().unwrap().channel.as_ref().map(ChannelId::as_str), Some("till"));
        assert_eq!(code(hold_as(&bench, &office, "ann", floor(4)).await), "buyer_limit");
        confirmed(pay_at_till(&office, held.id, Tender::Cash).await);
        later(2).await;
        let history = bench.history().await;
        let of_booking = |e: &&lastseat_domain::Envelope| e.stream.as_booking() == Some(held.id);
        assert!(history.iter().filter(of_booking).all(|e| e.metadata.actor == "stan"), "{history:#?}");
        let accounts: Vec<_> = history.iter().filter_map(|e| e.stream.as_loyalty()).map(|buyer| buyer.to_string()).collect();
        assert!(!accounts.is_empty() && accounts.iter().all(|buyer| buyer == "ann"), "{accounts:?}");
    });
}

#[test]
fn nobody_pays_at_the_till_and_at_the_gateway() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        // The gateway has an intent: of a declined payment, or of one that waits for the buyer.
        for (method, seat) in [("pm_card_chargeDeclined", "A-1"), ("pm_card_authenticationRequired", "A-2")] {
            let held = hold(&bench, &office, seats(&[seat])).await.unwrap().booking;
            let _refused_or_waiting = pay(&office, &held, method).await;
            assert_eq!(code(pay_at_till(&office, held.id, Tender::Cash).await), "gateway_payment_begun");
            confirmed(pay(&office, &held, "pm_card_visa").await);
            assert_eq!(code(pay_at_till(&office, held.id, Tender::Cash).await), "already_confirmed");
        }
        assert_eq!(bench.taken(), 10_000);
        let held = hold(&bench, &office, seats(&["A-3"])).await.unwrap().booking;
        confirmed(pay_at_till(&office, held.id, Tender::Cash).await);
        // What is paid is paid: the buyer's own request takes nothing, and another till takes no second payment.
        confirmed(pay(&office, &held, "pm_card_visa").await);
        assert_eq!(code(pay_at_till(&office, held.id, Tender::Cash).await), "already_confirmed");
        assert_eq!(code(pay_at_till(&office, held.id, Tender::Invoice).await), "already_confirmed");
        assert_eq!(bench.taken(), 10_000);
        later(2).await;
        assert_settled(&bench, "till and gateway").await;
    });
}

#[test]
fn the_till_and_the_gateway_at_the_same_moment_lead_to_one_payment() {
    on_both_logs(async |bench| {
        let offices = [bench.open().await, bench.node().await];
        for round in 1..=8 {
            let held = hold(&bench, &offices[0], seats(&[&format!("A-{round}")])).await.unwrap().booking;
            let (till, gateway) = tokio::join!(
                pay_at_till(&offices[round % 2], held.id, Tender::Cash),
                pay(&offices[(round + 1) % 2], &held, "pm_card_visa")
            );
            let booking = offices[0].booking(held.id).await.unwrap().unwrap();
            assert!(matches!(booking.phase, Phase::Confirmed { .. }), "{till:?} {gateway:?}");
            let at_gateway = bench.sandbox.intents().iter().any(|intent| intent.booking == held.id && intent.kept() > 0);
            assert_eq!(at_gateway, booking.tender().is_none(), "{till:?} {gateway:?}");
        }
        later(2).await;
        assert_settled(&bench, "a race of till and gateway").await;
    });
}

/// Each till that gets `confirmed` takes the cash. A repeat of the request that paid is the same payment.
#[test]
fn of_two_tills_that_confirm_a_booking_at_once_one_takes_the_cash() {
    on_both_logs(async |bench| {
        let offices = [bench.open().await, bench.node().await];
        for round in 1..=8 {
            let held = hold(&bench, &offices[0], seats(&[&format!("A-{round}")])).await.unwrap().booking;
            let at = |office: usize, key: &str| {
                let fingerprint = Some(RequestFingerprint { key: key.into(), body: "cash".into() });
                let request =
                    PayRequest { pay_with: PayWith::AtTill(Tender::Cash), return_url: None, fingerprint, origin: "stan".into() };
                offices[office].pay(held.id, request)
            };
            let (first, second) = tokio::join!(at(0, "till-1"), at(round % 2, "till-2"));
            let (paid, refused, key) = if first.is_ok() { (first, second, "till-1") } else { (second, first, "till-2") };
            confirmed(paid);
            let refused = code(refused);
            assert!(["already_confirmed", "payment_in_progress"].contains(&refused), "{refused}");
            for office in [0, 1] {
                confirmed(at(office, key).await);
            }
            assert_eq!(code(at(0, "till-3").await), "already_confirmed");
        }
        later(2).await;
        assert_settled(&bench, "two tills").await;
    });
}

#[test]
fn a_started_payment_at_the_till_is_finished_by_another_node_although_the_gateway_is_down() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        office.drain(std::time::Duration::ZERO).await;
        let request = BookingCommand::PayAtTill { now: bench.clock.now(), tender: Tender::Invoice, request: None };
        append(&bench, held.id, request).await;
        let (plan, end) = FaultPlan::around(&bench);
        for n in 0..20 {
            plan.call(n, common::fault_injection::CallFate::Unavailable);
        }
        let office = end.node().await;
        later(5).await;
        let booking = office.booking(held.id).await.unwrap().unwrap();
        assert_eq!((booking.status(), booking.tender()), ("confirmed", Some(Tender::Invoice)));
        assert_eq!(plan.calls.load(Ordering::SeqCst), 0);
        // There is nothing at the gateway that a person could have seen.
        let reason = "seen".to_owned();
        let review = ReviewRequest { outcome: Review::ReturnedElsewhere, reason, origin: "mary".into() };
        assert_eq!(office.refund(held.id, "stan").await.unwrap().status(), "refunded");
        assert_eq!(code(office.review(held.id, review).await), "not_flagged");
        assert_eq!(plan.calls.load(Ordering::SeqCst), 0);
        drop(office);
        assert_settled(&bench, "a till that crashed").await;
    });
}

/// As a node that dies right after this append leaves it.
async fn append(bench: &TestBench, id: lastseat_domain::BookingId, command: BookingCommand) {
    use lastseat_domain::ports::event_log::{Direction, Expected};
    use lastseat_domain::{Metadata, StreamName, booking, codec};
    let stream = StreamName::booking(id);
    let events = bench.log.read_stream(&stream, None, Direction::Forwards, usize::MAX).await.unwrap();
    let state = events.iter().fold(None, |state, recorded| {
        let envelope = codec::decode(recorded).unwrap().unwrap();
        booking::evolve(state, &envelope.event, envelope.metadata.at)
    });
    let decided = booking::decide(state.as_ref(), command).unwrap();
    let metadata = Metadata::of_booking(id, "test", bench.clock.now());
    let write = codec::encode(stream, Expected::after(events.len() as u64), &decided, &metadata).unwrap();
    assert!(bench.log.append(vec![write]).await.unwrap().iter().all(|outcome| outcome.is_written()));
}

#[test]
fn a_hold_that_is_over_takes_no_payment_at_the_till() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        let held = hold_at_till(&bench, &office, None, seats(&["A-1"])).await;
        later(601).await;
        assert_eq!(code(pay_at_till(&office, held.id, Tender::Cash).await), "booking_over");
        let cancelled = hold_at_till(&bench, &office, None, seats(&["A-1"])).await;
        office.cancel(cancelled.id, "stan").await.unwrap();
        assert_eq!(code(pay_at_till(&office, cancelled.id, Tender::Cash).await), "booking_over");
        let again = PayRequest { pay_with: None.into(), return_url: None, fingerprint: None, origin: "stan".into() };
        assert_eq!(code(office.pay(cancelled.id, again).await), "booking_over");
        later(2).await;
        assert_settled(&bench, "over").await;
    });
}
