//! Vouchers over real HTTP: campaigns, discounts, goods, and who gets a code that many want.

use crate::support;

use futures::future::join_all;
use lastseat::auth::Role;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;
use support::client::{Answer, Call};
use support::test_server::{GALA, TestServer};
use support::{eventually, text};

fn campaign(server: &TestServer, body: &Value) -> Call {
    server.client.post("/v1/vouchers").bearer(&server.token("mia", Role::Manager)).json(body)
}

fn codes(campaign: &Value) -> Vec<String> {
    campaign["vouchers"].as_array().unwrap().iter().map(|voucher| text(voucher, "voucher").to_owned()).collect()
}

async fn issue(server: &TestServer, body: &Value) -> String {
    codes(&campaign(server, body).send().await.ok(201)).remove(0)
}

async fn apply(server: &TestServer, booking: &Value, code: &str) -> Answer {
    let path = format!("/v1/bookings/{}/voucher", text(booking, "id"));
    server.client.post(&path).bearer(text(booking, "token")).json(&json!({"voucher": code})).send().await
}

async fn remove(server: &TestServer, booking: &Value) -> Answer {
    let path = format!("/v1/bookings/{}/voucher", text(booking, "id"));
    server.client.delete(&path).bearer(text(booking, "token")).send().await
}

