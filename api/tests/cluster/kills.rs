//! kill -9 of nodes and of the log's process at random moments under load.

use crate::buyers::{Fact, Ledger, Market, Rng};
use crate::check;
use crate::nodes::Cluster;
use crate::support::text;
use lastseat_domain::ports::Clock;
use lastseat_in_process::SystemClock;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const BUYERS: u64 = 6;
const HOLD_SECONDS: u32 = 4;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

/// Twenty rows of 50 and a floor of 2,000 places: what the buyers of `buyers.rs` expect.
pub fn big_show() -> Value {
    let rows: Vec<_> = (0..20).map(|row| json!({"row": format!("R{row}"), "seats": 50})).collect();
    json!({
        "id": "show-0", "title": "show-0", "currency": "EUR", "hold_seconds": HOLD_SECONDS,
        "categories": [{"category": "stalls", "price": 4500}, {"category": "standing", "price": 3000}],
        "areas": [
            {"area": "hall", "category": "stalls", "rows": rows},
            {"area": "floor", "category": "standing", "capacity": 2000},
        ],
    })
}

async fn kill_repeatedly(with_redis: bool, disturbances: &[&str]) {
    let cycles = number("LASTSEAT_CLUSTER_KILL_CYCLES").unwrap_or(9);
    let seed = number("LASTSEAT_KILL_SEED").unwrap_or_else(|| RandomState::new().hash_one(std::process::id()));
    eprintln!("{cycles} cycles, with Redis: {with_redis}, {disturbances:?}, LASTSEAT_KILL_SEED={seed}");
    let Some(mut cluster) = Cluster::start_on_disk(2, with_redis, disturbances).await else { return };
    cluster.put_on_sale(&big_show()).await;
    let mut rng = Rng(seed);
    let (mut ledger, mut numbers) = (Ledger::default(), 0);
    for cycle in 0..cycles {
        let market = Arc::new(Market {
            clients: cluster.clients(),
            outages: true,
            admin: cluster.admin.clone(),
            show: "show-0".to_owned(),
            ledger: Mutex::new(std::mem::take(&mut ledger)),
            stop: AtomicBool::new(false),
            numbers: AtomicU64::new(numbers),
            seed,
        });
        let mut buyers = JoinSet::new();
        let again = market.clone();
        buyers.spawn(async move { again.repeat().await });
        for _ in 0..BUYERS {
            let (market, rng) = (market.clone(), Rng(rng.next()));
            buyers.spawn(async move { market.buy(rng).await });
        }
        tokio::time::sleep(Duration::from_millis(200 + rng.below(600))).await;
        // One of the nodes, or the log they share. The others keep running.
        let victim = usize::try_from(cycle % 3).unwrap();
        if victim < cluster.nodes.len() {
            cluster.nodes.remove(victim).kill();
            tokio::time::sleep(Duration::from_millis(300)).await;
        } else {
            cluster.kill_the_log();
            tokio::time::sleep(Duration::from_millis(1_000)).await;
        }
        market.stop.store(true, Ordering::Relaxed);
        buyers.join_all().await;
        if victim < 2 {
            let node = cluster.node(victim).await;
            cluster.nodes.insert(victim, node);
        }
        let market = Arc::into_inner(market).expect("all buyers have stopped");
        (ledger, numbers) = (market.ledger.into_inner(), market.numbers.into_inner());
        assert_eq!(ledger.unexpected, Vec::<String>::new(), "cycle {cycle}, seed {seed}");
        // Every earlier answer is still true on every node.
        let recent = SystemClock.now() - chrono::TimeDelta::seconds(2 * i64::from(HOLD_SECONDS));
        let facts: Vec<(String, Fact)> =
            ledger.facts.iter().filter(|(_, fact)| fact.deadline > recent).map(|(id, fact)| (id.clone(), fact.clone())).collect();
        for node in &cluster.nodes {
            let wrong = check::false_answers(&node.client, facts.clone()).await;
            assert!(wrong.is_empty(), "cycle {cycle}, seed {seed}: {wrong:#?}");
        }
    }
    let last_deadline = ledger.facts.values().map(|fact| fact.deadline).max().unwrap();
    let rest = (last_deadline - SystemClock.now()).to_std().unwrap_or_default();
    tokio::time::sleep(rest + Duration::from_secs(1)).await;
    let started = Instant::now();
    let books = cluster.at_rest(&["show-0"]).await;
    let map = cluster.nodes[0].client.get("/v1/shows/show-0/seats").send().await.ok(200);
    let stuck = |seat: &&Value| ["locked", "in_process"].contains(&text(seat, "state"));
    assert_eq!(map["seats"].as_array().unwrap().iter().filter(stuck).count(), 0, "seed {seed}: {map}");
    for node in &cluster.nodes {
        let wrong = check::false_answers(&node.client, ledger.facts.clone()).await;
        assert!(wrong.is_empty(), "at the end, seed {seed}: {wrong:#?}");
    }
    cluster.assert_nothing_stays_in_redis();
    if !disturbances.is_empty() {
        // Of the nodes' last processes.
        assert!(cluster.metric("lastseat_slow_subscriptions_total").await > 0, "no subscription was cut");
    }
    let confirmed = ledger.count(|fact| fact.confirmed);
    eprintln!(
        "{} holds acknowledged, {confirmed} confirmations, {} requests cut off or answered 503, {} repeated; \
         {} bookings in the log, at rest {:.1?} after the last hold was over",
        ledger.facts.len(),
        ledger.cut_off,
        ledger.repeated,
        books.bookings.len(),
        started.elapsed(),
    );
    assert!(confirmed as u64 >= cycles, "only {confirmed} confirmations");
    assert!(ledger.cut_off >= cycles, "only {} requests were hit", ledger.cut_off);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost() {
    kill_repeatedly(false, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_with_redis() {
    kill_repeatedly(true, &[]).await;
}

/// The log is silent for a quarter of the time, and every burst ends subscriptions.
const DISTURBANCES: [&str; 6] = ["--disturb-live-buffer", "2", "--disturb-stall-ms", "300", "--disturb-stall-every-ms", "1200"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_while_the_log_stalls_and_cuts_subscriptions() {
    kill_repeatedly(false, &DISTURBANCES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_with_redis_while_the_log_stalls_and_cuts_subscriptions() {
    kill_repeatedly(true, &DISTURBANCES).await;
}
