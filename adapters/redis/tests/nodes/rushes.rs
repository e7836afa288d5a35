//! Many after few, with a Redis that works.

use crate::crowd::{Told, any, hold, seat};
use crate::house::{House, LogKind, SHORT_HOLD, SOON};
use crate::verdict::{assert_clean, assert_redis_needs_nobody};
use futures::future::join_all;
use lastseat_redis::testkit::RedisServer;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

async fn of_500_buyers_one_wins(kind: LogKind) {
    let Some(server) = RedisServer::start() else { return };
    for count in [2, 4] {
        let house = House::open(kind, 10, SHORT_HOLD).await;
        let what = format!("{kind:?}, {count} nodes");
        let nodes = house.nodes(count, &server.url()).await;
        let buyers = (0..500).map(|n| {
            let office = nodes[n % count].clone();
            tokio::spawn(async move { hold(&office, seat(1)).await })
        });
        let told: Vec<_> = join_all(buyers).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(told.iter().filter(|held| held.is_ok()).count(), 1, "{what}");
        for no in told.iter().filter_map(|held| held.as_ref().err()) {
            assert!(no.to_string().contains("A-1"), "{what}: {no}");
        }
        let report = assert_clean(&house, &nodes, &Told::default(), &what).await;
        assert_eq!((report.seats["booked"], report.bookings.get("aborted")), (0, Some(&1)), "{what}: held and not paid for");
        assert_redis_needs_nobody(&server, SHORT_HOLD, &what);
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
async fn of_500_buyers_of_one_seat_one_wins_over_the_door() {
    of_500_buyers_one_wins(LogKind::Door).await;
}

/// Seconds; nobody is to lose a hold by being slow on a slow machine.
const LONG_HOLD: u32 = 300;

/// Buyers who come back until everything is sold.
async fn a_large_sale(kind: LogKind, tickets: u32, buyers: u32) {
    let Some(server) = RedisServer::start() else { return };
    let house = House::open(kind, tickets, LONG_HOLD).await;
    let nodes = house.patient_nodes(4, &server.url()).await;
    let (told, started) = (Arc::new(Told::default()), Instant::now());
    let buying = (0..buyers).map(|n| {
        let (office, told) = (nodes[n as usize % 4].clone(), told.clone());
        tokio::spawn(async move {
            let mut wanted = 1 + n % 5;
            while told.sold.load(Ordering::SeqCst) < tickets {
                assert!(
                    started.elapsed() < SOON * 3,
                    "not sold: {} of {tickets}, {:?}",
                    told.sold.load(Ordering::SeqCst),
                    told.noes.lock()
                );
                if told.buy(&office, any(wanted)).await == 0 {
                    // What is left may be one of many, or somebody's who has not paid yet.
                    wanted = 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        })
    });
    for buyer in join_all(buying).await {
        buyer.unwrap();
    }
    let took = started.elapsed();
    let report = assert_clean(&house, &nodes, &told, "a large sale").await;
    assert_eq!(u64::from(tickets), report.seats["booked"]);
    assert_eq!(tickets, told.sold.load(Ordering::SeqCst));
    assert_redis_needs_nobody(&server, LONG_HOLD, "a large sale");
    println!(
        "{kind:?}: {tickets} tickets to {buyers} buyers over 4 nodes in {took:.1?}; a hold took {:.1?} (p95); refusals {:?}",
        told.p95(),
        told.noes.lock()
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
async fn exactly_all_tickets_are_sold_over_the_door() {
    a_large_sale(LogKind::Door, 1_000, 250).await;
}
