//! The rate limiter over real Redis servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use lastseat_domain::Quota;
use lastseat_domain::ports::RateLimiter;
use lastseat_domain::ports::rate_limit::LimitKey;
use lastseat_in_process::SystemClock;
use lastseat_redis::{Redis, RedisLimiter, RedisOptions};
use lastseat_redis_testkit::{RedisCluster, RedisServer, Sentinel};
use lastseat_testkit::rate_limit::{CASES, LimitBench};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// A connection more patient than in earnest: the machine may be busy with other tests.
fn patient() -> RedisOptions {
    RedisOptions { response_timeout: Duration::from_secs(10), connect_timeout: Duration::from_secs(5), ..RedisOptions::default() }
}

fn limiter(url: &str) -> RedisLimiter {
    RedisLimiter::new(Redis::open(url, patient()).unwrap())
}

fn key(who: &str) -> LimitKey {
    LimitKey::new("t", &who)
}

/// The port's contract suite, all cases at once, so that those which wait wait together.
async fn keeps_the_contract(url: &str) {
    let bench = LimitBench { limiter: Arc::new(limiter(url)), clock: Arc::new(SystemClock), prefix: "t".to_owned() };
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
}

#[tokio::test]
async fn over_sentinels_it_keeps_the_contract() {
    let Some(sentinel) = Sentinel::start() else { return };
    keeps_the_contract(&sentinel.url()).await;
}

#[tokio::test]
async fn connections_share_their_counts() {
    let Some(server) = RedisServer::start() else { return };
    let nodes = [limiter(&server.url()), limiter(&server.url())];
    let quota = Quota::new(6, 86_400).unwrap();
    for n in 0..6 {
        assert!(nodes[n % 2].take(&key("both"), quota).await.unwrap().allowed, "{n}");
    }
    for node in &nodes {
        assert!(!node.take(&key("both"), quota).await.unwrap().allowed);
    }
}

#[tokio::test]
async fn a_key_ends_when_its_quota_is_full_again() {
    let Some(server) = RedisServer::start() else { return };
    let limiter = limiter(&server.url());
    let quota = Quota::new(10, 1000).unwrap();
    for _ in 0..3 {
        assert!(limiter.take(&key("ends"), quota).await.unwrap().allowed);
    }
    let redis::Value::Int(left) = server.must(&["PTTL", "limit:{t:ends}"]) else { panic!("no number") };
    // Three intervals of 100 s, less what has passed since.
    assert!((200_000..=300_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_server_that_is_gone_or_out_of_order_is_unavailable() {
    let Some(mut server) = RedisServer::start() else { return };
    let limiter = limiter(&server.url());
    let quota = Quota::new(10, 1000).unwrap();
    assert!(limiter.take(&key("gone"), quota).await.unwrap().allowed);
    server.must(&["DEL", "limit:{t:gone}"]);
    server.must(&["HSET", "limit:{t:gone}", "another's", "key"]);
    limiter.take(&key("gone"), quota).await.expect_err("a key of another kind");
    server.kill();
    let gone = limiter.take(&key("gone"), quota).await.expect_err("no server");
    assert!(gone.to_string().starts_with("the rate limiter is unavailable: "), "{gone}");
    server.restart();
    let back = || async { limiter.take(&key("gone"), quota).await.ok() };
    let mut answer = back().await;
    for _ in 0..600 {
        if answer.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        answer = back().await;
    }
    assert_eq!(answer.map(|answer| (answer.allowed, answer.remaining)), Some((true, 9)));
}

/// The script, with the time as an argument in place of the server's.
fn script_with_a_clock() -> String {
    let script = include_str!("../../../lua/gcra.lua");
    let clock = "redis.call('TIME')";
    assert_eq!(script.matches(clock).count(), 1);
    script.replace(clock, "{ARGV[3], ARGV[4]}")
}

/// One moment: the quota, the time, and what the key has, counted from now in thousandths of the
/// quota. Sometimes it is long over, sometimes further ahead than it can be.
fn moments() -> impl Strategy<Value = (Quota, u64, Option<i64>)> {
    let quotas = (prop_oneof![1..=20_u32, 1..=1_000_000_u32], prop_oneof![1..=20_u32, 1..=86_400_u32]);
    let quotas = quotas.prop_map(|(burst, seconds)| Quota::new(burst, seconds).unwrap());
    (quotas, 1_700_000_000_000_000..4_000_000_000_000_000_u64, prop::option::of(-500..1_500_i64))
}

#[test]
fn the_script_and_the_rule_agree() {
    let Some(server) = RedisServer::start() else { return };
    let connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let connection = RefCell::new(connection);
    let script = redis::Script::new(&script_with_a_clock());
    let mut runner = TestRunner::new(ProptestConfig { cases: 2_000, ..ProptestConfig::default() });
    let agreed = runner.run(&moments(), |(quota, now, ahead)| {
        let connection = &mut *connection.borrow_mut();
        let room = i64::try_from(quota.interval_micros() * u64::from(quota.burst())).unwrap();
        let had = ahead.map_or(0, |ahead| now.checked_add_signed(ahead * room / 1_000).unwrap());
        let _: () = redis::cmd("FLUSHALL").query(&mut *connection).unwrap();
        if had > 0 {
            let _: () = redis::cmd("SET").arg("k").arg(had).query(&mut *connection).unwrap();
        }
        let mut call = script.key("k");
        call.arg(quota.interval_micros()).arg(quota.burst()).arg(now / 1_000_000).arg(now % 1_000_000);
        let (allowed, remaining, more_in): (u8, u32, u64) = call.invoke(&mut *connection).unwrap();
        let kept: Option<u64> = redis::cmd("GET").arg("k").query(&mut *connection).unwrap();

        let (answer, has) = quota.take(had, now);
        prop_assert_eq!(
            (allowed == 1, remaining, Duration::from_micros(more_in)),
            (answer.allowed, answer.remaining, answer.more_in)
        );
        match kept {
            Some(kept) => prop_assert_eq!(kept, has),
            // Only what ends soon may be gone already: the server's own time goes on.
            None => prop_assert!(has - now < 30_000_000, "nothing was kept of {} at {}", has, now),
        }
        Ok(())
    });
    agreed.unwrap();
}
