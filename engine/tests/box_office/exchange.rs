//! Exchanges of seats of sold bookings: exactly one gets a seat, and nobody has fewer seats than they paid for.

use crate::common;
use async_trait::async_trait;
use common::checker::{assert_safe, assert_settled};
use common::*;
use futures::future::join_all;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::{AbortReason, Event, ExchangeRequested, Fees, PricedSeat, Tender};
use lastseat_domain::plan::PriceType;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Expected, LogFault, StreamWrite, WriteOutcome};
use lastseat_domain::show::ShowChanges;
use lastseat_domain::{BlockId, BookingId, BuyerId, ChannelId, CommandId, Metadata, PriceTypeId, SeatId, StreamName, codec};
use lastseat_engine::{
    BlockRequest, BlockSelection, BoxOffice, CommandError, ExchangeRequest, HoldRequest, Origin, Paid, SeatSelection,
};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use std::sync::Arc;
use tokio::sync::Semaphore;

fn on_both_logs(test: impl AsyncFn(TestBench)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { test(TestBench::new(atomic)).await });
    }
}

/// A booking that is paid at the till.
async fn sold(bench: &TestBench, office: &BoxOffice, labels: &[&str]) -> Booking {
    let held = hold(bench, office, seats(labels)).await.unwrap().booking;
    match pay_at_till(office, held.id, Tender::Cash).await {
        Ok(Paid::Confirmed(booking)) => booking,
        other => panic!("{other:?}"),
    }
}

fn labels(booking: &Booking) -> Vec<String> {
    booking.seats().iter().map(|own| own.seat.to_string()).collect()
}

async fn now(office: &BoxOffice, booking: BookingId) -> Booking {
    office.booking(booking).await.unwrap().unwrap()
}

async fn is_free(bench: &TestBench, office: &BoxOffice, label: &str) -> bool {
    match hold(bench, office, seats(&[label])).await {
        Ok(held) => {
            office.cancel(held.booking.id, "buyer").await.unwrap();
            true
        }
        Err(_) => false,
    }
}

#[test]
fn a_booking_moves_and_its_old_seats_are_free() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        let booking = sold(&bench, &office, &["A-1", "A-2"]).await;
        let moved = exchange(&office, booking.id, &["A-1"], &["B-7"]).await.unwrap();
        assert_eq!(labels(&moved), ["A-2", "B-7"]);
        assert!(is_free(&bench, &office, "A-1").await && !is_free(&bench, &office, "B-7").await);
        let reasons: Vec<_> = bench
            .history()
            .await
            .into_iter()
            .filter_map(|e| match e.event {
                Event::SeatReleased(e) if e.booking == booking.id => Some(e.reason),
                _ => None,
            })
            .collect();
        assert_eq!(reasons, [AbortReason::Exchanged]);
        // There and back: the seat that it gave up is as good as any other.
        let back = exchange(&office, booking.id, &["B-7", "A-2"], &["A-2", "A-3"]).await;
        assert_eq!(code(back), "seat_unavailable", "a seat of its own is taken");
        assert_eq!(labels(&exchange(&office, booking.id, &["B-7"], &["A-1"]).await.unwrap()), ["A-1", "A-2"]);
        assert!(is_free(&bench, &office, "B-7").await);
        // To a cheaper place, which returns nothing by itself; and a refund returns all that was paid.
        let cheaper = exchange(&office, booking.id, &["A-1"], &["floor:3"]).await.unwrap();
        assert_eq!((labels(&cheaper), cheaper.amount()), (vec!["A-2".into(), "floor:3".into()], booking.amount()));
        assert_eq!(office.refund(booking.id, "stan").await.unwrap().status(), "refunded");
        for label in ["A-1", "A-2", "B-7"] {
            assert!(is_free(&bench, &office, label).await, "{label}");
        }
        later(700).await;
        assert_settled(&bench, "moved").await;
    });
}

