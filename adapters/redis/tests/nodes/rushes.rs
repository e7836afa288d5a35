//! Many buyers for few seats, with a Redis that works.

use crate::cluster::{LogKind, SHORT_HOLD, SOON, TestCluster};
use crate::crowd::{Answers, any, hold, hold_all, seat};
use crate::outcome::{assert_clean, assert_every_key_ends};
use futures::future::join_all;
use lastseat_redis_testkit::RedisServer;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

async fn of_500_buyers_one_wins(kind: LogKind) {
    let Some(server) = RedisServer::start() else { return };
    for count in [2, 4] {
        let cluster = TestCluster::open(kind, 10, SHORT_HOLD).await;
        let what = format!("{kind:?}, {count} nodes");
        let nodes = cluster.nodes(count, &server.url()).await;
        let buyers = (0..500).map(|n| {
            let office = nodes[n % count].clone();
            tokio::spawn(async move { hold(&office, seat(1)).await })
        });
        let answers: Vec<_> = join_all(buyers).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|held| held.is_ok()).count(), 1, "{what}");
        for refusal in answers.iter().filter_map(|held| held.as_ref().err()) {
            assert!(refusal.to_string().contains("A-1"), "{what}: {refusal}");
        }
        let report = assert_clean(&cluster, &nodes, &Answers::default(), &what).await;
        assert_eq!((report.seats["booked"], report.bookings.get("aborted")), (0, Some(&1)), "{what}: held and not paid for");
        assert_every_key_ends(&server, SHORT_HOLD, &what);
        server.must(&["FLUSHALL"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_buyers_of_one_seat_one_wins_over_sqlite() {
    of_500_buyers_one_wins(LogKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_buyers_of_one_seat_one_wins_over_a_log_in_memory() {
    of_500_buyers_one_wins(LogKind::Memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_buyers_of_one_seat_one_wins_over_a_log_server() {
    of_500_buyers_one_wins(LogKind::Server).await;
}

/// Batches of all 20 seats at once, each from another seat on.
async fn of_50_batches_each_seat_goes_to_one_booking(kind: LogKind) {
    let Some(server) = RedisServer::start() else { return };
    let cluster = TestCluster::open(kind, 10, SHORT_HOLD).await;
    let nodes = cluster.patient_nodes(2, &server.url()).await;
    let batches = (0..50_u32).map(|batch| {
        let office = nodes[batch as usize % 2].clone();
        tokio::spawn(async move { hold_all(&office, (0..20).map(|n| (batch + n) % 20 + 1)).await })
    });
    let answers: Vec<_> = join_all(batches).await.into_iter().flat_map(Result::unwrap).collect();
    let held = answers.iter().flatten().flat_map(|hold| hold.booking.seats()).map(|seat| &seat.seat);
    let (held, seats) = (held.clone().count(), held.collect::<BTreeSet<_>>().len());
    assert_eq!(held, seats, "{kind:?}: a seat was held twice");
    // A hold may be refused for one that loses a moment later; most seats are gone all the same.
    assert!(seats >= 10, "{kind:?}: {seats}");
    assert!(server.scripts_run() > 0);
    assert_clean(&cluster, &nodes, &Answers::default(), "batches").await;
    assert_every_key_ends(&server, SHORT_HOLD, "batches");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_50_batches_each_seat_goes_to_one_booking_over_sqlite() {
    of_50_batches_each_seat_goes_to_one_booking(LogKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_50_batches_each_seat_goes_to_one_booking_over_a_log_server() {
    of_50_batches_each_seat_goes_to_one_booking(LogKind::Server).await;
}

/// Seconds, so that no hold runs out on a slow machine.
const LONG_HOLD: u32 = 300;

/// Buyers who come back until everything is sold.
async fn a_large_sale(kind: LogKind, tickets: u32, buyers: u32) {
    let Some(server) = RedisServer::start() else { return };
    let cluster = TestCluster::open(kind, tickets, LONG_HOLD).await;
    let nodes = cluster.patient_nodes(4, &server.url()).await;
    let (answers, started) = (Arc::new(Answers::default()), Instant::now());
    let buying = (0..buyers).map(|n| {
        let (office, answers) = (nodes[n as usize % 4].clone(), answers.clone());
        tokio::spawn(async move {
            let mut quantity = 1 + n % 5;
            while answers.sold.load(Ordering::SeqCst) < tickets {
                assert!(
                    started.elapsed() < SOON * 3,
                    "not sold: {} of {tickets}, {:?}",
                    answers.sold.load(Ordering::SeqCst),
                    answers.refusals.lock()
                );
                if answers.buy(&office, any(quantity)).await == 0 {
                    // Only single units may be left, or units of holds that are not paid yet.
                    quantity = 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        })
    });
    for buyer in join_all(buying).await {
        buyer.unwrap();
    }
    let took = started.elapsed();
    let report = assert_clean(&cluster, &nodes, &answers, "a large sale").await;
    assert_eq!(u64::from(tickets), report.seats["booked"]);
    assert_eq!(tickets, answers.sold.load(Ordering::SeqCst));
    assert_every_key_ends(&server, LONG_HOLD, "a large sale");
    println!(
        "{kind:?}: {tickets} tickets to {buyers} buyers over 4 nodes in {took:.1?}; a hold took {:.1?} (p95); refusals {:?}",
        answers.p95(),
        answers.refusals.lock()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_all_tickets_are_sold_over_sqlite() {
    a_large_sale(LogKind::Sqlite, 4_350, 1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_all_tickets_are_sold_over_a_log_in_memory() {
    a_large_sale(LogKind::Memory, 1_000, 250).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_all_tickets_are_sold_over_a_log_server() {
    a_large_sale(LogKind::Server, 1_000, 250).await;
}
