//! The seat guard over real Redis servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use lastseat_domain::testkit::seat_guard::{CASES, GuardBench};
use lastseat_engine::adapters::world::SystemClock;
use lastseat_redis::testkit::{RedisCluster, RedisServer, Sentinel};
use lastseat_redis::{Redis, RedisGuard, RedisOptions};
use std::sync::Arc;
use std::time::Duration;

/// A connection more patient than in earnest: the machine may be busy with other tests.
fn patient() -> RedisOptions {
    RedisOptions { response_timeout: Duration::from_secs(10), connect_timeout: Duration::from_secs(5), ..RedisOptions::default() }
}

/// The port's contract suite, all cases at once, so that those which wait for a lease wait together.
async fn keeps_the_contract(url: &str) {
    let guard = Arc::new(RedisGuard::new(Redis::open(url, patient()).unwrap()));
    let bench = GuardBench { guard, clock: Arc::new(SystemClock), prefix: "t".to_owned(), short: Duration::from_millis(1500) };
    let running: Vec<_> = CASES.iter().map(|(name, case)| (name, tokio::spawn(case(bench.clone())))).collect();
    let mut failed = Vec::new();
    for (name, case) in running {
        if case.await.is_err() {
            failed.push(*name);
        }
    }
    assert_eq!(failed, Vec::<&str>::new(), "over {url}");
}

#[tokio::test]
async fn over_one_server_it_keeps_the_contract() {
    let Some(server) = RedisServer::start() else { return };
    keeps_the_contract(&server.url()).await;
    assert_eq!(server.keys_without_end(), Vec::<String>::new());
}

#[tokio::test]
async fn over_a_cluster_it_keeps_the_contract() {
    let Some(cluster) = RedisCluster::start() else { return };
    keeps_the_contract(&cluster.url()).await;
    for n in 0..3 {
        assert_eq!(cluster.node(n).keys_without_end(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn over_sentinels_it_keeps_the_contract() {
    let Some(sentinel) = Sentinel::start() else { return };
    keeps_the_contract(&sentinel.url()).await;
    assert_eq!(sentinel.servers()[0].keys_without_end(), Vec::<String>::new());
}