#[test]
fn what_can_not_be_exchanged_is_refused_and_nothing_is_written() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["B-1"])).await.unwrap().booking;
        let other = sold(&bench, &office, &["B-2"]).await;
        let booking = sold(&bench, &office, &["A-1", "A-2"]).await;
        let cheap = hold(&bench, &office, floor(1)).await.unwrap().booking;
        pay_at_till(&office, cheap.id, Tender::Cash).await.unwrap();
        let place = labels(&cheap)[0].clone();
        let before = bench.history().await.len();
        for (id, leaves, takes, refused) in [
            (held.id, &["B-1"][..], &["A-9"][..], "booking_not_changeable"),
            (booking.id, &["A-1"], &["Z-9"], "unknown_seat"),
            (booking.id, &["A-1"], &["B-2"], "seat_unavailable"),
            (booking.id, &["A-1"], &["B-1"], "seat_unavailable"),
            (booking.id, &["B-2"], &["A-9"], "not_owner"),
            (booking.id, &["A-1"], &["A-9", "A-8"], "invalid_exchange"),
            (booking.id, &[], &[], "invalid_exchange"),
            (booking.id, &["A-1", "A-2"], &["A-9", "A-9"], "duplicate_seats"),
            (cheap.id, &[place.as_str()], &["A-9"], "exchange_costs_more"),
        ] {
            assert_eq!(code(exchange(&office, id, leaves, takes).await), refused, "{leaves:?} to {takes:?}");
        }
        assert_eq!(bench.history().await.len(), before);
        // What was refused is kept from nobody.
        for label in ["A-8", "A-9"] {
            assert!(is_free(&bench, &office, label).await, "{label}");
        }
        office.refund(other.id, "stan").await.unwrap();
        assert_eq!(code(exchange(&office, other.id, &["B-2"], &["A-9"]).await), "booking_not_changeable");
        office.cancel_show(&show(), "admin").await.unwrap();
        assert_eq!(code(exchange(&office, booking.id, &["A-1"], &["A-9"]).await), "show_cancelled");
        later(700).await;
        assert_settled(&bench, "refused").await;
    });
}

#[test]
fn new_seats_cost_what_the_show_asks_now_with_its_fees() {
    on_both_logs(async |bench| {
        let office = bench.node().await;
        let price_type = |name: &str, price| PriceType { price_type: PriceTypeId::new(name).unwrap(), price };
        let mut facts = test_show();
        facts.fees = Fees { per_seat: 100, per_booking: 0 };
        facts.categories[0].price_types = vec![price_type("adult", 5000), price_type("child", 1500)];
        office.schedule_show(facts, "admin").await.unwrap();
        let booking = sold(&bench, &office, &["A-1"]).await;
        office
            .revise_show(
                &show(),
                ShowChanges { fees: Some(Fees { per_seat: 101, per_booking: 0 }), ..ShowChanges::default() },
                None,
                "admin",
            )
            .await
            .unwrap();
        let to = |name: Option<&str>| {
            let takes = vec![(SeatId::new("A-2").unwrap(), name.map(|name| PriceTypeId::new(name).unwrap()))];
            ExchangeRequest { leaves: vec![SeatId::new("A-1").unwrap()], takes, origin: "stan".into() }
        };
        match office.exchange(booking.id, to(None)).await {
            Err(CommandError::Rejected(lastseat_domain::Rejection::ExchangeCostsMore { more })) => assert_eq!(more.value, 1),
            other => panic!("{other:?}"),
        }
        assert_eq!(code(office.exchange(booking.id, to(Some("senior"))).await), "unknown_price_type");
        let moved = office.exchange(booking.id, to(Some("child"))).await.unwrap();
        assert_eq!((moved.seats()[0].price, moved.seats()[0].fee), (1500, 101));
    });
}

/// Fifty sold bookings in row A, whose last seat is free.
async fn full_house(bench: &TestBench) -> (BoxOffice, Vec<BookingId>) {
    let office = bench.node().await;
    let mut facts = test_show();
    facts.areas[0].rows[0].seats = 51;
    office.schedule_show(facts, "admin").await.unwrap();
    let mut bookings = Vec::new();
    for n in 1..=50 {
        bookings.push(sold(bench, &office, &[&format!("A-{n}")]).await.id);
    }
    (office, bookings)
}

