//! Several nodes with one shared limiter: here one in memory that counts its calls.

use super::node::{Node, Watched, callers, fields};
use http::StatusCode;
use lastseat_domain::ports::RateLimiter;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

async fn two(text: &str, shared: &Arc<Watched>) -> [Node; 2] {
    let shared = || Some(Arc::clone(shared) as Arc<dyn RateLimiter>);
    [callers(text, shared()).await, callers(text, shared()).await]
}

#[tokio::test]
async fn one_quota_holds_over_both() {
    let nodes = two("6/1h", &Watched::new()).await;
    let anna = nodes[0].buyer("anna");
    for n in 0..6 {
        let reply = nodes[n % 2].nothing(&anna).await;
        reply.is(404, "booking_not_found");
        assert_eq!(fields(&reply).1, format!("\"caller\";r={};t=600", 5 - n), "what is left of all, not of this node");
    }
    for node in &nodes {
        let limited = node.nothing(&anna).await;
        limited.is(429, "rate_limited");
        assert_eq!(fields(&limited), ("\"caller\";q=6;w=3600", "\"caller\";r=0;t=600"));
        assert_eq!(node.metric("lastseat_rate_limited_total{policy=\"caller\"}").await, 1);
    }
    for node in nodes {
        node.server.stop().await;
    }
}

/// The failing twin: a limiter for each node. The test above would see twice the quota accepted.
#[tokio::test]
async fn nodes_that_do_not_share_are_caught() {
    let nodes = [callers("6/1h", None).await, callers("6/1h", None).await];
    let anna = nodes[0].buyer("anna");
    for n in 0..12 {
        nodes[n % 2].nothing(&anna).await.is(404, "booking_not_found");
    }
    for node in nodes {
        node.server.stop().await;
    }
}

#[tokio::test]
async fn cheap_refusals_do_not_call_the_shared_limiter() {
    let shared = Watched::new();
    let node = callers("8/1h", Some(shared.clone())).await;
    let anna = node.buyer("anna");
    assert_eq!(node.hold(&anna, "A-1").await.status, StatusCode::CREATED);
    assert_eq!(shared.calls(), 1);
    // Refused from the seat table; this node's limit counts it.
    for left in [6, 5, 4] {
        let refused = node.hold(&anna, "A-1").await;
        refused.is(409, "seat_unavailable");
        assert_eq!(fields(&refused).1, format!("\"caller\";r={left};t=450"));
    }
    assert_eq!(shared.calls(), 1);
    // What exceeds this node's limit does not reach the shared limiter either.
    for _ in 0..4 {
        node.hold(&anna, "A-1").await.is(409, "seat_unavailable");
    }
    for _ in 0..3 {
        node.hold(&anna, "A-2").await.is(429, "rate_limited");
    }
    assert_eq!(shared.calls(), 1);
    node.server.stop().await;
}

#[tokio::test]
async fn without_the_shared_limiter_the_limits_of_this_node_hold() {
    let shared = Watched::new();
    let nodes = two("6/1h", &shared).await;
    let anna = nodes[0].buyer("anna");
    nodes[0].nothing(&anna).await.is(404, "booking_not_found");
    shared.down.store(true, Ordering::SeqCst);
    let (started, before) = (Instant::now(), shared.calls());
    for n in 1..9 {
        let reply = nodes[0].nothing(&anna).await;
        assert_eq!(reply.status.as_u16(), if n < 6 { 404 } else { 429 }, "{n}");
    }
    // After a failure it is not called for a second.
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!(shared.calls() - before <= 1 + seconds, "called {} times", shared.calls() - before);
    assert!(nodes[0].metric("lastseat_shared_limits_unavailable_total").await >= 5);

    // Once it works, it is called again.
    shared.down.store(false, Ordering::SeqCst);
    let ben = nodes[0].buyer("ben");
    let before = shared.calls();
    let given_up = Instant::now() + Duration::from_secs(60);
    nodes[0].clock.advance(Duration::from_secs(3600));
    while shared.calls() == before {
        assert!(Instant::now() < given_up, "it is never called again");
        nodes[0].nothing(&ben).await;
        nodes[0].clock.advance(Duration::from_secs(3600));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for node in nodes {
        node.server.stop().await;
    }
}
