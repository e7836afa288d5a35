//! Optional limits on reads and on seat streams.

use super::node::{OFF, Watched, fields, limited, quota};
use http::StatusCode;
use lastseat::limits::{Proxies, Quotas};
use std::sync::Arc;

const SHOW: &str = "/v1/shows/demo";

#[tokio::test]
async fn reads_and_streams_have_quotas_of_their_own() {
    let shared = Watched::new();
    let quotas = Quotas { reads: quota("3/1h"), streams: quota("2/1h"), ..OFF };
    let node = limited(quotas, Proxies::default(), Some(shared.clone() as Arc<_>)).await;
    for left in [2, 1, 0] {
        let reply = node.server.get(SHOW).send().await;
        assert_eq!((reply.status, fields(&reply).1), (StatusCode::OK, format!("\"reads\";r={left};t=1200").as_str()));
    }
    let refused = node.server.get("/v1/shows/demo/seats").send().await;
    refused.is(429, "rate_limited");
    assert_eq!((refused.text("policy"), refused.header("retry-after")), ("reads".to_owned(), "1200"));
    node.server.call("HEAD", SHOW).send().await;
    assert_eq!(node.metric("lastseat_rate_limited_total{policy=\"reads\"}").await, 2);

    for _ in 0..2 {
        let (head, _body) = node.server.get("/v1/shows/demo/seats/stream").open().await;
        assert_eq!(head.status, StatusCode::OK);
        assert!(head.headers.contains_key("ratelimit"));
    }
    node.server.get("/v1/shows/demo/seats/stream").send().await.is(429, "rate_limited");
    assert_eq!(node.metric("lastseat_rate_limited_total{policy=\"streams\"}").await, 1);

    // A caller with a token is counted by it; with a token that is not valid, by the address.
    let anna = node.buyer("anna");
    assert_eq!(node.server.get(SHOW).bearer(&anna).send().await.status, StatusCode::OK);
    for n in 0..3 {
        node.server.get(SHOW).bearer(&format!("nonsense-{n}")).send().await.is(429, "rate_limited");
    }
    // Commands and operators' pages are not reads.
    assert_eq!(node.guest(&[]).await.status, StatusCode::CREATED);
    for path in ["/health/live", "/health/ready", "/metrics", "/openapi.json"] {
        assert_eq!(node.server.get(path).send().await.status, StatusCode::OK, "{path}");
    }
    for _ in 0..5 {
        assert_eq!(node.server.get("/v1/shows").admin(&node.server).send().await.status, StatusCode::OK);
    }
    node.server.stop().await;
}

#[tokio::test]
async fn without_quotas_reads_are_not_limited() {
    let node = limited(Quotas { caller: quota("1/1h"), ..OFF }, Proxies::default(), None).await;
    for _ in 0..20 {
        let reply = node.server.get(SHOW).send().await;
        assert_eq!((reply.status, fields(&reply)), (StatusCode::OK, ("", "")));
    }
    node.server.stop().await;
}