#[test]
fn of_fifty_exchanges_to_one_free_seat_exactly_one_wins() {
    on_both_logs(async |bench| {
        for nodes in [1, 3] {
            let bench = TestBench::new(bench.log.atomic_across_streams());
            let (office, bookings) = full_house(&bench).await;
            let mut offices = vec![office];
            while offices.len() < nodes {
                offices.push(bench.node().await);
            }
            later(1).await;
            let all = bookings.iter().zip(1..).map(|(booking, n)| {
                let (office, from) = (&offices[n % nodes], format!("A-{n}"));
                async move { exchange(office, *booking, &[&from], &["A-51"]).await }
            });
            let answers = join_all(all).await;
            let won = answers.iter().filter(|answer| answer.is_ok()).count();
            assert_eq!(won, 1, "{nodes} nodes: {answers:?}");
            for answer in answers.into_iter().filter(Result::is_err) {
                assert_eq!(code(answer), "seat_unavailable");
            }
            assert_safe(&bench, "fifty").await;
            later(100).await;
            assert_settled(&bench, "fifty").await;
            let mut free = 0;
            for (n, booking) in (1..).zip(&bookings) {
                let has = labels(&now(&offices[0], *booking).await);
                let moved = has == ["A-51"];
                assert!(moved || has == [format!("A-{n}")], "{has:?}");
                let is_free = is_free(&bench, &offices[0], &format!("A-{n}")).await;
                assert_eq!(is_free, moved, "A-{n}");
                free += u32::from(is_free);
            }
            assert_eq!(free, 1);
        }
    });
}

#[test]
fn an_exchange_a_hold_a_refund_and_another_exchange_at_the_same_moment() {
    on_both_logs(async |bench| {
        let offices = [bench.open().await, bench.node().await];
        for round in 0..6 {
            let booking = sold(&bench, &offices[0], &["A-1", "A-2"]).await;
            let (here, there) = (&offices[round % 2], &offices[(round + 1) % 2]);
            later(1).await;
            let (held, first, second, refund) = tokio::join!(
                hold(&bench, there, seats(&["B-1"])),
                exchange(here, booking.id, &["A-1"], &["B-1"]),
                exchange(there, booking.id, &["A-1"], &["B-2"]),
                async { if round > 2 { Some(here.refund(booking.id, "stan").await) } else { None } },
            );
            assert!(held.is_err() || first.is_err(), "{held:?} {first:?}");
            assert!(first.is_err() || second.is_err(), "A-1 was given up twice: {first:?} {second:?}");
            assert_safe(&bench, "a race").await;
            later(30).await;
            let found = now(here, booking.id).await;
            match refund {
                Some(Ok(_)) => assert_eq!(found.status(), "refunded"),
                Some(Err(_)) | None => assert_eq!((found.status(), found.seats().len()), ("confirmed", 2)),
            }
            here.refund(booking.id, "stan").await.unwrap();
            if let Ok(held) = held {
                here.cancel(held.booking.id, "buyer").await.unwrap();
            }
            later(30).await;
        }
        assert_settled(&bench, "races").await;
    });
}

/// Its first exchange reaches the log only when it is let through.
struct LateExchange(Arc<dyn EventLog>, Arc<Semaphore>);

#[async_trait]
impl ForwardLog for LateExchange {
    fn inner(&self) -> &dyn EventLog {
        &*self.0
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        if writes.iter().flat_map(|write| &write.events).any(|event| event.event_type == "ExchangeRequested") {
            let _permit = self.1.acquire().await.unwrap();
            return self.0.append(writes).await;
        }
        self.0.append(writes).await
    }
}

