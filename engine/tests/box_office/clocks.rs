//! Clocks of nodes differ. Within a stream, time never goes back.

use crate::common;

use common::random_faults::{FaultRate, SeededRandom, with_random_faults};
use common::*;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::RequestFingerprint;
use lastseat_domain::{CommandId, Timestamp};
use lastseat_engine::{BoxOffice, Origin, Paid, PayRequest};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A node whose clock is set back by this many seconds, and one whose clock is right.
fn with_a_late_node(seconds: i64, test: impl AsyncFn(&TestBench, &BoxOffice, &BoxOffice)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = TestBench::new(atomic);
            let right = bench.open().await;
            let ahead = chrono::TimeDelta::seconds(-seconds);
            let clock = Arc::new(ShiftedClock { clock: bench.clock.clone(), ahead });
            let late = TestBench { clock, ..bench.clone() }.node().await;
            later(1).await;
            test(&bench, &right, &late).await;
            later(2000).await;
            assert_time_never_goes_back(&bench).await;
        });
    }
}

async fn assert_time_never_goes_back(bench: &TestBench) {
    let mut last: HashMap<_, Timestamp> = HashMap::new();
    for event in bench.history().await {
        let at = event.metadata.at;
        let before = last.insert(event.stream.clone(), at).unwrap_or(at);
        assert!(before <= at, "{} of {}@{} at {at}, after {before}", event.event.name(), event.stream, event.revision);
    }
}

#[test]
fn a_node_whose_clock_is_late_continues_where_the_stream_is() {
    with_a_late_node(60, async |bench, right, late| {
        // Opened here, extended, paid and refunded there; and the show's own stream.
        let held = hold_as(bench, right, "ann", seats(&["A-1", "A-2", "A-3"])).await.unwrap().booking;
        late.extend(held.id, "ann").await.unwrap();
        assert!(matches!(pay(late, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
        later(2).await;
        late.refund(held.id, "admin").await.unwrap();
        right.pause_sales(&show(), "admin").await.unwrap();
        late.resume_sales(&show(), "admin").await.unwrap();
        later(1).await;
        // Released here, locked again there.
        let held = hold(bench, right, seats(&["B-1"])).await.unwrap().booking;
        right.cancel(held.id, "ann").await.unwrap();
        later(1).await;
        hold(bench, late, seats(&["B-1"])).await.unwrap();
    });
}

/// Runs `test` on a node whose clock is right and one whose clock is a minute late, with a held booking,
/// for many seeds. Reads and appends take time, so that the two nodes cross each other.
fn with_crossing_nodes(test: impl AsyncFn(&TestBench, &BoxOffice, &BoxOffice, &Booking)) {
    for (atomic, seed) in (1..=30).flat_map(|seed| [(true, seed), (false, seed)]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = TestBench::new(atomic);
            bench.open().await.drain(Duration::ZERO).await;
            let (slow, _guard) = with_random_faults(&bench, &SeededRandom::new(seed), &FaultRate::default());
            let right = slow.node().await;
            let clock = Arc::new(ShiftedClock { clock: bench.clock.clone(), ahead: chrono::TimeDelta::seconds(-60) });
            let late = TestBench { clock, ..slow }.node().await;
            let held = hold(&bench, &right, seats(&["A-1", "A-2"])).await.unwrap().booking;
            later(1).await;
            test(&bench, &right, &late, &held).await;
            assert_time_never_goes_back(&bench).await;
        });
    }
}

/// Both carry the same payment through at once, and record the same steps at different times: one of the
/// two events is in the log, and what follows is not before it.
#[test]
fn two_workers_whose_clocks_differ_record_one_payment() {
    with_crossing_nodes(async |bench, right, late, held| {
        let (paid, ()) = tokio::join!(pay(right, held, "pm_lastseat_slow"), async {
            for _ in 0..3 {
                later(3).await;
                late.settle(held.id);
            }
        });
        drop(paid);
        later(60).await;
        right.refund(held.id, "admin").await.unwrap();
        late.settle(held.id);
        later(30).await;
        hold(bench, late, seats(&["A-1", "A-2"])).await.unwrap();
    });
}

/// The same keyed payment is sent to both: its event is the same on both, and stored with the time of one.
#[test]
fn two_nodes_that_execute_one_keyed_payment_record_it_in_order() {
    with_crossing_nodes(async |_, right, late, held| {
        let request = || PayRequest {
            pay_with: Some("pm_card_visa".to_owned()).into(),
            return_url: None,
            fingerprint: Some(RequestFingerprint { key: "k".to_owned(), body: "b".to_owned() }),
            origin: Origin::from("buyer").repeatable(Some(CommandId::new([7; 16]))),
        };
        let _ = tokio::join!(right.pay(held.id, request()), late.pay(held.id, request()));
        later(60).await;
    });
}
