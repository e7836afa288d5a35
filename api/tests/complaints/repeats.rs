//! Repeated requests, and idempotency keys that are used up too early.

use crate::at_once;
use crate::support::test_server::{GALA, TestServer};
use crate::support::{eventually, seats_of, show, text};
use lastseat::config::Config;
use serde_json::json;

const HOLD: &str = "/v1/shows/gala/bookings";

/// Hi.Events#598, and every mobile network: a payment request is repeated at once, later and after a
/// restart. One charge, one answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_payment_request_gets_the_first_answer() {
    let server = TestServer::open(600).await;
    let booking = server.hold_seat("A-1").await;
    let body = json!({"payment_method": "pm_card_visa"});
    let answers = at_once(10, |_| server.paying(&booking).key("pay-1").json(&body).send()).await;
    for answer in &answers {
        match answer.status {
            200 => assert_eq!(answer.json()["status"], "confirmed"),
            _ => drop(answer.problem(409, "idempotency_in_flight")),
        }
    }
    assert!(answers.iter().any(|answer| answer.status == 200));
    let repeat = server.paying(&booking).key("pay-1").json(&body).send().await;
    repeat.ok(200);
    assert_eq!(repeat.header("idempotent-replayed"), Some("true"));
    server
        .paying(&booking)
        .key("pay-1")
        .json(&json!({"payment_method": "pm_card_amex"}))
        .send()
        .await
        .problem(422, "idempotency_key_reused");
    // The restart lost the stored answers, but not the log.
    let server = server.restart().await;
    assert_eq!(server.paying(&booking).key("pay-1").json(&body).send().await.ok(200)["status"], "confirmed");
    assert_eq!(server.running().sandbox.as_ref().unwrap().intents().len(), 1);
    assert_eq!(server.close().await.revenue(), 4500);
}

/// The answer to a hold is lost: the repeat finds the same booking and takes no second seat, in the
/// same process and in a new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_hold_is_one_booking() {
    let server = TestServer::open(600).await;
    let selection = json!({"area": "floor", "quantity": 2});
    let hold = |server: &TestServer| {
        server.client.post(HOLD).bearer(&server.token("ann", lastseat::auth::Role::Buyer)).key("cart-1").json(&selection)
    };
    let answers = at_once(10, |_| hold(&server).send()).await;
    let first = answers.iter().find(|answer| answer.status == 201).unwrap().json();
    for answer in &answers {
        match answer.status {
            201 => assert_eq!(answer.json(), first),
            _ => drop(answer.problem(409, "idempotency_in_flight")),
        }
    }
    let server = server.restart().await;
    let again = hold(&server).send().await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!((again.ok(201)["id"].clone(), seats_of(&again.json())), (first["id"].clone(), seats_of(&first)));
    assert_eq!(server.floor().await, 18);
    assert_eq!(server.close().await.bookings.len(), 1);
}

/// The Node.js systems stored the idempotency key before the checks, so a buyer who got "too busy" or
/// "sold out" could never retry with it. Here only a decision is stored: not a malformed request, not
/// an overload, not a request before the opening.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_can_be_used_again_if_nothing_was_decided() {
    let server = TestServer::open(600).await;
    let good = json!({"seats": ["A-1"]});
    let hold = |body: &str| server.client.post(HOLD).key("k").text(body).send();
    hold("{").await.problem(400, "invalid_json");
    hold(r#"{"seats":["A-1"],"price":1}"#).await.problem(422, "price_not_accepted");
    hold(r#"{"area":"floor","quantity":-5}"#).await.problem(422, "invalid_quantity");
    server.client.post(HOLD).key("k").bearer("forged").json(&good).send().await.problem(401, "invalid_token");

    // "Not open yet" is no decision either.
    let opens = server.running().clock.now() + chrono::TimeDelta::seconds(2);
    let mut later = show("later", 600, 5);
    later["sale_opens_at"] = json!(opens);
    server.put_on_sale(&later).await;
    let early = server.client.post("/v1/shows/later/bookings").key("k").json(&good).send().await;
    early.problem(403, "sale_not_open");
    eventually("the same request is served once the sale is open", async || {
        let answer = server.client.post("/v1/shows/later/bookings").key("k").json(&good).send().await;
        (answer.status == 201).then_some(())
    })
    .await;

    assert_eq!(hold(&good.to_string()).await.ok(201)["status"], "held");
    assert_eq!(server.close().await.bookings.len(), 2);
}

/// A buyer who got a 503 retries with the same key and gets a seat.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_can_be_used_again_after_an_overload() {
    let server = TestServer::open_with(Config { max_in_flight: 1, ..Config::default() }).await;
    server.put_on_sale(&show(GALA, 600, 100)).await;
    let selection = json!({"area": "floor", "quantity": 1});
    let mut turned_away = 0;
    for round in 0.. {
        assert!(round < 1000, "nobody is let in any more");
        let answers = at_once(40, |buyer| server.client.post(HOLD).key(&format!("buyer-{buyer}")).json(&selection).send()).await;
        for busy in answers.iter().filter(|answer| answer.status != 201) {
            busy.problem(503, "busy");
            turned_away += 1;
        }
        if answers.iter().all(|answer| answer.status == 201) {
            break;
        }
    }
    assert!(turned_away > 0, "everybody was let in at once");
    assert_eq!(server.floor().await, 60);
    assert_eq!(server.close().await.bookings.len(), 40);
}

/// A decision is kept, though: the repeat of a request that was answered "taken" gets the same answer,
/// even if the seat is free by now. A new try is a new key.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_repeated_and_a_new_key_is_a_new_try() {
    let server = TestServer::open(600).await;
    let owner = server.hold_seat("A-1").await;
    let hold = |key: &str| server.client.post(HOLD).key(key).json(&json!({"seats": ["A-1"]})).send();
    hold("first").await.problem(409, "seat_unavailable");
    server.cancel(&owner).await.ok(200);
    let repeat = hold("first").await;
    repeat.problem(409, "seat_unavailable");
    assert_eq!(repeat.header("idempotent-replayed"), Some("true"));
    let next = hold("second").await.ok(201);
    assert_eq!(text(&next, "status"), "held");
    server.close().await;
}

/// The repeat comes after the hold has expired and the server was restarted. It is answered with the
/// booking as it is, and never locks the seat, not even briefly.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_after_the_end_does_not_take_the_seats_again() {
    let server = TestServer::open(1).await;
    let selection = json!({"seats": ["A-1"]});
    let hold = |server: &TestServer| server.client.post(HOLD).key("cart-1").json(&selection).send();
    let first = hold(&server).await.ok(201);
    server.wait_for_status(&first, "aborted").await;
    server.wait_until_free("A-1").await;
    let server = server.restart().await;
    let again = hold(&server).await.ok(201);
    assert_eq!((&again["id"], &again["status"]), (&first["id"], &json!("aborted")));
    assert_eq!(server.state("A-1").await, "available");
    server.hold_seat("A-1").await;
    server.close().await;
}
