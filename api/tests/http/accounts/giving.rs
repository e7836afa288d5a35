//! Bookings that are given to an account, or sold to one at the till: it has to exist.

use super::{ANN, BOB, HOLD, MINE, PASSWORD, Stage, one_place};
use crate::common::{Reply, start_with_accounts_at};
use lastseat::auth::Role;
use serde_json::{Value, json};
use std::sync::Arc;

/// A number that no account has.
const NOBODY: &str = "account:0190c42e-7b3a-7c11-9d2f-2f6e4e1c8a55";

async fn give(stage: &Stage, booking: &Reply, buyer: &str) -> Reply {
    let path = format!("/v1/bookings/{}/transfer", booking.text("id"));
    stage.server.post(&path).bearer(&booking.text("token")).json(json!({ "buyer": buyer })).send().await
}

#[tokio::test]
async fn a_booking_is_not_given_to_an_account_that_there_is_not() {
    let stage = Stage::open().await;
    let bob = stage.person(BOB).await;
    let number = format!("account:{}", bob.id().await);
    let booking = stage.guests_booking().await;
    // The same number written in another way is no buyer who could sign in.
    for nobody in
        [NOBODY, "account:", "account:bob", &number[..number.len() - 1], &number.to_uppercase().replace("ACCOUNT", "account")]
    {
        let refused = give(&stage, &booking, nobody).await;
        refused.is(422, "unknown_account");
        assert_eq!(refused.text("field"), "buyer");
    }
    let still = stage.server.get(&format!("/v1/bookings/{}", booking.text("id"))).bearer(&booking.text("token"));
    assert_eq!(still.send().await.text("status"), "confirmed", "it is still its buyer's");

    assert_eq!(give(&stage, &booking, &number).await.status, 200);
    assert_eq!(bob.get(&format!("/v1/bookings/{}", booking.text("id"))).await.text("status"), "confirmed");
    stage.server.stop().await;
}

#[tokio::test]
async fn an_account_that_was_erased_gets_nothing() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    let number = format!("account:{}", ann.id().await);
    assert_eq!(ann.post("/v1/accounts/me/erase").json(json!({"password": PASSWORD})).send().await.status, 204);
    give(&stage, &stage.guests_booking().await, &number).await.is(422, "unknown_account");
    stage.server.stop().await;
}

/// Starts the server again: what it has answered before is in its log only.
async fn restarted(Stage { server, clock, dir }: Stage) -> Stage {
    server.stop().await;
    let server = start_with_accounts_at(dir.path(), Arc::new(clock.clone())).await;
    Stage { server, clock, dir }
}

#[tokio::test]
async fn a_repeat_gets_its_first_answer_when_the_account_was_erased_since() {
    let stage = Stage::open().await;
    let stan = stage.server.token("stan", Role::Staff);
    let sell = async |stage: &Stage, key: &str, buyer: &str| {
        let sale = json!({"area": "floor", "quantity": 1, "buyer": buyer});
        stage.server.post(HOLD).bearer(&stan).key(key).json(sale).send().await
    };
    let gift = stage.guests_booking().await;
    let give = async |stage: &Stage, key: &str, buyer: &str| {
        let path = format!("/v1/bookings/{}/transfer", gift.text("id"));
        stage.server.post(&path).bearer(&gift.text("token")).key(key).json(json!({ "buyer": buyer })).send().await
    };
    let ann = stage.person(ANN).await;
    let number = format!("account:{}", ann.id().await);
    let sold = sell(&stage, "sale", &number).await;
    assert_eq!(sold.status, 201);
    assert_eq!(give(&stage, "gift", &number).await.status, 200);
    assert_eq!(ann.post("/v1/accounts/me/erase").json(json!({"password": PASSWORD})).send().await.status, 204);

    let stage = restarted(stage).await;
    let again = sell(&stage, "sale", &number).await;
    assert!(again.status == 201 && again.text("id") == sold.text("id"), "{again:?}");
    let again = give(&stage, "gift", &number).await;
    assert!(again.status == 200 && again.text("id") == gift.text("id"), "{again:?}");
    // Nothing new.
    sell(&stage, "second-sale", &number).await.is(422, "unknown_account");
    sell(&stage, "sale", NOBODY).await.is(422, "idempotency_key_reused");
    // Its token has ended.
    give(&stage, "second-gift", &number).await.is(404, "booking_not_found");
    stage.server.stop().await;
}

