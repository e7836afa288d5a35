//! Which callers are counted, and what they are answered.

use super::node::{HOLD, callers, fields};
use http::StatusCode;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_caller_has_a_quota_and_sees_what_is_left() {
    let node = callers("3/1h", None).await;
    let anna = node.buyer("anna");
    for (seat, left) in [("A-1", 2), ("A-2", 1)] {
        let reply = node.hold(&anna, seat).await;
        assert_eq!(reply.status, StatusCode::CREATED);
        assert_eq!(fields(&reply), ("\"caller\";q=3;w=3600", format!("\"caller\";r={left};t=1200").as_str()));
    }
    // A refusal counts as well, and says so.
    let refused = node.hold(&anna, "A-1").await;
    refused.is(409, "seat_unavailable");
    assert_eq!(fields(&refused).1, "\"caller\";r=0;t=1200");

    node.clock.advance(Duration::from_secs(60));
    let before = node.server.head().await;
    let limited = node.hold(&anna, "A-3").await;
    limited.is(429, "rate_limited");
    assert_eq!((limited.header("retry-after"), limited.json()["retry_after"].as_u64()), ("1140", Some(1140)));
    assert_eq!(limited.text("policy"), "caller");
    assert_eq!(fields(&limited), ("\"caller\";q=3;w=3600", "\"caller\";r=0;t=1140"));
    assert_eq!(limited.headers.get_all("ratelimit").iter().count(), 1);
    assert_eq!(node.server.head().await, before, "nothing was done");
    assert_eq!(node.metric("lastseat_rate_limited_total{policy=\"caller\"}").await, 1);
    assert_eq!(node.metric("lastseat_commands_total{command=\"hold\",outcome=\"rate_limited\"}").await, 1);

    // A caller who waits for Retry-After is accepted.
    node.clock.advance(Duration::from_secs(1140));
    assert_eq!(node.hold(&anna, "A-3").await.status, StatusCode::CREATED);
    node.server.stop().await;
}

#[tokio::test]
async fn callers_are_counted_apart_and_only_by_what_we_signed() {
    let node = callers("1/1h", None).await;
    let (anna, ben) = (node.buyer("anna"), node.buyer("ben"));
    let held = node.hold(&anna, "A-1").await;
    assert_eq!(held.status, StatusCode::CREATED);
    node.hold(&anna, "A-2").await.is(429, "rate_limited");
    // A new token, a new key, another user agent, invented headers: still the same caller.
    let again = node.server.auth.mint(
        &lastseat_domain::BuyerId::new("anna").unwrap(),
        lastseat::auth::Role::Buyer,
        Duration::from_secs(99),
        &lastseat_in_process::SystemClock,
    );
    assert_ne!(anna, again);
    let call = node.server.post(&format!("{HOLD}?user=zoe")).bearer(&again).key("fresh").json(json!({"seats": ["A-2"]}));
    let call = call.header("x-user-id", "zoe").header("x-forwarded-for", "1.2.3.4").header("user-agent", "other");
    call.send().await.is(429, "rate_limited");
    assert_eq!(node.hold(&ben, "A-2").await.status, StatusCode::CREATED);

    // A booking's own token is counted as its buyer, whose quota is used up.
    let (token, path) = (held.text("token"), format!("/v1/bookings/{}", held.text("id")));
    node.server.post(&format!("{path}/extend")).bearer(&token).send().await.is(429, "rate_limited");
    node.server.call("DELETE", &path).bearer(&token).send().await.is(429, "rate_limited");

    // Guests are not counted by name, and admins not at all.
    for _ in 0..3 {
        let guest = node.guest(&[]).await;
        guest.is(409, "seat_unavailable");
        assert_eq!(fields(&guest), ("", ""));
        let admin = node.server.post("/v1/shows/demo/resume").admin(&node.server).send().await;
        assert_eq!((admin.status, fields(&admin)), (StatusCode::OK, ("", "")));
    }
    // Reads are not commands.
    let mine = node.server.get("/v1/me/bookings").bearer(&anna).send().await;
    assert_eq!((mine.status, fields(&mine)), (StatusCode::OK, ("", "")));
    node.server.stop().await;
}

/// Each hold returns a token. If each had a quota of its own, so had its bearer as many as it has holds.
#[tokio::test]
async fn the_tokens_of_ones_own_bookings_bring_no_further_quota() {
    let node = callers("12/1h", None).await;
    let anna = node.buyer("anna");
    let mut tokens = vec![];
    for n in 1..=6 {
        tokens.push(node.hold(&anna, &format!("A-{n}")).await.text("token"));
    }
    let mut done = 0;
    for token in tokens.iter().cycle().take(60) {
        let reply = node.hold(token, "B-1").await;
        match reply.status {
            StatusCode::FORBIDDEN => {
                assert!(reply.is(403, "booking_token_only").text("detail").contains("your own token, or none"), "{reply:?}");
                done += 1;
            }
            _ => drop(reply.is(429, "rate_limited")),
        }
    }
    assert_eq!(done, 6, "the rest of Anna's twelve");
    node.server.stop().await;
}

#[tokio::test]
async fn the_problem_explains_itself() {
    let node = callers("1/1h", None).await;
    let anna = node.buyer("anna");
    node.nothing(&anna).await.is(404, "booking_not_found");
    let limited = node.nothing(&anna).await;
    limited.is(429, "rate_limited");
    assert!(limited.text("detail").contains("at most 1 requests of this kind are allowed in 3600 seconds"), "{limited:?}");
    let page = node.server.get(&limited.text("type")).send().await;
    assert_eq!(page.status, StatusCode::OK);
    node.server.stop().await;
}
