//! The same request twice has the effect of one and gets the same answer.

use crate::common;

use common::{Reply, start_for_test};
use http::StatusCode;
use lastseat::auth::Role;
use serde_json::json;

const HOLD: &str = "/v1/shows/demo/bookings";
const REPLAYED: &str = "idempotent-replayed";

fn same(first: &Reply, again: &Reply) {
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!((first.header(REPLAYED), again.header(REPLAYED)), ("", "true"));
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(first.header("content-type"), again.header("content-type"));
}

#[tokio::test]
async fn a_repeated_hold_is_one_booking() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let hold = |key: &str, seat: &str| server.post(HOLD).json(json!({"seats": [seat]})).key(key);
    let first = hold("one", "A-1").send().await;
    assert_eq!(first.status, StatusCode::CREATED);
    let before = server.head().await;
    same(&first, &hold("one", "A-1").send().await);
    assert_eq!(server.head().await, before);
    hold("one", "A-2").send().await.is(422, "idempotency_key_reused");

    // A refusal is an answer too.
    let taken = hold("two", "A-1").send().await;
    taken.is(409, "seat_unavailable");
    same(&taken, &hold("two", "A-1").send().await);

    // Another caller's key is another key.
    let anna = server.token("anna", Role::Buyer);
    let of_anna = hold("one", "A-3").bearer(&anna).send().await;
    assert_eq!(of_anna.status, StatusCode::CREATED);
    assert_ne!(of_anna.text("id"), first.text("id"));
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_was_not_carried_out_does_not_burn_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let hold = || server.post(HOLD).key("one");
    hold().json("{").send().await.is(400, "invalid_json");
    hold().json("{}").send().await.is(422, "invalid_request");
    hold().bytes("{}").send().await.is(415, "unsupported_media_type");
    hold().json(json!({"seats": ["A-1"]})).bearer("nonsense").send().await.is(401, "invalid_token");
    server.post("/v1/shows/demo/pause").admin(&server).send().await;
    hold().json(json!({"seats": ["A-1"]})).send().await.is(403, "sales_paused");
    server.post("/v1/shows/demo/resume").admin(&server).send().await;
    assert_eq!(hold().json(json!({"seats": ["A-1"]})).send().await.status, StatusCode::CREATED);
    server.stop().await;
}

#[tokio::test]
async fn keys_have_a_form() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let before = server.head().await;
    for key in ["", "two words", &"k".repeat(256)] {
        let call = server.post(HOLD).json(json!({"seats": ["A-1"]})).header("idempotency-key", key);
        call.send().await.is(400, "invalid_idempotency_key");
    }
    server.post(HOLD).json(json!({"seats": ["A-1"]})).key("one").key("two").send().await.is(400, "invalid_idempotency_key");
    assert_eq!(server.head().await, before);
    server.stop().await;
}

/// All guests are one caller, and the answer has the booking's token.
#[tokio::test]
async fn two_strangers_with_the_same_simple_key_do_not_get_one_booking() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let hold = || server.post(HOLD).json(json!({"area": "floor", "quantity": 1})).header("idempotency-key", "order-1");
    for _ in 0..2 {
        let refused = hold().send().await;
        assert!(refused.is(400, "invalid_idempotency_key").text("detail").contains("random UUID"), "{refused:?}");
    }
    // A caller with a name may count.
    let (anna, ben) = (server.token("anna", Role::Buyer), server.token("ben", Role::Buyer));
    let (annas, bens) = (hold().bearer(&anna).send().await, hold().bearer(&ben).send().await);
    assert_ne!(annas.text("token"), bens.text("token"));
    server.stop().await;
}

#[tokio::test]
async fn a_burst_of_the_same_request_is_one_booking() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let calls = (0..50).map(|_| server.post(HOLD).json(json!({"area": "floor", "quantity": 2})).key("burst").send());
    let replies = futures::future::join_all(calls).await;
    let mut ids = std::collections::HashSet::new();
    for reply in &replies {
        match reply.status {
            StatusCode::CREATED => {
                ids.insert(reply.text("id"));
            }
            _ => {
                reply.is(409, "idempotency_in_flight");
                assert_eq!(reply.header("retry-after"), "1");
            }
        }
    }
    assert_eq!(ids.len(), 1);
    let seats = server.get("/v1/shows/demo/seats").send().await.json();
    assert_eq!(seats["areas"][1]["available"], 18);
    server.stop().await;
}

