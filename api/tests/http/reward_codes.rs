//! Rewards that are worth something, over real HTTP: the code is shown to who earned it, lowers what another booking costs,
//! and is worth nothing once its booking was refunded.

use crate::support;

use lastseat::auth::Role;
use serde_json::{Value, json};
use support::client::Answer;
use support::test_server::TestServer;
use support::{eventually, text};

/// A show where three seats earn this.
async fn generous(server: &TestServer, discount: Value) {
    let mut show = support::show("generous", 600, 60);
    show["rewards"] = json!([{"reward": "A thank-you", "weight": 1, "discount": discount}]);
    server.put_on_sale(&show).await;
}

async fn hold(server: &TestServer, token: &str, quantity: u32) -> Value {
    let call = server.client.post("/v1/shows/generous/bookings").bearer(token);
    call.json(&json!({"area": "floor", "quantity": quantity})).send().await.ok(201)
}

async fn apply(server: &TestServer, booking: &Value, code: &str) -> Answer {
    let path = format!("/v1/bookings/{}/voucher", text(booking, "id"));
    server.client.post(&path).bearer(text(booking, "token")).json(&json!({"voucher": code})).send().await
}

/// The only voucher that a token shows, once it is in this state.
async fn reward(server: &TestServer, token: &str, state: &str) -> Value {
    eventually(&format!("a voucher is {state}"), async || {
        let rewards = server.client.get("/v1/me/rewards").bearer(token).send().await.ok(200);
        Some(rewards["vouchers"][0].clone()).filter(|voucher| voucher["state"] == state)
    })
    .await
}

fn amount(booking: &Value) -> i64 {
    booking["amount"]["value"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_seats_earn_a_code_that_is_good_for_one_other_booking() {
    let server = TestServer::open(600).await;
    generous(&server, json!({"percent": 10})).await;
    let read = server.client.get("/v1/shows/generous").send().await.ok(200);
    assert_eq!(read["rewards"], json!([{"reward": "A thank-you", "weight": 1, "discount": {"percent": 10}}]));
    let anna = server.token("anna", Role::Buyer);
    let earning = hold(&server, &anna, 3).await;
    server.pay(&earning, "pm_card_visa").await.ok(200);
    let earned = reward(&server, &anna, "issued").await;
    assert_eq!((&earned["discount"], text(&earned, "reward")), (&json!({"percent": 10}), "A thank-you"));
    let code = text(&earned, "code").to_owned();
    // The booking's own token shows it, too; nobody else's does.
    assert_eq!(reward(&server, text(&earning, "token"), "issued").await, earned);
    let bob = server.token("bob", Role::Buyer);
    assert_eq!(server.client.get("/v1/me/rewards").bearer(&bob).send().await.ok(200)["vouchers"], json!([]));
    let redeem = format!("/v1/me/rewards/{}/redeem", text(&earned, "voucher"));
    server.client.post(&redeem).bearer(&anna).send().await.problem(409, "voucher_has_code");

    let using = hold(&server, &bob, 1).await;
    let lowered = apply(&server, &using, &code).await.ok(200);
    assert_eq!((amount(&using), amount(&lowered)), (3_000, 2_700));
    server.pay(&using, "pm_card_visa").await.ok(200);
    let used = reward(&server, &anna, "redeemed").await;
    assert_eq!(text(&used, "code"), code);
    server.refund(&earning).await.ok(200);
    let other = hold(&server, &bob, 1).await;
    eventually("it was withdrawn", async || (apply(&server, &other, &code).await.code() == "voucher_withdrawn").then_some(()))
        .await;
    reward(&server, &anna, "redeemed").await;
    // The log has hashes only.
    let events = server.client.get("/v1/audit/events?limit=100000").bearer(&server.admin()).send().await;
    let events = String::from_utf8(events.body.to_vec()).unwrap();
    assert!(events.contains("VoucherWithdrawn") && !events.contains(&code) && !events.contains(&code.replace('-', "")));
    let books = server.close().await;
    assert_eq!(books.revenue(), 2_700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_taken_back_with_its_booking_also_after_a_restart() {
    let server = TestServer::open(600).await;
    generous(&server, json!({"amount": {"value": 500, "currency": "EUR"}})).await;
    let anna = server.token("anna", Role::Buyer);
    let earning = hold(&server, &anna, 3).await;
    server.pay(&earning, "pm_card_visa").await.ok(200);
    let code = text(&reward(&server, &anna, "issued").await, "code").to_owned();
    let server = server.restart().await;
    assert_eq!(text(&reward(&server, &anna, "issued").await, "code"), code);
    let waiting = hold(&server, &anna, 1).await;
    assert_eq!(amount(&apply(&server, &waiting, &code).await.ok(200)), 2_500);
    server.refund(&earning).await.ok(200);
    reward(&server, &anna, "revoked").await;
    // Who has it keeps it; nobody else gets it.
    let other = hold(&server, &anna, 1).await;
    apply(&server, &other, &code).await.problem(409, "voucher_withdrawn");
    let paid = server.pay(&waiting, "pm_card_visa").await.ok(200);
    assert_eq!(amount(&paid), 2_500);
    reward(&server, &anna, "redeemed").await;
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_of_a_reward_are_handed_over_by_its_code_alone() {
    let server = TestServer::open(600).await;
    generous(&server, json!({"goods": "A glass of wine"})).await;
    let anna = server.token("anna", Role::Buyer);
    let earning = hold(&server, &anna, 3).await;
    server.pay(&earning, "pm_card_visa").await.ok(200);
    let earned = reward(&server, &anna, "issued").await;
    let redeem = format!("/v1/me/rewards/{}/redeem", text(&earned, "voucher"));
    server.client.post(&redeem).bearer(&anna).send().await.problem(409, "voucher_has_code");
    let hand_over = || {
        let call = server.client.post("/v1/vouchers/redeem").bearer(&server.token("stan", Role::Staff));
        call.json(&json!({"voucher": text(&earned, "code")})).send()
    };
    hand_over().await.ok(200);
    hand_over().await.problem(409, "voucher_used_up");
    reward(&server, &anna, "redeemed").await;
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reward_that_no_voucher_can_be_worth_is_refused() {
    let server = TestServer::open(600).await;
    for (discount, code) in [
        (json!({"percent": 0}), "invalid_show"),
        (json!({"percent": 101}), "invalid_show"),
        (json!({"free_seats": 0}), "invalid_show"),
        (json!({"goods": " "}), "invalid_show"),
        (json!({"amount": {"value": 500, "currency": "USD"}}), "invalid_show"),
        (json!({"amount": {"value": 0, "currency": "EUR"}}), "invalid_show"),
        (json!({"points": 5}), "invalid_request"),
    ] {
        let mut show = support::show("generous", 600, 60);
        show["rewards"] = json!([{"reward": "A thank-you", "weight": 1, "discount": discount}]);
        server.client.post("/v1/shows").bearer(&server.admin()).json(&show).send().await.problem(422, code);
    }
    server.close().await;
}