#[tokio::test]
async fn a_repeated_gift_gets_its_first_answer_when_it_was_passed_on_by_an_account_that_was_erased_since() {
    let stage = Stage::open().await;
    let gift = stage.guests_booking().await;
    let path = format!("/v1/bookings/{}/transfer", gift.text("id"));
    let give = async |stage: &Stage, key: &str, buyer: &str| {
        stage.server.post(&path).bearer(&gift.text("token")).key(key).json(json!({ "buyer": buyer })).send().await
    };
    let (ann, bob) = (stage.person(ANN).await, stage.person(BOB).await);
    let [anns, bobs] = [format!("account:{}", ann.id().await), format!("account:{}", bob.id().await)];
    assert_eq!(give(&stage, "gift", &anns).await.status, 200);
    assert_eq!(ann.post(&path).json(json!({ "buyer": bobs })).send().await.status, 200);
    assert_eq!(ann.post("/v1/accounts/me/erase").json(json!({"password": PASSWORD})).send().await.status, 204);

    let stage = restarted(stage).await;
    let again = give(&stage, "gift", &anns).await;
    assert!(again.status == 200 && again.text("id") == gift.text("id"), "{again:?}");
    // It changes nothing, and another key is another gift.
    let bob = stage.sign_in(BOB).await;
    assert_eq!(bob.get(&format!("/v1/bookings/{}", gift.text("id"))).await.text("status"), "confirmed");
    give(&stage, "second-gift", &anns).await.is(422, "unknown_account");
    stage.server.stop().await;
}

#[tokio::test]
async fn the_subject_of_a_token_need_not_be_known() {
    let stage = Stage::open().await;
    for buyer in ["bob", "oidc:1234", "0190c42e-7b3a-7c11-9d2f-2f6e4e1c8a55"] {
        let booking = stage.guests_booking().await;
        assert_eq!(give(&stage, &booking, buyer).await.status, 200, "{buyer}");
    }
    let bobs = stage.server.get(MINE).bearer(&stage.server.token("bob", Role::Buyer)).send().await.json();
    assert_eq!(bobs["data"].as_array().map(Vec::len), Some(1), "{bobs}");
    stage.server.stop().await;
}

#[tokio::test]
async fn a_till_sells_to_accounts_that_there_are() {
    let stage = Stage::open().await;
    let bob = stage.person(BOB).await;
    let number = format!("account:{}", bob.id().await);
    let stan = stage.server.token("stan", Role::Staff);
    let place_for = |buyer: &str| json!({"area": "floor", "quantity": 1, "buyer": buyer});
    let hold = |buyer: &str| stage.server.post(HOLD).bearer(&stan).json(place_for(buyer)).send();
    hold(NOBODY).await.is(422, "unknown_account");
    assert_eq!(hold(&number).await.status, 201);
    assert_eq!(hold("bob").await.status, 201);

    let holds = [NOBODY, &number, "bob"].map(place_for);
    let batch = stage.server.post(&format!("{HOLD}:batch")).bearer(&stan).key("batch");
    let answer = batch.json(json!({ "holds": holds })).send().await.json();
    let results: Vec<(&Value, &Value)> =
        answer["results"].as_array().unwrap().iter().map(|result| (&result["status"], &result["problem"]["code"])).collect();
    assert_eq!(results, [(&json!(422), &json!("unknown_account")), (&json!(201), &Value::Null), (&json!(201), &Value::Null)]);
    // Who sells in their own name is known by their token.
    assert_eq!(bob.post(HOLD).json(one_place()).send().await.status, 201);
    stage.server.stop().await;
}
