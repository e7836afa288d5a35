//! Vouchers that open blocks, over real HTTP: what a buyer gets with one, and every way to be refused.

use crate::support;

use lastseat::auth::Role;
use serde_json::{Value, json};
use support::client::{Answer, Call};
use support::test_server::{GALA, TestServer};
use support::text;

async fn block(server: &TestServer, seats: &[&str]) -> String {
    let body = json!({"seats": seats, "reason": "Friends of the house"});
    let call = server.client.post(&format!("/v1/shows/{GALA}/blocks")).bearer(&server.token("mia", Role::Manager));
    text(&call.json(&body).send().await.ok(201), "id").to_owned()
}

fn campaign(server: &TestServer, body: &Value) -> Call {
    server.client.post("/v1/vouchers").bearer(&server.token("mia", Role::Manager)).json(body)
}

async fn issue(server: &TestServer, body: &Value) -> String {
    text(&campaign(server, body).send().await.ok(201)["vouchers"][0], "voucher").to_owned()
}

fn holding(server: &TestServer, seat: &str, voucher: &str) -> Call {
    server.client.post(&format!("/v1/shows/{GALA}/bookings")).json(&json!({"seats": [seat], "voucher": voucher}))
}

async fn of_booking(server: &TestServer, booking: &Value, voucher: &str) -> Answer {
    let path = format!("/v1/bookings/{}/voucher", text(booking, "id"));
    server.client.post(&path).bearer(text(booking, "token")).json(&json!({"voucher": voucher})).send().await
}