/// One request reaches two nodes. Before the slower one has appended it, it is carried out, and another is given up.
#[test]
fn a_repeated_exchange_is_not_answered_with_what_became_of_a_later_one() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        let booking = sold(&bench, &office, &["A-1"]).await;
        let let_through = Arc::new(Semaphore::new(0));
        let late = Arc::new(ForwardingLog(LateExchange(bench.log.clone(), let_through.clone())));
        let slow = TestBench {
            log: late,
            guard: bench.guard.clone(),
            payments: bench.payments.clone(),
            sandbox: bench.sandbox.clone(),
            clock: bench.clock.clone(),
            ids: bench.ids.clone(),
        };
        let slow = slow.node().await;
        later(1).await;
        let request = || ExchangeRequest {
            leaves: vec![SeatId::new("A-1").unwrap()],
            takes: vec![(SeatId::new("B-1").unwrap(), None)],
            origin: Origin::from("stan").repeatable(Some(CommandId::new([7; 16]))),
        };
        let (answer, ()) = tokio::join!(slow.exchange(booking.id, request()), async {
            later(1).await;
            assert_eq!(labels(&office.exchange(booking.id, request()).await.unwrap()), ["B-1"]);
            hold(&bench, &office, seats(&["B-2"])).await.unwrap();
            request_past_the_engine(&bench, booking.id, 2, "B-1", "B-2").await;
            office.look_at(booking.id).await;
            let_through.add_permits(1);
        });
        assert_eq!(bench.story(booking.id).await.iter().filter(|name| **name == "ExchangeAbandoned").count(), 1);
        assert_eq!(labels(&answer.unwrap()), ["B-1"]);
        later(700).await;
        assert_settled(&bench, "repeated").await;
    });
}

/// There, back, and there once more in vain: the seats say nothing about which was which.
#[test]
fn a_repeated_exchange_is_not_mistaken_for_another_between_the_same_seats() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        let booking = sold(&bench, &office, &["A-1"]).await;
        let request = |key: u8, leaves: &str, takes: &str| ExchangeRequest {
            leaves: vec![SeatId::new(leaves).unwrap()],
            takes: vec![(SeatId::new(takes).unwrap(), None)],
            origin: Origin::from("stan").repeatable(Some(CommandId::new([key; 16]))),
        };
        for (key, leaves, takes) in [(1, "A-1", "B-1"), (2, "B-1", "A-1")] {
            assert_eq!(labels(&office.exchange(booking.id, request(key, leaves, takes)).await.unwrap()), [takes]);
        }
        hold(&bench, &office, seats(&["B-1"])).await.unwrap();
        request_past_the_engine(&bench, booking.id, 3, "A-1", "B-1").await;
        office.look_at(booking.id).await;
        assert_eq!(bench.story(booking.id).await.last(), Some(&"ExchangeAbandoned"));
        for (key, leaves, takes) in [(1, "A-1", "B-1"), (2, "B-1", "A-1")] {
            let again = office.exchange(booking.id, request(key, leaves, takes)).await;
            assert_eq!(labels(&again.unwrap()), ["A-1"], "of {key}: it was made, and the booking is where it is now");
        }
        later(700).await;
        assert_settled(&bench, "to and fro").await;
    });
}

/// Writes a request for an exchange into the log, as a node does that crashes right after.
async fn request_past_the_engine(bench: &TestBench, booking: BookingId, number: u32, leaves: &str, takes: &str) {
    let (stream, history) = (StreamName::booking(booking), bench.history().await);
    let last = history.iter().rfind(|envelope| envelope.stream == stream).unwrap().revision;
    let price = history.iter().find_map(|e| match &e.event {
        Event::BookingOpened(opened) if opened.booking == booking => Some((opened.seats[0].clone(), opened.show_revision)),
        _ => None,
    });
    let (priced, show_revision) = price.unwrap();
    let requested = ExchangeRequested {
        booking,
        exchange: number,
        show_revision,
        leaves: vec![SeatId::new(leaves).unwrap()],
        takes: vec![PricedSeat { seat: SeatId::new(takes).unwrap(), ..priced }],
        by: "stan".to_owned(),
    };
    let metadata = Metadata::of_booking(booking, "test", bench.clock.now());
    let write = codec::encode(stream, Expected::Revision(last), &[requested.into()], &metadata).unwrap();
    bench.log.append(vec![write]).await.unwrap();
}

