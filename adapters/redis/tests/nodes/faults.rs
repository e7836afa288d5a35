//! A sale while something happens to Redis.

use crate::cluster::{LogKind, SHORT_HOLD, TestCluster};
use crate::crowd::Crowd;
use crate::outcome::{assert_clean, assert_every_key_ends, assert_sells, settle};
use lastseat_redis_testkit::{Network, Proxy, RedisCluster, RedisServer, Sentinel};
use std::time::Duration;

/// Concurrent buyers.
const BUYERS: u64 = 40;
/// Units on sale: more than they buy.
const UNITS: u32 = 6_000;
const NODES: usize = 3;

/// Each for both kinds of log; two of them over a log server as well, below.
macro_rules! under_fault {
    ($($name:ident),* $(,)?) => {
        mod over_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::LogKind::Sqlite).await;
            })*
        }
        mod over_a_log_in_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::LogKind::Memory).await;
            })*
        }
    };
}

under_fault!(
    a_server_that_stops_for_a_while,
    a_server_that_is_killed_and_comes_back_empty,
    a_server_that_is_flushed_again_and_again,
    a_network_that_is_slow_and_then_stalls,
    a_failover_that_loses_writes,
    a_server_that_is_full,
    a_cluster_whose_node_stops_and_dies,
);

/// Has a crowd buy while `fault` runs, then checks the outcome. `fault` waits at each step until sales go on.
async fn sell_during_fault(kind: LogKind, url: &str, what: &str, fault: impl AsyncFnOnce(&Crowd, &[lastseat_engine::BoxOffice])) {
    let what = format!("{what}, {kind:?}");
    let cluster = TestCluster::open(kind, UNITS, SHORT_HOLD).await;
    let nodes = cluster.nodes(NODES, url).await;
    let crowd = Crowd::rush(&nodes, BUYERS);
    crowd.until_sold(30, &what).await;
    fault(&crowd, &nodes).await;
    crowd.until_sold(30, &what).await;
    let answers = crowd.stop().await;
    assert_clean(&cluster, &nodes, &answers, &what).await;
    assert_sells(&nodes, &what).await;
    let report = settle(&cluster, &nodes, &what).await;
    println!("{what}: {:?}, {:?}; refusals {:?}", report.seats, report.bookings, answers.refusals.lock());
}

/// Waits until a node reports the fault, which proves that the fault has an effect.
async fn until_degraded(nodes: &[lastseat_engine::BoxOffice], what: &str) {
    let started = tokio::time::Instant::now();
    while nodes.iter().all(|node| node.status().degraded.is_empty()) {
        assert!(started.elapsed() < crate::cluster::SOON, "{what}: no node noticed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn a_server_that_stops_for_a_while(kind: LogKind) {
    let Some(server) = RedisServer::start() else { return };
    let what = "stopped";
    sell_during_fault(kind, &server.url(), what, async |crowd, nodes| {
        for _ in 0..2 {
            server.pause();
            until_degraded(nodes, what).await;
            crowd.until_sold(30, what).await;
            server.resume();
            crowd.until_sold(30, what).await;
        }
    })
    .await;
    assert_every_key_ends(&server, SHORT_HOLD, what);
}

async fn a_server_that_is_killed_and_comes_back_empty(kind: LogKind) {
    let Some(mut server) = RedisServer::start() else { return };
    let (what, url) = ("killed", server.url());
    sell_during_fault(kind, &url, what, async |crowd, nodes| {
        for _ in 0..2 {
            server.kill();
            until_degraded(nodes, what).await;
            crowd.until_sold(30, what).await;
            tokio::task::block_in_place(|| server.restart());
            crowd.until_sold(30, what).await;
        }
    })
    .await;
    assert_every_key_ends(&server, SHORT_HOLD, what);
}

async fn a_server_that_is_flushed_again_and_again(kind: LogKind) {
    let Some(server) = RedisServer::start() else { return };
    let what = "flushed";
    sell_during_fault(kind, &server.url(), what, async |crowd, _| {
        let client = redis::Client::open(server.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let flushing = tokio::spawn(async move {
            loop {
                let _ignored = redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await;
                let _also_ignored = redis::cmd("SCRIPT").arg("FLUSH").query_async::<()>(&mut connection).await;
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        });
        crowd.until_sold(200, what).await;
        flushing.abort();
    })
    .await;
    assert_every_key_ends(&server, SHORT_HOLD, what);
}

async fn a_network_that_is_slow_and_then_stalls(kind: LogKind) {
    let Some(server) = RedisServer::start() else { return };
    let (what, proxy) = ("a bad network", Proxy::start(server.port()).await);
    sell_during_fault(kind, &proxy.url(), what, async |crowd, nodes| {
        for state in [Network::Delay(Duration::from_millis(400)), Network::Stall, Network::Cut] {
            proxy.set(state);
            until_degraded(nodes, what).await;
            crowd.until_sold(30, what).await;
            proxy.set(Network::Pass);
            crowd.until_sold(30, what).await;
        }
    })
    .await;
    assert_every_key_ends(&server, SHORT_HOLD, what);
}

async fn a_failover_that_loses_writes(kind: LogKind) {
    let Some(mut sentinel) = tokio::task::block_in_place(Sentinel::start) else { return };
    let (what, url) = ("a failover", sentinel.url());
    sell_during_fault(kind, &url, what, async |crowd, nodes| {
        tokio::task::block_in_place(|| sentinel.stop_replication());
        crowd.until_sold(50, what).await;
        sentinel.servers_mut()[0].kill();
        until_degraded(nodes, what).await;
        crowd.until_sold(30, what).await;
        tokio::task::block_in_place(|| sentinel.wait_for_master(1));
    })
    .await;
    assert_every_key_ends(&sentinel.servers()[1], SHORT_HOLD, what);
}

async fn a_server_that_is_full(kind: LogKind) {
    let Some(server) = RedisServer::start() else { return };
    let what = "full";
    sell_during_fault(kind, &server.url(), what, async |crowd, nodes| {
        server.must(&["CONFIG", "SET", "maxmemory", "1"]);
        until_degraded(nodes, what).await;
        crowd.until_sold(50, what).await;
        server.must(&["CONFIG", "SET", "maxmemory", "0"]);
    })
    .await;
    assert_every_key_ends(&server, SHORT_HOLD, what);
}

async fn a_cluster_whose_node_stops_and_dies(kind: LogKind) {
    let Some(mut cluster) = tokio::task::block_in_place(RedisCluster::start) else { return };
    let (what, url) = ("a cluster", cluster.url());
    // All of a show is on one node.
    let home = cluster.node_of("seat:{test}:A-1");
    sell_during_fault(kind, &url, what, async |crowd, nodes| {
        cluster.node(home).pause();
        until_degraded(nodes, what).await;
        crowd.until_sold(30, what).await;
        cluster.node(home).resume();
        crowd.until_sold(30, what).await;
        cluster.node_mut(home).kill();
        until_degraded(nodes, what).await;
        crowd.until_sold(30, what).await;
        tokio::task::block_in_place(|| cluster.node_mut(home).restart());
    })
    .await;
    assert_every_key_ends(cluster.node(home), SHORT_HOLD, what);
}

mod over_a_log_server {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_server_that_is_killed_and_comes_back_empty() {
        super::a_server_that_is_killed_and_comes_back_empty(super::LogKind::Server).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_server_that_is_flushed_again_and_again() {
        super::a_server_that_is_flushed_again_and_again(super::LogKind::Server).await;
    }
}