fn value(booking: &Value, member: &str) -> i64 {
    booking[member]["value"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_voucher_is_refused_and_nothing_is_issued() {
    let server = TestServer::open(600).await;
    for (body, code) in [
        (json!({}), "invalid_voucher"),
        (json!({"discount": {"percent": 50}, "code": "SUMMER"}), "invalid_request"),
        (json!({"discount": {"percent": 0}}), "invalid_voucher"),
        (json!({"discount": {"percent": 101}}), "invalid_voucher"),
        (json!({"discount": {"amount": {"value": 0, "currency": "EUR"}}}), "invalid_voucher"),
        (json!({"discount": {"amount": {"value": 5, "currency": "XYZ"}}}), "invalid_request"),
        (json!({"discount": {"free_seats": 0}}), "invalid_voucher"),
        (json!({"discount": {"goods": ""}}), "invalid_voucher"),
        (json!({"discount": {"percent": 50}, "count": 0}), "invalid_voucher"),
        (json!({"discount": {"percent": 50}, "count": 100_001}), "invalid_voucher"),
        (json!({"discount": {"percent": 50}, "uses": 0}), "invalid_voucher"),
        (json!({"discount": {"percent": 50}, "shows": ["nowhere"]}), "invalid_request"),
        (
            json!({"discount": {"percent": 50}, "valid_from": "2030-01-01T00:00:00Z", "valid_until": "2030-01-01T00:00:00Z"}),
            "invalid_voucher",
        ),
    ] {
        campaign(&server, &body).send().await.problem(422, code);
    }
    for body in [json!({"discount": {}}), json!({"discount": {"percent": 50, "goods": "A drink"}})] {
        let status = campaign(&server, &body).send().await.status;
        assert!([400, 422].contains(&status), "{body}: {status}");
    }
    let none = "/v1/vouchers/00000000-0000-0000-0000-000000000001";
    for path in [none, "/v1/vouchers/x"] {
        server.client.get(path).bearer(&server.admin()).send().await.problem(404, "campaign_not_found");
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_issued_once_under_its_key_and_read_in_pages_and_as_csv() {
    let server = TestServer::open(600).await;
    let body = json!({"discount": {"percent": 50}, "count": 500, "shows": [GALA]});
    let first = campaign(&server, &body).key("spring").send().await.ok(201);
    assert_eq!((text(&first, "status"), &first["count"], &first["issued"]), ("issued", &json!(500), &json!(500)));
    assert_eq!((&first["discount"], &first["shows"], text(&first, "by")), (&json!({"percent": 50}), &json!([GALA]), "mia"));
    let all = codes(&first);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 500);
    assert!(all.iter().all(|code| code.len() == 19 && !text(&first, "id").contains(code.as_str())));
    let server = server.restart().await;
    let again = campaign(&server, &body).key("spring").send().await.ok(201);
    assert_eq!((codes(&again), text(&again, "id")), (all.clone(), text(&first, "id")), "no second set after a restart");
    let other = json!({"discount": {"percent": 60}, "count": 500});
    campaign(&server, &other).key("spring").send().await.problem(422, "idempotency_key_reused");

    let path = format!("/v1/vouchers/{}", text(&first, "id"));
    let read = |query: &str| server.client.get(&format!("{path}{query}")).bearer(&server.token("mia", Role::Manager)).send();
    let page = read("?limit=100&starting_after=400").await.ok(200);
    assert_eq!((codes(&page), &page["has_more"]), (all[400..].to_vec(), &json!(false)));
    let page = read("").await.ok(200);
    assert_eq!((codes(&page).len(), &page["has_more"]), (20, &json!(true)));
    assert_eq!(page["vouchers"][0], json!({"number": 1, "voucher": all[0], "used": 0, "reserved": 0, "withdrawn": false}));
    let csv = read("?format=csv").await;
    assert_eq!((csv.status, csv.header("content-type").unwrap().starts_with("text/csv")), (200, true));
    let lines = String::from_utf8(csv.body.to_vec()).unwrap();
    assert_eq!(lines.lines().count(), 501);
    assert!(lines.starts_with(&format!("number,voucher\r\n1,{}\r\n", all[0])));
    // Codes are money: not for those who only read.
    for role in [Role::Buyer, Role::Staff, Role::Auditor] {
        server.client.get(&path).bearer(&server.token("somebody", role)).send().await.problem(403, "forbidden");
    }
    // The log has hashes only.
    let events = server.client.get("/v1/audit/events?limit=100000").bearer(&server.admin()).send().await;
    let events = String::from_utf8(events.body.to_vec()).unwrap();
    assert!(events.contains("VoucherCreated") && !all.iter().any(|code| events.contains(code.as_str())));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_lowers_what_a_booking_costs_until_it_is_removed() {
    let server = TestServer::open(600).await;
    let code = issue(&server, &json!({"discount": {"percent": 50}})).await;
    let booking = server.hold_seat("A-1").await;
    let price = value(&booking, "amount");
    let lowered = apply(&server, &booking, &code.to_lowercase().replace('-', " ")).await.ok(200);
    assert_eq!(
        (value(&lowered, "amount"), value(&lowered, "discount"), value(&lowered, "subtotal")),
        (price / 2, price / 2, price)
    );
    assert_eq!(text(&lowered, "voucher").len(), 64);
    let other = server.hold_seat("A-2").await;
    apply(&server, &other, &code).await.problem(409, "voucher_used_up");
    let second = issue(&server, &json!({"discount": {"percent": 10}})).await;
    apply(&server, &booking, &second).await.problem(409, "booking_has_voucher");
    let whole = remove(&server, &booking).await.ok(200);
    assert_eq!((value(&whole, "amount"), whole.get("discount"), whole.get("voucher")), (price, None, None));
    remove(&server, &booking).await.ok(200);
    // Free again, at once.
    apply(&server, &other, &code).await.ok(200);
    let paid = server.pay(&other, "pm_card_visa").await.ok(200);
    assert_eq!((text(&paid, "status"), value(&paid, "amount")), ("confirmed", price / 2));
    remove(&server, &other).await.problem(409, "already_confirmed");
    apply(&server, &booking, &code).await.problem(409, "voucher_used_up");
    server.pay(&booking, "pm_card_chargeDeclined").await.problem(402, "payment_declined");
    apply(&server, &booking, &second).await.problem(409, "payment_begun");
    // Somebody else's booking does not exist.
    let path = format!("/v1/bookings/{}/voucher", text(&booking, "id"));
    let stranger = server.client.post(&path).bearer(&server.token("bob", Role::Buyer));
    stranger.json(&json!({"voucher": second})).send().await.problem(404, "booking_not_found");
    let listed = server.client.get("/v1/bookings?status=confirmed").bearer(&server.admin());
    let listed = listed.header("lastseat-min-position", "1").send().await.ok(200);
    assert_eq!((value(&listed["data"][0], "amount"), value(&listed["data"][0], "discount")), (price / 2, price / 2));
    let books = server.close().await;
    assert_eq!(books.revenue(), price / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_costs_nothing_is_confirmed_without_a_method() {
    let server = TestServer::open(600).await;
    let code = issue(&server, &json!({"discount": {"free_seats": 1}, "categories": ["nowhere"]})).await;
    let booking = server.hold_seat("A-1").await;
    apply(&server, &booking, &code).await.problem(409, "voucher_not_usable");
    let code = issue(&server, &json!({"discount": {"free_seats": 1}})).await;
    apply(&server, &booking, &code).await.ok(200);
    let path = format!("/v1/bookings/{}/payment", text(&booking, "id"));
    let paid = server.client.post(&path).bearer(text(&booking, "token")).json(&json!({})).send().await.ok(200);
    assert_eq!((text(&paid, "status"), value(&paid, "amount")), ("confirmed", 0));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_shows_how_often_each_voucher_was_used() {
    let server = TestServer::open(600).await;
    let issued = campaign(&server, &json!({"discount": {"percent": 100}, "count": 2, "uses": 3})).send().await.ok(201);
    let path = format!("/v1/vouchers/{}", text(&issued, "id"));
    let uses = async || {
        let page = server.client.get(&path).bearer(&server.token("mia", Role::Manager)).send().await.ok(200);
        let of = |n: usize, member: &str| page["vouchers"][n][member].as_u64().unwrap();
        [0, 1].map(|n| (of(n, "used"), of(n, "reserved")))
    };
    let second = &codes(&issued)[1];
    let (free, paid) = (server.hold_seat("A-1").await, server.hold_seat("A-2").await);
    for booking in [&free, &paid] {
        apply(&server, booking, second).await.ok(200);
    }
    assert_eq!(uses().await, [(0, 0), (0, 2)]);
    let pay = format!("/v1/bookings/{}/payment", text(&paid, "id"));
    server.client.post(&pay).bearer(text(&paid, "token")).json(&json!({})).send().await.ok(200);
    eventually("it is used once", async || (uses().await == [(0, 0), (1, 1)]).then_some(())).await;
    remove(&server, &free).await.ok(200);
    assert_eq!(uses().await, [(0, 0), (1, 0)]);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_bookings_at_once_with_one_code_and_exactly_one_has_it() {
    let server = TestServer::open(600).await;
    let show = support::show("crowd", 600, 60);
    server.put_on_sale(&show).await;
    let code = issue(&server, &json!({"discount": {"percent": 100}})).await;
    // Each buyer has a token: the limit on wrong codes counts codes that are being tried at this moment, too.
    let tokens: Vec<String> = (0..50).map(|n| server.token(&format!("buyer-{n}"), Role::Buyer)).collect();
    let hold = |token: &str| {
        let call = server.client.post("/v1/shows/crowd/bookings").bearer(token);
        call.json(&json!({"area": "floor", "quantity": 1})).send()
    };
    let held = join_all(tokens.iter().map(|token| hold(token))).await;
    let use_code = |(token, held): (&String, &Answer)| {
        let path = format!("/v1/bookings/{}/voucher", text(&held.ok(201), "id"));
        server.client.post(&path).bearer(token).json(&json!({"voucher": code})).send()
    };
    let answers = join_all(tokens.iter().zip(&held).map(use_code)).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        lost.problem(409, "voucher_used_up");
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_hand_over_goods_once() {
    let server = TestServer::open(600).await;
    let drink = issue(&server, &json!({"discount": {"goods": "A drink"}})).await;
    let redeem = |role: Role, code: &str| {
        let call = server.client.post("/v1/vouchers/redeem").bearer(&server.token("stan", role));
        call.json(&json!({"voucher": code})).send()
    };
    redeem(Role::Buyer, &drink).await.problem(403, "forbidden");
    redeem(Role::Auditor, &drink).await.problem(403, "forbidden");
    let answer = redeem(Role::Staff, &drink).await.ok(200);
    assert_eq!((&answer["discount"], &answer["left"]), (&json!({"goods": "A drink"}), &json!(0)));
    redeem(Role::Staff, &drink).await.problem(409, "voucher_used_up");
    let discount = issue(&server, &json!({"discount": {"percent": 50}})).await;
    redeem(Role::Staff, &discount).await.problem(409, "voucher_not_usable");
    redeem(Role::Staff, "AAAA-AAAA-AAAA-AAAA").await.problem(422, "unknown_voucher");
    let booking = server.hold_seat("A-1").await;
    apply(&server, &booking, &issue(&server, &json!({"discount": {"goods": "A drink"}})).await)
        .await
        .problem(409, "voucher_not_usable");
    server.close().await;
}

/// Twenty wrong codes, and then the right one is refused like a wrong one.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_are_counted_and_too_many_refused_whether_the_next_is_right_or_not() {
    let server = TestServer::open(600).await;
    let code = issue(&server, &json!({"discount": {"percent": 50}})).await;
    let path = |booking: &Value| format!("/v1/bookings/{}/voucher", text(booking, "id"));
    let anna = server.token("anna", Role::Buyer);
    let held = server.client.post(&format!("/v1/shows/{GALA}/bookings")).bearer(&anna);
    let booking = held.json(&json!({"seats": ["A-1"]})).send().await.ok(201);
    let try_code = |code: &str| {
        let call = server.client.post(&path(&booking)).bearer(&anna);
        call.json(&json!({"voucher": code})).send()
    };
    for n in 0..20 {
        let wrong = if n % 2 == 0 { format!("AAAA-AAAA-AAAA-{n:04}") } else { "short".to_owned() };
        try_code(&wrong).await.problem(422, "unknown_voucher");
    }
    try_code(&code).await.problem(429, "rate_limited");
    try_code("AAAA-AAAA-AAAA-AAAA").await.problem(429, "rate_limited");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_ends_gives_its_voucher_back() {
    let server = TestServer::open(2).await;
    let code = issue(&server, &json!({"discount": {"percent": 50}})).await;
    let booking = server.hold_seat("A-1").await;
    apply(&server, &booking, &code).await.ok(200);
    server.wait_for_status(&booking, "aborted").await;
    let other = server.hold_seat("A-2").await;
    for _ in 0..50 {
        if apply(&server, &other, &code).await.status == 200 {
            server.close().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the voucher is not free");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_find_bookings_by_their_voucher_and_sales_count_what_was_paid() {
    let server = TestServer::open(600).await;
    let code = issue(&server, &json!({"discount": {"percent": 50}})).await;
    let (booking, _other) = (server.hold_seat("A-1").await, server.hold_seat("A-2").await);
    let price = value(&booking, "amount");
    let hash = text(&apply(&server, &booking, &code).await.ok(200), "voucher").to_owned();
    let paid = server.pay(&booking, "pm_card_visa").await;
    paid.ok(200);
    let position = paid.header("lastseat-position").unwrap().to_owned();
    let staff = server.token("stan", Role::Staff);
    let list = |query: &str| {
        let call = server.client.get(&format!("/v1/bookings?{query}")).bearer(&staff);
        call.header("lastseat-min-position", &position).send()
    };
    for by in [&code, &hash] {
        let found = list(&format!("voucher={by}")).await.ok(200);
        let ids: Vec<_> = found["data"].as_array().unwrap().iter().map(|booking| text(booking, "id")).collect();
        assert_eq!(ids, [text(&booking, "id")], "{by}");
    }
    let none = list("voucher=AAAA-AAAA-AAAA-AAAA").await.ok(200);
    assert_eq!(none["data"], json!([]));
    list("voucher=x").await.problem(400, "invalid_parameter");
    let sales = server.client.get(&format!("/v1/shows/{GALA}/sales")).bearer(&staff);
    let sales = sales.header("lastseat-min-position", &position).send().await.ok(200);
    assert_eq!(value(&sales, "captured"), price / 2);
    assert_eq!(sales["by_category"][0]["captured"], json!(price / 2));
    assert_eq!(sales["by_channel"][0]["captured"], json!(price / 2));
    server.close().await;
}
