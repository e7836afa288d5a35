//! A server as the binary wires it: the configured limits apply, and the defaults don't hit normal use.

use super::support::test_server::{GALA, TestServer};
use lastseat::auth::Role;
use lastseat::config::Config;
use serde_json::json;

const NOTHING: &str = "/v1/bookings/00000000-0000-4000-8000-000000000000/extend";

#[tokio::test(flavor = "multi_thread")]
async fn configured_limits_apply() {
    let (rate_limit_caller, rate_limit_address) = ("2/24h".parse().ok(), "1000/24h".parse().ok());
    let server = TestServer::open_with(Config { rate_limit_caller, rate_limit_address, ..Config::default() }).await;
    let anna = server.token("anna", Role::Buyer);
    for _ in 0..2 {
        server.client.post(NOTHING).bearer(&anna).send().await.problem(404, "booking_not_found");
    }
    let limited = server.client.post(NOTHING).bearer(&anna).send().await;
    limited.problem(429, "rate_limited");
    assert_eq!(limited.header("ratelimit-policy"), Some("\"caller\";q=2;w=86400"));
    server.close().await;
}

/// By default: a crowd of guests with one address, a buyer who clicks as fast as anybody can, and
/// an admin who cleans up.
#[tokio::test(flavor = "multi_thread")]
async fn the_defaults_do_not_limit_normal_use() {
    let server = TestServer::open(600).await;
    for _ in 0..200 {
        server
            .client
            .post(&format!("/v1/shows/{GALA}/bookings"))
            .json(&json!({"seats": ["Z-1"]}))
            .send()
            .await
            .problem(422, "unknown_seat");
    }
    let (anna, admin) = (server.token("anna", Role::Buyer), server.admin());
    for n in 1..=20 {
        let answer = server.client.post(NOTHING).bearer(&anna).send().await;
        answer.problem(404, "booking_not_found");
        assert!(answer.header("ratelimit").unwrap().starts_with("\"caller\";r="), "{n}: {answer:?}");
    }
    for _ in 0..200 {
        server.client.post(NOTHING).bearer(&admin).send().await.problem(404, "booking_not_found");
    }
    server.close().await;
}
