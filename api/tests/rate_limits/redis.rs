//! Two servers and a real Redis between them.

use super::node::{Node, callers};
use lastseat_domain::ports::RateLimiter;
use lastseat_redis::{Redis, RedisLimiter, RedisOptions};
use lastseat_redis_testkit::RedisServer;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A server with its own connection to Redis. Its time-out is longer than the default: the machine may be
/// busy with other tests.
async fn node(text: &str, redis: &RedisServer) -> Node {
    node_with_timeout(Duration::from_secs(10), text, redis).await
}

async fn node_with_timeout(response_timeout: Duration, text: &str, redis: &RedisServer) -> Node {
    let redis = Redis::open(&redis.url(), RedisOptions { response_timeout, ..RedisOptions::default() }).unwrap();
    let limiter = RedisLimiter::new(redis);
    // It connects in the background; from here on it answers.
    let given_up = Instant::now() + Duration::from_secs(60);
    let (key, quota) = (lastseat_domain::ports::rate_limit::LimitKey::new("warm", &"up"), "1/1s".parse().unwrap());
    while limiter.take(&key, quota).await.is_err() {
        assert!(Instant::now() < given_up, "Redis does not answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    callers(text, Some(Arc::new(limiter))).await
}

#[tokio::test]
async fn one_quota_holds_over_both_servers() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = [node("6/24h", &redis).await, node("6/24h", &redis).await];
    let (anna, ben) = (nodes[0].buyer("anna"), nodes[0].buyer("ben"));
    for n in 0..6 {
        nodes[n % 2].nothing(&anna).await.is(404, "booking_not_found");
    }
    for node in &nodes {
        node.nothing(&anna).await.is(429, "rate_limited");
        node.nothing(&ben).await.is(404, "booking_not_found");
    }
    assert_eq!(redis.keys_without_end(), Vec::<String>::new());
    for node in nodes {
        node.server.stop().await;
    }
}

#[tokio::test]
async fn of_many_commands_at_once_on_both_the_quota_is_accepted() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = [node("20/24h", &redis).await, node("20/24h", &redis).await];
    let anna = nodes[0].buyer("anna");
    let answers = futures::future::join_all((0..60).map(|n| nodes[n % 2].nothing(&anna))).await;
    let of = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!((of(404), of(429)), (20, 40));
    for node in nodes {
        node.server.stop().await;
    }
}

#[tokio::test]
async fn redis_dies_and_each_server_keeps_its_own_limits() {
    let Some(mut redis) = RedisServer::start() else { return };
    let nodes = [node("6/24h", &redis).await, node("6/24h", &redis).await];
    let anna = nodes[0].buyer("anna");
    for n in 0..4 {
        nodes[n % 2].nothing(&anna).await.is(404, "booking_not_found");
    }
    redis.kill();
    // Each node counted two of the four, so four more are left on each.
    for node in &nodes {
        for n in 0..8 {
            let reply = node.nothing(&anna).await;
            assert_eq!(reply.status.as_u16(), if n < 4 { 404 } else { 429 }, "{n}: {reply:?}");
        }
        assert!(node.metric("lastseat_shared_limits_unavailable_total").await >= 1);
    }
    for node in nodes {
        node.server.stop().await;
    }
}

#[tokio::test]
async fn a_stopped_redis_blocks_nobody() {
    let Some(redis) = RedisServer::start() else { return };
    let node = node_with_timeout(RedisOptions::default().response_timeout, "6/24h", &redis).await;
    redis.pause();
    let anna = node.buyer("anna");
    for n in 0..8 {
        let reply = node.nothing(&anna).await;
        assert_eq!(reply.status.as_u16(), if n < 6 { 404 } else { 429 }, "{n}: {reply:?}");
    }
    assert!(node.metric("lastseat_shared_limits_unavailable_total").await >= 1);
    redis.resume();
    node.server.stop().await;
}