fn value(booking: &Value, member: &str) -> i64 {
    booking[member]["value"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_buys_one_kept_seat() {
    let server = TestServer::open(600).await;
    let kept = block(&server, &["A-1", "A-2"]).await;
    let body = json!({"opens": [kept], "discount": {"percent": 50}});
    let issued = campaign(&server, &body).send().await.ok(201);
    assert_eq!((&issued["opens"], &issued["discount"]), (&json!([kept]), &json!({"percent": 50})));
    let code = text(&issued["vouchers"][0], "voucher");
    server.try_hold(&json!({"seats": ["A-1"]})).await.problem(409, "seat_unavailable");
    let held = holding(&server, "A-1", &code.to_lowercase()).key("one").send().await.ok(201);
    let price = value(&held, "subtotal");
    assert_eq!((value(&held, "amount"), value(&held, "discount")), (price / 2, price / 2));
    assert_eq!(text(&held, "voucher").len(), 64);
    // The same request again, the same code again.
    let again = holding(&server, "A-1", &code.to_lowercase()).key("one").send().await.ok(201);
    assert_eq!((text(&again, "id"), text(&again, "token")), (text(&held, "id"), text(&held, "token")));
    holding(&server, "A-2", code).send().await.problem(409, "voucher_used_up");
    assert_eq!(server.state("A-2").await, "unavailable");
    let path = format!("/v1/bookings/{}/voucher", text(&held, "id"));
    let remove = server.client.delete(&path).bearer(text(&held, "token"));
    remove.send().await.problem(409, "booking_keeps_voucher");
    let other = issue(&server, &json!({"discount": {"percent": 10}})).await;
    of_booking(&server, &held, &other).await.problem(409, "booking_has_voucher");
    of_booking(&server, &held, code).await.ok(200);
    let server = server.restart().await;
    let again = holding(&server, "A-1", &code.to_lowercase()).key("one").send().await.ok(201);
    assert_eq!((text(&again, "id"), value(&again, "amount")), (text(&held, "id"), price / 2));
    let paid = server.pay(&held, "pm_card_visa").await.ok(200);
    assert_eq!((text(&paid, "status"), value(&paid, "amount")), ("confirmed", price / 2));
    let books = server.close().await;
    assert_eq!(books.revenue(), price / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_only_opens_takes_nothing_off_and_is_free_again_after_a_cancellation() {
    let server = TestServer::open(600).await;
    let kept = block(&server, &["A-1"]).await;
    let issued = campaign(&server, &json!({"opens": [kept], "shows": [GALA]})).send().await.ok(201);
    assert_eq!(issued.get("discount"), None);
    let code = text(&issued["vouchers"][0], "voucher");
    for _ in 0..2 {
        let held = holding(&server, "A-1", code).send().await.ok(201);
        assert_eq!((held.get("discount"), held.get("subtotal"), text(&held, "voucher").len()), (None, None, 64));
        server.cancel(&held).await.ok(200);
    }
    // It is of no use for another booking.
    let free = server.hold_seat("B-1").await;
    of_booking(&server, &free, code).await.problem(409, "voucher_not_usable");
    // Staff hold with it at the till, for a buyer.
    let at_till = json!({"seats": ["A-1", "B-2"], "voucher": code, "buyer": "anna"});
    let stan = server.client.post(&format!("/v1/shows/{GALA}/bookings")).bearer(&server.token("stan", Role::Staff));
    let held = stan.json(&at_till).send().await.ok(201);
    assert_eq!((text(&held, "channel"), text(&held, "voucher").len()), ("till", 64));
    let hash = text(&held, "voucher").to_owned();
    let paid = server.pay(&held, "pm_card_visa").await;
    paid.ok(200);
    let position = paid.header("lastseat-position").unwrap().to_owned();
    let found = server.client.get(&format!("/v1/bookings?voucher={hash}&status=confirmed")).bearer(&server.admin());
    let found = found.header("lastseat-min-position", &position).send().await.ok(200);
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_nothing_is_refused() {
    let server = TestServer::open(600).await;
    let kept = block(&server, &["A-1"]).await;
    let lifted = block(&server, &["A-3"]).await;
    let path = format!("/v1/shows/{GALA}/blocks/{lifted}");
    server.client.delete(&path).bearer(&server.admin()).send().await.ok(200);
    let none = "00000000-0000-0000-0000-000000000001";
    for (body, code, field) in [
        (json!({}), "invalid_voucher", "discount"),
        (json!({"opens": []}), "invalid_voucher", "discount"),
        (json!({"opens": [none]}), "invalid_voucher", "opens"),
        (json!({"opens": [kept, lifted]}), "invalid_voucher", "opens"),
        (json!({"opens": vec![kept.as_str(); 101]}), "invalid_voucher", "opens"),
        (json!({"opens": [kept], "discount": {"goods": "A drink"}}), "invalid_voucher", "opens"),
    ] {
        let problem = campaign(&server, &body).send().await.problem(422, code);
        assert_eq!(text(&problem, "field"), field, "{body}");
    }
    campaign(&server, &json!({"opens": ["x"]})).send().await.problem(422, "invalid_request");
    let percent = issue(&server, &json!({"discount": {"percent": 50}})).await;
    holding(&server, "A-1", &percent).send().await.problem(409, "voucher_not_usable");
    holding(&server, "A-1", "7K2M-Q9XA-0R4T-ZC5E").send().await.problem(422, "unknown_voucher");
    holding(&server, "A-1", "x").send().await.problem(422, "unknown_voucher");
    let batch = json!({"holds": [{"buyer": "bob", "seats": ["A-1"], "voucher": percent}]});
    let call = server.client.post(&format!("/v1/shows/{GALA}/bookings:batch")).bearer(&server.token("stan", Role::Staff));
    let results = call.json(&batch).send().await.ok(200);
    assert_eq!(results["results"][0]["problem"]["code"], "invalid_request");
    // A seat that is sold already is refused as ever, whatever code is sent.
    server.hold_seat("B-1").await;
    holding(&server, "B-1", "7K2M-Q9XA-0R4T-ZC5E").send().await.problem(409, "seat_unavailable");
    assert_eq!(server.state("A-1").await, "unavailable");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_can_not_be_found_by_trying_them_in_holds() {
    let server = TestServer::open(600).await;
    let kept = block(&server, &["A-1"]).await;
    let right = issue(&server, &json!({"opens": [kept]})).await;
    let bob = server.token("bob", Role::Buyer);
    for n in 0..20 {
        let wrong = format!("7K2M-Q9XA-0R4T-ZC{n:02}");
        holding(&server, "A-1", &wrong).bearer(&bob).send().await.problem(422, "unknown_voucher");
    }
    holding(&server, "A-1", &right).bearer(&bob).send().await.problem(429, "rate_limited");
    holding(&server, "A-1", &right).bearer(&server.token("carol", Role::Buyer)).send().await.ok(201);
    server.close().await;
}
