//! Forged requests that the replaced Node.js systems accepted.

use crate::at_once;
use crate::support::test_server::TestServer;
use crate::support::{show, text};
use lastseat::auth::Role;
use serde_json::json;

/// Prices came from the client, and 0 was accepted.
#[tokio::test(flavor = "multi_thread")]
async fn prices_do_not_come_from_the_client() {
    let server = TestServer::open(600).await;
    for order in [
        json!({"seats": ["A-1"], "price": 0}),
        json!({"seats": ["A-1"], "price": 1}),
        json!({"seats": ["A-1"], "amount": {"value": 0, "currency": "EUR"}}),
        json!({"area": "floor", "quantity": 1, "price": -3000}),
    ] {
        server.try_hold(&order).await.problem(422, "price_not_accepted");
    }
    let booking = server.hold_seat("A-1").await;
    assert_eq!(booking["amount"], json!({"value": 4500, "currency": "EUR"}));
    for body in [json!({"payment_method": "pm_card_visa", "amount": 0}), json!({"payment_method": "pm_card_visa", "price": 1})] {
        server.paying(&booking).json(&body).send().await.problem(422, "price_not_accepted");
    }
    server.pay(&booking, "pm_card_visa").await.ok(200);
    assert_eq!(server.running().sandbox.as_ref().unwrap().intents()[0].captured, 4500);
    assert_eq!(server.close().await.revenue(), 4500);
}

/// A quantity of −5 added stock.
#[tokio::test(flavor = "multi_thread")]
async fn impossible_quantities_change_nothing() {
    let server = TestServer::open(600).await;
    for quantity in
        ["-5", "0", "-0", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "1.5", "1e400", "\"3\"", "null"]
    {
        for order in [
            format!(r#"{{"area":"floor","quantity":{quantity}}}"#),
            format!(r#"{{"best_available":{{"quantity":{quantity},"category":"stalls"}}}}"#),
        ] {
            let answer = server.client.post("/v1/shows/gala/bookings").text(&order).send().await;
            assert!([400, 422].contains(&answer.status), "{order}: {answer:?}");
            assert!(!answer.code().is_empty(), "{order}: {answer:?}");
        }
    }
    for quantity in ["-5", "0", "9223372036854775808"] {
        let order = format!(r#"{{"area":"floor","quantity":{quantity}}}"#);
        let answer = server.client.post("/v1/shows/gala/bookings").text(&order).send().await;
        assert!(["invalid_quantity", "too_many_seats"].contains(&answer.code().as_str()), "{order}: {answer:?}");
    }
    server.try_hold(&json!({"area": "floor", "quantity": 11})).await.problem(422, "too_many_seats");
    assert_eq!(server.floor().await, 20);
    assert_eq!(server.close().await.bookings.len(), 0);
}

/// Limits were counted by a user id that the client sent: a new id had a new quota.
#[tokio::test(flavor = "multi_thread")]
async fn user_ids_from_the_client_do_not_matter() {
    let server = TestServer::open(600).await;
    let mut limited = show("limited", 600, 20);
    limited["max_seats_per_buyer"] = json!(2);
    server.put_on_sale(&limited).await;
    for member in ["user", "user_id", "userId", "customer"] {
        let mut order = json!({"area": "floor", "quantity": 1});
        order[member] = json!("somebody-else");
        server.try_hold(&order).await.problem(422, "invalid_request");
    }
    // Only staff name a buyer.
    server
        .try_hold(&json!({"area": "floor", "quantity": 1, "buyer": "somebody-else"}))
        .await
        .problem(401, "authentication_required");
    let ann = server.token("ann", Role::Buyer);
    let answers = at_once(12, |n| {
        let call = server.client.post("/v1/shows/limited/bookings").bearer(&ann).json(&json!({"area": "floor", "quantity": 1}));
        call.header("x-user-id", &format!("user-{n}")).header("x-forwarded-for", &format!("10.0.0.{n}")).send()
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 2);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.problem(403, "buyer_limit");
    }
    let mine = server.client.get("/v1/me/bookings").bearer(&ann).header("x-user-id", "bob").send().await.ok(200);
    assert_eq!(mine["data"].as_array().unwrap().len(), 2);
    let books = server.close().await;
    assert!(books.bookings.values().all(|book| book.buyer == "ann"));
}

/// Somebody else's booking can't be read, paid, cancelled or extended.
#[tokio::test(flavor = "multi_thread")]
async fn anothers_booking_does_not_exist() {
    let server = TestServer::open(600).await;
    let (own, others) = (server.hold_seat("A-1").await, server.hold_seat("A-2").await);
    let (path, token) = (format!("/v1/bookings/{}", text(&others, "id")), text(&own, "token"));
    for token in [token, &server.token("mallory", Role::Buyer)] {
        server.client.get(&path).bearer(token).send().await.problem(404, "booking_not_found");
        server.client.delete(&path).bearer(token).send().await.problem(404, "booking_not_found");
        server.client.post(&format!("{path}/extend")).bearer(token).send().await.problem(404, "booking_not_found");
        let pay = server.client.post(&format!("{path}/payment")).bearer(token).json(&json!({"payment_method": "pm_card_visa"}));
        pay.send().await.problem(404, "booking_not_found");
    }
    assert_eq!(server.booking(&others).await["status"], "held");
    server.close().await;
}
