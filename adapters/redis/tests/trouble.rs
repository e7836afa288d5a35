//! Faults of Redis: the guard never answers "free" or "taken" by mistake, no call hangs, and it recovers by
//! itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use common::fake::FakeRedis;
use common::{LONG, brisk_guard, guard, key, lock, owner, patient, refusal, seats, show, until_recovered, until_refused};
use lastseat_domain::ports::SeatGuard;
use lastseat_domain::ports::seat_guard::Lock;
use lastseat_redis::{Redis, RedisGuard, RedisOptions};
use lastseat_redis_testkit::{Network, Proxy, RedisCluster, RedisServer, Sentinel, ServerOptions};
use std::time::Duration;
use tokio::time::Instant;

const FRESH: Lock = Lock::Locked { fresh: 1, already: 0 };

fn is_taken(lock: &Lock) -> bool {
    matches!(lock, Lock::Taken { sold: false, .. })
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_loaded_again() {
    let Some(mut server) = RedisServer::start_with(ServerOptions { persistent: true, ..ServerOptions::default() }) else {
        return;
    };
    let guard = guard(&server.url());
    assert_eq!(lock(&guard, "ann", "A-1").await, Ok(FRESH));
    server.must(&["SCRIPT", "FLUSH"]);
    assert!(is_taken(&lock(&guard, "bob", "A-1").await.unwrap()));
    assert_eq!(lock(&guard, "bob", "A-2").await, Ok(FRESH));
    // A restart loses the scripts and keeps the keys that are on disk.
    server.stop();
    server.restart();
    assert_eq!(until_recovered(&guard, "A-1").await, Lock::Locked { fresh: 0, already: 1 });
    assert!(is_taken(&lock(&guard, "bob", "A-1").await.unwrap()));
}

#[tokio::test]
async fn a_missing_server_is_unavailable_until_it_starts() {
    let Some(mut server) = RedisServer::start() else { return };
    server.kill();
    let guard = brisk_guard(&server.url());
    for _ in 0..3 {
        refusal(&guard, "A-1").await;
    }
    server.restart();
    assert_eq!(until_recovered(&guard, "A-1").await, FRESH);
    // Killed and restarted empty.
    server.kill();
    until_refused(&guard, "A-1", "").await;
    server.restart();
    assert_eq!(until_recovered(&guard, "A-1").await, FRESH);
}

/// While it is down a call fails at once and does not wait for a reconnect.
#[tokio::test]
async fn a_call_does_not_wait_for_a_reconnect() {
    let Some(mut server) = RedisServer::start() else { return };
    server.kill();
    // With this long time-out, a call that waited for the connection would not return.
    let options = RedisOptions { response_timeout: Duration::from_secs(600), ..RedisOptions::default() };
    let guard = RedisGuard::new(Redis::open(&server.url(), options).unwrap());
    for _ in 0..100 {
        refusal(&guard, "A-1").await;
    }
}

#[tokio::test]
async fn a_stopped_server_is_unavailable_and_then_works_again() {
    let Some(server) = RedisServer::start() else { return };
    let guard = brisk_guard(&server.url());
    assert_eq!(until_recovered(&guard, "A-1").await, FRESH);
    assert_eq!(guard.trouble(), None);
    server.pause();
    assert!(refusal(&guard, "A-2").await.contains("no answer within 250ms"));
    // Long enough for the connection to be closed and a second one to fail.
    until_refused(&guard, "A-3", "no connection").await;
    server.resume();
    until_recovered(&guard, "A-3").await;
    assert_eq!(guard.trouble(), None);
    assert_eq!(server.keys_without_end(), Vec::<String>::new());
}

/// The server executes the lock when it continues, but its caller has gone on without the guard.
#[tokio::test]
async fn a_lock_that_comes_too_late_is_released() {
    let Some(server) = RedisServer::start() else { return };
    let proxy = Proxy::start(server.port()).await;
    let guard = brisk_guard(&proxy.url());
    assert_eq!(until_recovered(&guard, "A-1").await, FRESH);
    let before = server.scripts_run();
    proxy.set(Network::Delay(Duration::from_millis(400)));
    refusal(&guard, "A-2").await;
    guard.lock_any(&show(), &seats(&["A-3", "A-4"]), 1, owner("ann"), LONG).await.unwrap_err();
    // It appears and is then released.
    let is_there = |label: &str| server.must(&["EXISTS", &key(label)]) == redis::Value::Int(1);
    let started = Instant::now();
    while is_there("A-2") || is_there("A-3") || is_there("A-4") || server.scripts_run() < before + 4 {
        assert!(started.elapsed() < common::SOON, "a lock that no caller knows of stays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(is_there("A-1"), "what was locked in time stays");
}

#[tokio::test]
async fn a_failing_network_is_unavailable_until_it_recovers() {
    let Some(server) = RedisServer::start() else { return };
    let proxy = Proxy::start(server.port()).await;
    let guard = brisk_guard(&proxy.url());
    until_recovered(&guard, "A-1").await;
    for state in [Network::Delay(Duration::from_secs(2)), Network::Stall, Network::Cut, Network::Refuse, Network::Stall] {
        proxy.set(state);
        until_refused(&guard, "A-1", "").await;
        refusal(&guard, "A-1").await;
        proxy.set(Network::Pass);
        until_recovered(&guard, "A-1").await;
    }
    // Slow, but in time.
    proxy.set(Network::Delay(Duration::from_millis(10)));
    until_recovered(&guard, "A-1").await;
}

/// A connection that was cut while idle is replaced before the next call.
#[tokio::test]
async fn an_idle_connection_is_checked() {
    let Some(server) = RedisServer::start() else { return };
    let guard = guard(&server.url());
    assert_eq!(lock(&guard, "ann", "A-1").await, Ok(FRESH));
    let ours = || {
        let list: String = redis::from_redis_value(server.must(&["CLIENT", "LIST"])).unwrap();
        list.lines()
            .filter(|line| line.contains("lib-name=lastseat") || line.contains("cmd=eval") || line.contains("cmd=ping"))
            .count()
    };
    assert_eq!(ours(), 1, "one connection for all");
    server.must(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let started = Instant::now();
    // The reconnect notices it first, not a caller.
    while ours() == 0 {
        assert!(started.elapsed() < common::SOON, "it does not reconnect");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(lock(&guard, "ann", "A-1").await.is_ok());
}

/// Operators see the failure although there are no buyers.
#[tokio::test]
async fn a_server_that_dies_while_idle_is_noticed() {
    let Some(mut server) = RedisServer::start() else { return };
    let guard = guard(&server.url());
    assert_eq!(lock(&guard, "ann", "A-1").await, Ok(FRESH));
    assert_eq!(guard.trouble(), None);
    server.kill();
    let started = Instant::now();
    while !guard.trouble().is_some_and(|why| why.contains("no connection to 127.0.0.1")) {
        assert!(started.elapsed() < common::SOON, "it is not noticed: {:?}", guard.trouble());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_demoted_master_is_unavailable_until_it_is_promoted() {
    let Some(server) = RedisServer::start() else { return };
    let guard = brisk_guard(&server.url());
    until_recovered(&guard, "A-1").await;
    // A replica of a master that does not exist.
    server.must(&["REPLICAOF", "127.0.0.1", "1"]);
    until_refused(&guard, "A-2", "read-only").await;
    server.must(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(until_recovered(&guard, "A-2").await, FRESH);
}

#[tokio::test]
async fn sentinels_lead_to_the_new_master() {
    let Some(mut sentinel) = Sentinel::start() else { return };
    let guard = brisk_guard(&sentinel.url());
    until_recovered(&guard, "A-1").await;
    sentinel.stop_replication();
    until_recovered(&guard, "A-2").await;
    sentinel.servers_mut()[0].kill();
    until_refused(&guard, "A-1", "").await;
    sentinel.wait_for_master(1);
    assert_eq!(until_recovered(&guard, "A-2").await, FRESH, "what was not replicated is lost");
    assert_eq!(until_recovered(&guard, "A-1").await, Lock::Locked { fresh: 0, already: 1 }, "what was is not");
    // And back: the old one starts, becomes a replica, and is promoted by a regular failover.
    sentinel.servers()[1].must(&["CONFIG", "SET", "masterauth", ""]);
    sentinel.servers_mut()[0].restart();
    sentinel.wait_for_follower(0);
    sentinel.fail_over();
    sentinel.wait_for_master(0);
    assert!(is_taken(&{
        until_recovered(&guard, "A-1").await;
        lock(&guard, "bob", "A-1").await.unwrap()
    }));
}

#[tokio::test]
async fn sentinels_that_require_a_password_get_the_masters() {
    let Some(sentinel) = Sentinel::start() else { return };
    let url = sentinel.url();
    sentinel.set_password("s3cret");
    let why = refusal(&guard(&url), "A-1").await;
    assert!(why.contains("user or password are wrong"), "{why}");
    let url = url.replace("redis+sentinel://", "redis+sentinel://:s3cret@");
    assert_eq!(lock(&guard(&url), "ann", "A-1").await, Ok(FRESH));
}

#[tokio::test]
async fn a_full_server_is_unavailable_and_still_unlocks() {
    let Some(server) = RedisServer::start() else { return };
    let guard = guard(&server.url());
    assert_eq!(lock(&guard, "ann", "A-1").await, Ok(FRESH));
    server.must(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    server.must(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(refusal(&guard, "A-2").await.contains("out of memory"));
    let (one, two) = (seats(&["A-1"]), seats(&["A-2", "A-3"]));
    guard.lock_any(&show(), &two, 1, owner("bob"), LONG).await.unwrap_err();
    guard.mark_sold(&show(), &two, owner("bob"), LONG).await.unwrap_err();
    assert_eq!(guard.release(&show(), &one, owner("ann")).await, Ok(1), "what makes room is allowed");
    server.must(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(server.must(&["DBSIZE"]), redis::Value::Int(0), "nothing was written half");
    assert_eq!(lock(&guard, "bob", "A-2").await, Ok(FRESH));
}

#[tokio::test]
async fn a_server_that_is_busy_with_a_script_is_unavailable() {
    let config = vec!["lua-time-limit 20".to_owned()];
    let Some(server) = RedisServer::start_with(ServerOptions { config, ..ServerOptions::default() }) else { return };
    let guard = brisk_guard(&server.url());
    until_recovered(&guard, "A-1").await;
    let port = server.port();
    let endless = tokio::task::spawn_blocking(move || {
        let mut connection = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap().get_connection().unwrap();
        redis::cmd("EVAL").arg("while true do end").arg(0).query::<()>(&mut connection)
    });
    until_refused(&guard, "A-2", "busy").await;
    server.must(&["SCRIPT", "KILL"]);
    endless.await.unwrap().unwrap_err();
    until_recovered(&guard, "A-2").await;
}

#[tokio::test]
async fn a_foreign_key_makes_its_seat_unavailable() {
    let Some(server) = RedisServer::start() else { return };
    let guard = guard(&server.url());
    server.must(&["RPUSH", &key("A-1"), "no", "lock"]);
    assert!(refusal(&guard, "A-1").await.contains("something else"));
    let pair = seats(&["A-1", "A-2"]);
    guard.lock_any(&show(), &pair, 1, owner("ann"), LONG).await.unwrap_err();
    guard.extend(&show(), &pair, owner("ann"), LONG).await.unwrap_err();
    guard.release(&show(), &pair, owner("ann")).await.unwrap_err();
    // It looks like ours but never expires: none of our scripts wrote it.
    server.must(&["SET", &key("A-3"), "somebody"]);
    assert!(refusal(&guard, "A-3").await.contains("no sense"));
    // Other seats are not affected.
    assert_eq!(lock(&guard, "ann", "A-2").await, Ok(FRESH));
}

#[tokio::test]
async fn a_wrong_password_is_unavailable_until_it_is_corrected() {
    let Some(server) = RedisServer::start() else { return };
    let guard = brisk_guard(&server.url());
    until_recovered(&guard, "A-1").await;
    server.must(&["CONFIG", "SET", "requirepass", "s3cret"]);
    let wrong = RedisGuard::new(Redis::open(&format!("redis://:wrong@127.0.0.1:{}", server.port()), patient()).unwrap());
    let why = refusal(&wrong, "A-1").await;
    assert!(!why.contains("s3cret") && !why.contains("wrong@"), "{why}");
    let right = RedisGuard::new(Redis::open(&format!("redis://:s3cret@127.0.0.1:{}", server.port()), patient()).unwrap());
    assert!(lock(&right, "ann", "A-1").await.is_ok());
}

#[tokio::test]
async fn a_slot_that_moved_is_followed_and_a_broken_cluster_is_unavailable() {
    let Some(mut cluster) = RedisCluster::start() else { return };
    let guard = brisk_guard(&cluster.url());
    until_recovered(&guard, "A-1").await;
    let home = cluster.node_of(&key("A-1"));
    assert_eq!(guard.release(&show(), &seats(&["A-1"]), owner("ann")).await, Ok(1));
    // The guard learns of it from the redirect.
    let (away, third) = ((home + 1) % 3, (home + 2) % 3);
    cluster.move_slot(&key("A-1"), away);
    assert_eq!(until_recovered(&guard, "A-1").await, FRESH);
    assert_eq!(cluster.node_of(&key("A-1")), away);
    // A cluster node that is used as a single server answers with a redirect.
    let alone = common::guard(&cluster.node(home).url());
    assert!(refusal(&alone, "A-1").await.contains("redis+cluster://"));
    // The cluster needs this node.
    cluster.node_mut(third).kill();
    let far = cluster.node(home);
    let started = Instant::now();
    while cluster.is_whole_at(home) || cluster.is_whole_at(away) {
        assert!(started.elapsed() < common::SOON, "the cluster does not notice");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(far.ask(&["SET", "x", "y"]).is_err());
    until_refused(&guard, "A-1", "").await;
    cluster.node_mut(third).restart();
    assert_eq!(until_recovered(&guard, "A-1").await, Lock::Locked { fresh: 0, already: 1 });
}

/// Nodes that redirect in a circle: the number of redirects is bounded, and the result is no answer.
#[tokio::test]
async fn a_circle_of_moved_slots_is_unavailable() {
    let fake = FakeRedis::start();
    let guard = brisk_guard(&fake.cluster_url());
    fake.answers("*3\r\n:1\r\n:1\r\n:0\r\n");
    assert_eq!(until_recovered(&guard, "A-1").await, FRESH, "the fake can answer well");
    for circle in ["MOVED", "ASK"] {
        fake.answers(&format!("-{circle} 3999 127.0.0.1:{}\r\n", fake.port()));
        until_refused(&guard, "A-1", "").await;
        refusal(&guard, "A-1").await;
    }
    for error in ["-TRYAGAIN Multiple keys request during rehashing of slot", "-CLUSTERDOWN The cluster is down", ":7"] {
        fake.answers(&format!("{error}\r\n"));
        until_refused(&guard, "A-1", "").await;
        refusal(&guard, "A-1").await;
    }
    fake.answers("*3\r\n:1\r\n:1\r\n:0\r\n");
    assert_eq!(until_recovered(&guard, "A-1").await, FRESH);
}

/// Replies that no script gives, and every kind of error.
#[tokio::test]
async fn every_unusable_reply_is_unavailable() {
    let fake = FakeRedis::start();
    let guard = guard(&fake.url());
    fake.answers("*3\r\n:1\r\n:1\r\n:0\r\n");
    assert_eq!(until_recovered(&guard, "A-1").await, FRESH, "the fake can answer well");
    for reply in [
        "+OK\r\n",
        ":1\r\n",
        "$-1\r\n",
        "*0\r\n",
        "*-1\r\n",
        "$1\r\n1\r\n",
        "*1\r\n:1\r\n",
        "*3\r\n:1\r\n:2\r\n:0\r\n",
        "*3\r\n:1\r\n:-1\r\n:2\r\n",
        "*3\r\n$1\r\n1\r\n:1\r\n:0\r\n",
        "*4\r\n:0\r\n:0\r\n:1\r\n:0\r\n",
        "*4\r\n:0\r\n:2\r\n:1\r\n:0\r\n",
        "*4\r\n:0\r\n:1\r\n:-1\r\n:0\r\n",
        "*4\r\n:0\r\n:1\r\n:5\r\n:2\r\n",
        "*4\r\n:2\r\n:1\r\n:5\r\n:0\r\n",
        "-ERR what?\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
        "-CLUSTERDOWN The cluster is down\r\n",
        "-MOVED 1234 127.0.0.1:1\r\n",
        "-ASK 1234 127.0.0.1:1\r\n",
        "-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
        "-NOPERM this user has no permissions to run the 'evalsha' command\r\n",
        "-NOSCRIPT No matching script. Please use EVAL.\r\n",
        "-MISCONF Redis is configured to save RDB snapshots\r\n",
        "-NOREPLICAS Not enough good replicas to write.\r\n",
        "-BUSY Redis is busy running a script.\r\n",
        "-READONLY You can't write against a read only replica.\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
    ] {
        fake.answers(reply);
        until_refused(&guard, "A-1", "").await;
        let got = lock(&guard, "ann", "A-1").await;
        assert!(got.is_err(), "{reply:?} was taken for {got:?}");
        fake.answers("*3\r\n:1\r\n:1\r\n:0\r\n");
        assert_eq!(until_recovered(&guard, "A-1").await, FRESH, "after {reply:?}");
    }
}

/// An error that does not concern the connection keeps it open.
#[tokio::test]
async fn an_error_reply_does_not_cause_a_reconnect() {
    let fake = FakeRedis::start();
    let guard = guard(&fake.url());
    fake.answers("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    for _ in 0..50 {
        assert!(refusal(&guard, "A-1").await.contains("out of memory"));
    }
    assert_eq!(fake.connections(), 1);
}