#[tokio::test]
async fn a_repeated_payment_is_one_charge() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let held = server.hold(json!({"seats": ["A-1"]})).await;
    let (path, token) = (format!("/v1/bookings/{}/payment", held.text("id")), held.text("token"));
    let pay = |key: &str, method: &str| server.post(&path).json(json!({"payment_method": method})).bearer(&token).key(key).send();
    let declined = pay("one", "pm_card_chargeDeclined").await;
    declined.is(402, "payment_declined");
    same(&declined, &pay("one", "pm_card_chargeDeclined").await);
    pay("one", "pm_card_visa").await.is(422, "idempotency_key_reused");
    let paid = pay("two", "pm_card_visa").await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    same(&paid, &pay("two", "pm_card_visa").await);
    server.stop().await;
}

#[tokio::test]
async fn the_log_remembers_what_a_restart_forgets() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let body = json!({"seats": ["A-1"]});
    let first = server.post(HOLD).json(&body).key("one").send().await;
    assert_eq!(first.status, StatusCode::CREATED);
    server.stop().await;

    let server = start_for_test(dir.path()).await;
    let again = server.post(HOLD).json(&body).key("one").send().await;
    assert_eq!(again.json(), first.json());
    assert_eq!((again.status, again.header(REPLAYED)), (StatusCode::CREATED, "true"));
    // Once more, now from memory: the header is there once.
    let third = server.post(HOLD).json(&body).key("one").send().await;
    assert_eq!(third.headers.get_all(REPLAYED).iter().count(), 1);
    server.post(HOLD).json(json!({"seats": ["A-2"]})).key("one").send().await.is(422, "idempotency_key_reused");
    server.stop().await;
}

/// The path that redeems the voucher of a booking that is paid here.
async fn voucher_to_redeem(server: &common::TestServer, token: &str) -> String {
    let held = server.post(HOLD).json(json!({"seats": ["A-1", "A-2", "A-3"]})).bearer(token).send().await;
    let pay = server.post(&format!("/v1/bookings/{}/payment", held.text("id"))).bearer(token);
    assert_eq!(pay.json(json!({"payment_method": "pm_card_visa"})).send().await.status, StatusCode::OK);
    for _ in 0..200 {
        let rewards = server.get("/v1/me/rewards").bearer(token).send().await.json();
        if let Some(id) = rewards["vouchers"][0]["voucher"].as_str() {
            return format!("/v1/me/rewards/{id}/redeem");
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("no voucher came");
}

/// Each for itself is a fair request; only one of them may hand out the reward.
#[tokio::test(flavor = "multi_thread")]
async fn of_20_who_redeem_one_voucher_at_once_one_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let anna = server.token("anna", Role::Buyer);
    let path = voucher_to_redeem(&server, &anna).await;
    let redeem = |key: &str| server.post(&path).bearer(&anna).key(key).send();
    let keys: Vec<String> = (0..20).map(|n| format!("key-{n}")).collect();
    let replies = futures::future::join_all(keys.iter().map(|key| redeem(key))).await;
    let winners: Vec<usize> = (0..20).filter(|n| replies[*n].status == StatusCode::OK).collect();
    assert_eq!(winners.len(), 1, "{replies:?}");
    for reply in replies.iter().filter(|r| r.status != StatusCode::OK) {
        reply.is(409, "voucher_redeemed");
    }
    let winner = winners[0];
    let position = replies[winner].header("lastseat-position").parse::<u64>().unwrap();
    assert!(position > 0);
    same(&replies[winner], &redeem(&keys[winner]).await);
    server.stop().await;

    // A new process has forgotten the answers. The log has not.
    let server = start_for_test(dir.path()).await;
    let anna = server.token("anna", Role::Buyer);
    let redeem = |key: &str| server.post(&path).bearer(&anna).key(key).send();
    redeem("key-20").await.is(409, "voucher_redeemed");
    redeem(&keys[(winner + 1) % 20]).await.is(409, "voucher_redeemed");
    let again = redeem(&keys[winner]).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &replies[winner].body));
    // It names the position of what the other process has written.
    assert!(again.header("lastseat-position").parse::<u64>().unwrap() >= position);
    server.stop().await;
}
