//! Guests of one address, counted on all nodes that share a limiter.

use super::node::{HOLD, Node, OFF, Watched, limited, quota};
use lastseat::limits::{GuestRules, Proxies, Quotas};
use lastseat_domain::ports::RateLimiter;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;

async fn hold(node: &Node, seat: &str) -> u16 {
    node.server.post(HOLD).json(json!({"seats": [seat]})).send().await.status.as_u16()
}

#[tokio::test]
async fn a_guests_holds_are_counted_on_all_nodes_and_by_each_alone_without_redis() {
    let shared = Watched::new();
    let quotas = Quotas { guests: GuestRules { holds: quota("4/1h"), ..GuestRules::OFF }, ..OFF };
    let limiter = || Some(Arc::clone(&shared) as Arc<dyn RateLimiter>);
    let (one, two) = (limited(quotas, Proxies::default(), limiter()).await, limited(quotas, Proxies::default(), limiter()).await);
    for seat in ["A-1", "A-2", "A-3"] {
        assert_eq!(hold(&one, seat).await, 201);
    }
    // Refusals are neither counted nor asked about.
    let asked = shared.calls();
    assert_eq!(hold(&one, "A-1").await, 409);
    assert_eq!((asked, shared.calls()), (3, 3));
    // The fourth of both, and the one that finds out that it was the last.
    assert_eq!([hold(&two, "A-1").await, hold(&two, "A-2").await, hold(&two, "A-3").await], [201, 201, 429]);

    shared.down.store(true, Ordering::SeqCst);
    assert_eq!([hold(&one, "A-4").await, hold(&one, "A-5").await], [201, 429]);
    one.server.stop().await;
    two.server.stop().await;
}