#[test]
fn a_seat_of_the_tills_block_can_be_taken_and_returns_there() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        let block = BlockRequest {
            block: BlockId(bench.new_booking().0),
            show: show(),
            selection: BlockSelection::Seats(vec![SeatId::new("B-1").unwrap()]),
            partial: false,
            reason: "Till".to_owned(),
            channel: Some(ChannelId::new("till").unwrap()),
            access_code: None,
            fingerprint: None,
            origin: "mary".into(),
        };
        office.open_block(block).await.unwrap();
        let booking = sold(&bench, &office, &["A-1"]).await;
        assert_eq!(labels(&exchange(&office, booking.id, &["A-1"], &["B-1"]).await.unwrap()), ["B-1"]);
        exchange(&office, booking.id, &["B-1"], &["A-1"]).await.unwrap();
        assert_eq!(code(hold(&bench, &office, seats(&["B-1"])).await), "seat_unavailable");
        exchange(&office, booking.id, &["A-1"], &["B-1"]).await.unwrap();
        later(700).await;
        assert_settled(&bench, "a block").await;
    });
}

#[test]
fn the_same_request_again_moves_nothing_a_second_time() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        let booking = sold(&bench, &office, &["A-1"]).await;
        let request = || ExchangeRequest {
            leaves: vec![SeatId::new("A-1").unwrap()],
            takes: vec![(SeatId::new("B-1").unwrap(), None)],
            origin: Origin::new("stan", None).repeatable(Some(CommandId::new([7; 16]))),
        };
        office.exchange(booking.id, request()).await.unwrap();
        let before = bench.history().await.len();
        // On another node, too.
        let other = bench.node().await;
        for office in [&office, &other] {
            assert_eq!(labels(&office.exchange(booking.id, request()).await.unwrap()), ["B-1"]);
        }
        assert_eq!(bench.history().await.len(), before);
    });
}

#[test]
fn points_and_limits_stay_as_they_were() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        let held = hold_as(&bench, &office, "ann", floor(5)).await.unwrap().booking;
        pay_at_till(&office, held.id, Tender::Cash).await.unwrap();
        let from = labels(&held)[0].clone();
        later(2).await;
        exchange(&office, held.id, &[&from], &["floor:20"]).await.unwrap();
        assert_eq!(code(hold_as(&bench, &office, "ann", floor(4)).await), "buyer_limit");
        office.transfer(held.id, BuyerId::new("bob").unwrap(), "stan").await.unwrap();
        // Who bought has used up the limit, and has the points; a refund takes them back where they were given.
        assert_eq!(code(hold_as(&bench, &office, "ann", floor(4)).await), "buyer_limit");
        let request = HoldRequest::new(bench.new_booking(), show(), floor(6), BuyerId::new("bob").unwrap());
        assert!(office.hold(request).await.is_ok());
        office.refund(held.id, "stan").await.unwrap();
        later(3).await;
        let accounts: Vec<_> = bench.history().await.iter().filter_map(|e| e.stream.as_loyalty()).collect();
        assert!(!accounts.is_empty() && accounts.iter().all(|buyer| buyer.as_str() == "ann"), "{accounts:?}");
        assert!(hold_as(&bench, &office, "ann", SeatSelection::Seats(vec![SeatId::new("A-1").unwrap()])).await.is_ok());
        later(700).await;
        assert_settled(&bench, "points").await;
    });
}

#[test]
fn a_booking_that_gave_a_seat_back_moves_with_the_rest() {
    on_both_logs(async |bench| {
        let office = bench.open().await;
        let booking = sold(&bench, &office, &["A-1", "A-2"]).await;
        refund_part(&office, booking.id, &["A-1"], None).await.unwrap();
        later(2).await;
        assert_eq!(code(exchange(&office, booking.id, &["A-2"], &["A-1"]).await), "invalid_exchange");
        assert!(is_free(&bench, &office, "A-1").await, "it is kept from others");
        assert_eq!(labels(&exchange(&office, booking.id, &["A-2"], &["B-7"]).await.unwrap()), ["B-7"]);
        assert!(is_free(&bench, &office, "A-2").await);
        // Who has bought it since keeps it.
        sold(&bench, &office, &["A-1"]).await;
        assert_eq!(office.refund(booking.id, "stan").await.unwrap().status(), "refunded");
        later(2).await;
        assert!(is_free(&bench, &office, "B-7").await && !is_free(&bench, &office, "A-1").await);
        later(700).await;
        assert_settled(&bench, "a part").await;
    });
}
