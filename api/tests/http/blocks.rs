//! Seats that are kept from the open sale, over real HTTP.

use crate::support;

use lastseat::auth::Role;
use serde_json::{Value, json};
use std::time::Duration;
use support::client::{Answer, Call};
use support::sse::Stream;
use support::test_server::{GALA, TestServer};
use support::text;

const SOON: Duration = Duration::from_secs(20);

fn blocks(server: &TestServer, body: &Value) -> Call {
    server.client.post(&format!("/v1/shows/{GALA}/blocks")).bearer(&server.token("mia", Role::Manager)).json(body)
}

async fn block(server: &TestServer, body: &Value) -> Value {
    blocks(server, body).send().await.ok(201)
}

async fn lift(server: &TestServer, block: &Value) -> Answer {
    let path = format!("/v1/shows/{GALA}/blocks/{}", text(block, "id"));
    server.client.delete(&path).bearer(&server.token("mia", Role::Manager)).send().await
}

async fn read(server: &TestServer, block: &Value) -> Value {
    let path = format!("/v1/shows/{GALA}/blocks/{}", text(block, "id"));
    server.client.get(&path).bearer(&server.token("stan", Role::Staff)).send().await.ok(200)
}

fn states(block: &Value, member: &str) -> Vec<(String, String)> {
    let seats = block[member].as_array().unwrap();
    seats.iter().map(|seat| (text(seat, "seat").to_owned(), text(seat, "state").to_owned())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(seat, state)| ((*seat).to_owned(), (*state).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_blocked_is_refused_and_nothing_is_blocked() {
    let server = TestServer::open(600).await;
    server.hold_seat("A-1").await;
    for (body, status, code) in [
        (json!({"seats": ["A-1", "A-2"], "reason": "Press"}), 409, "seat_unavailable"),
        (json!({"seats": ["A-2", "Z-1"], "reason": "Press"}), 422, "unknown_seat"),
        (json!({"seats": ["A-2", "A-2"], "reason": "Press"}), 422, "duplicate_seats"),
        (json!({"seats": ["A-2"], "reason": ""}), 422, "invalid_block"),
        (json!({"seats": ["A-2"]}), 422, "invalid_request"),
        (json!({"reason": "Press"}), 422, "invalid_request"),
        (json!({"seats": ["A-2"], "area": "floor", "quantity": 1, "reason": "Press"}), 422, "invalid_request"),
        (json!({"area": "floor", "reason": "Press"}), 422, "invalid_request"),
        (json!({"area": "floor", "quantity": 21, "reason": "Press"}), 409, "seat_unavailable"),
        (json!({"area": "floor", "quantity": 5001, "reason": "Press"}), 422, "invalid_block"),
        (json!({"seats": [], "reason": "Press"}), 422, "invalid_block"),
        (json!({"seats": ["A-2"], "reason": "Press", "access_code": "short"}), 422, "invalid_request"),
        (json!({"seats": ["A-2"], "reason": "Press", "channel": "No Channel"}), 422, "invalid_request"),
        (json!({"seats": ["A-2"], "reason": "Press", "channel": "press"}), 422, "invalid_block"),
    ] {
        blocks(&server, &body).send().await.problem(status, code);
    }
    assert_eq!(server.state("A-2").await, "available");
    let missing = format!("/v1/shows/{GALA}/blocks/00000000-0000-0000-0000-000000000001");
    for path in [missing.as_str(), "/v1/shows/gala/blocks/x"] {
        server.client.get(path).bearer(&server.admin()).send().await.problem(404, "block_not_found");
        server.client.delete(path).bearer(&server.admin()).send().await.problem(404, "block_not_found");
    }
    let nowhere = server.client.post("/v1/shows/none/blocks").bearer(&server.admin());
    nowhere.json(&json!({"seats": ["A-1"], "reason": "Press"})).send().await.problem(404, "show_not_found");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_read_blocks_and_managers_make_them() {
    let server = TestServer::open(600).await;
    let made = block(&server, &json!({"seats": ["A-1"], "reason": "Press"})).await;
    let (all, one) = (format!("/v1/shows/{GALA}/blocks"), format!("/v1/shows/{GALA}/blocks/{}", text(&made, "id")));
    for (role, reads, makes) in
        [(Role::Buyer, false, false), (Role::Staff, true, false), (Role::Auditor, true, false), (Role::Manager, true, true)]
    {
        let token = server.token("somebody", role);
        for path in [&all, &one] {
            let answer = server.client.get(path).bearer(&token).send().await;
            if reads { drop(answer.ok(200)) } else { drop(answer.problem(403, "forbidden")) }
        }
        if !makes {
            // Refused before the body is read.
            let body = json!({"seats": ["B-1"], "reason": "Press"});
            server.client.post(&all).bearer(&token).json(&body).send().await.problem(403, "forbidden");
            server.client.delete(&one).bearer(&token).send().await.problem(403, "forbidden");
        }
    }
    server.client.get(&all).send().await.problem(401, "authentication_required");
    // Buyers learn neither the reason nor the block.
    let map = server.map(GALA).await.to_string();
    assert!(map.contains("unavailable") && !map.contains("Press") && !map.contains(text(&made, "id")));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_seat_is_unavailable_everywhere_until_its_block_is_lifted() {
    let server = TestServer::open(600).await;
    let before = server.map(GALA).await["position"].as_u64();
    let mut stream = Stream::open(&server.client, GALA, before, None).await;
    let made = block(&server, &json!({"seats": ["A-2", "A-1"], "reason": "Press", "channel": "till"})).await;
    assert_eq!(
        (text(&made, "status"), text(&made, "reason"), text(&made, "channel"), text(&made, "by"), &made["has_access_code"]),
        ("open", "Press", "till", "mia", &json!(false))
    );
    assert_eq!(states(&made, "seats"), pairs(&[("A-1", "blocked"), ("A-2", "blocked")]));
    let refused = server.try_hold(&json!({"seats": ["A-1"]})).await.problem(409, "seat_unavailable");
    assert_eq!((text(&refused, "state"), refused.get("free_at")), ("unavailable", None));
    assert_eq!(server.state("A-1").await, "unavailable");
    let rows = server.client.get(&format!("/v1/shows/{GALA}/seats"));
    let rows = rows.header("accept", "application/vnd.lastseat.seat-rows+json").send().await.ok(200);
    assert_eq!(rows["areas"][0]["rows"][0]["seats"], "uuaaaaaaaa");
    assert_eq!(rows["areas"][0]["available"], 28);
    let sales = server.client.get(&format!("/v1/shows/{GALA}/sales")).bearer(&server.admin()).send().await.ok(200);
    assert_eq!((&sales["seats"]["unavailable"], &sales["seats"]["available"]), (&json!(2), &json!(48)));
    for _ in 0..2 {
        assert_eq!(text(&lift(&server, &made).await.ok(200), "status"), "lifted");
    }
    let lifted = read(&server, &made).await;
    assert_eq!(states(&lifted, "seats"), pairs(&[("A-1", "available"), ("A-2", "available")]));
    assert!(lifted["lifted_at"].is_string(), "{lifted}");
    server.hold(&json!({"seats": ["A-1", "A-2"]})).await;
    let mut seen = Vec::new();
    while seen.len() < 6 {
        let change = stream.next_seat(SOON).await.expect("the stream continues");
        seen.push((change.name, text(&change.data, "seat").to_owned(), text(&change.data, "state").to_owned()));
        assert_eq!(change.data.as_object().unwrap().len(), 4, "no reasons: {}", change.data);
    }
    for (changes, name, state) in [
        (&seen[..2], "seat_blocked", "unavailable"),
        (&seen[2..4], "seat_unblocked", "available"),
        (&seen[4..], "seat_locked", "locked"),
    ] {
        for (n, change) in changes.iter().enumerate() {
            assert_eq!(*change, (name.to_owned(), format!("A-{}", n + 1), state.to_owned()));
        }
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_free_can_be_blocked_and_the_answer_names_the_rest() {
    let server = TestServer::open(600).await;
    let held = server.hold_seat("A-2").await;
    let body = json!({"seats": ["A-1", "A-2", "A-3"], "reason": "Press", "partial": true});
    let made = block(&server, &body).await;
    assert_eq!(states(&made, "seats"), pairs(&[("A-1", "blocked"), ("A-3", "blocked")]));
    assert_eq!(states(&made, "not_blocked"), pairs(&[("A-2", "locked")]));
    let none = json!({"seats": ["A-1", "A-2"], "reason": "Press", "partial": true});
    blocks(&server, &none).send().await.problem(409, "seat_unavailable");
    server.cancel(&held).await.ok(200);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_gets_the_same_block_after_a_restart_too() {
    let server = TestServer::open(600).await;
    let body = json!({"seats": ["A-1"], "reason": "Press"});
    let first = blocks(&server, &body).key("k").send().await;
    let made = first.ok(201);
    assert_eq!(first.header("location"), Some(format!("/v1/shows/{GALA}/blocks/{}", text(&made, "id")).as_str()));
    let again = blocks(&server, &body).key("k").send().await;
    assert_eq!((&again.ok(201), again.header("idempotent-replayed")), (&made, Some("true")));
    let server = server.restart().await;
    let again = blocks(&server, &body).key("k").send().await;
    assert_eq!((again.ok(201)["id"].clone(), again.header("idempotent-replayed")), (made["id"].clone(), Some("true")));
    let other = json!({"seats": ["B-1"], "reason": "Press"});
    blocks(&server, &other).key("k").send().await.problem(422, "idempotency_key_reused");
    let list = server.client.get(&format!("/v1/shows/{GALA}/blocks")).bearer(&server.admin()).send().await.ok(200);
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["id"]), (1, &made["id"]));
    assert_eq!(list["data"][0]["states"], json!({"blocked": 1}));
    lift(&server, &made).await.ok(200);
    server.close().await;
}

/// A house of 5,000 places in one request, and back.
#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_seats_are_blocked_in_one_request() {
    let server = TestServer::open(600).await;
    let rows: Vec<Value> = (1..=50).map(|n| json!({"row": format!("R{n}"), "seats": 100})).collect();
    let house = json!({
        "id": "house", "title": "House", "currency": "EUR",
        "categories": [{"category": "all", "price": 1000}],
        "areas": [{"area": "hall", "category": "all", "rows": rows}],
    });
    server.put_on_sale(&house).await;
    let seats: Vec<String> = (1..=50).flat_map(|row| (1..=100).map(move |seat| format!("R{row}-{seat}"))).collect();
    let call = server.client.post("/v1/shows/house/blocks").bearer(&server.admin());
    let begun = std::time::Instant::now();
    let made = call.json(&json!({"seats": seats, "reason": "Presale"})).send().await.ok(201);
    let blocked = begun.elapsed();
    assert_eq!((made["seats"].as_array().unwrap().len(), &made["states"]["blocked"]), (5_000, &json!(5_000)));
    let path = format!("/v1/shows/house/blocks/{}", text(&made, "id"));
    let begun = std::time::Instant::now();
    server.client.delete(&path).bearer(&server.admin()).send().await.ok(200);
    println!("5,000 seats: blocked in {blocked:?}, back on sale in {:?}", begun.elapsed());
    let hold = json!({"best_available": {"category": "all", "quantity": 4}});
    server.client.post("/v1/shows/house/bookings").json(&hold).send().await.ok(201);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_code_opens_its_block_and_nothing_else_does() {
    let server = TestServer::open(600).await;
    let sponsor = json!({"seats": ["A-1", "A-2"], "reason": "Sponsor", "channel": "sponsor", "access_code": "sesame-2027"});
    let made = block(&server, &sponsor).await;
    assert!(!made.to_string().contains("sesame"), "{made}");
    for (body, status, refused) in [
        (json!({"seats": ["A-1"]}), 409, "seat_unavailable"),
        (json!({"seats": ["A-1"], "access_code": "sesame-2028"}), 403, "access_refused"),
        (json!({"seats": ["A-1"], "access_code": "short"}), 422, "invalid_request"),
        (json!({"seats": ["A-1"], "access_code": 7}), 422, "invalid_request"),
        (json!({"seats": ["A-1"], "channel": "sponsor"}), 403, "access_refused"),
        (json!({"seats": ["A-1"], "channel": "press", "access_code": "sesame-2027"}), 403, "access_refused"),
        (json!({"seats": ["A-1"], "channel": "till"}), 401, "authentication_required"),
    ] {
        server.try_hold(&body).await.problem(status, refused);
    }
    let held = server.hold(&json!({"seats": ["A-1"], "access_code": "sesame-2027"})).await;
    assert_eq!(text(&held, "channel"), "sponsor");
    server.pay(&held, "pm_card_visa").await.ok(200);
    assert_eq!(states(&read(&server, &made).await, "seats"), pairs(&[("A-1", "booked"), ("A-2", "blocked")]));
    // A code of one show opens nothing in another.
    server.put_on_sale(&support::show("other", 600, 5)).await;
    let call = server.client.post("/v1/shows/other/bookings").json(&json!({"seats": ["A-1"], "access_code": "sesame-2027"}));
    call.send().await.problem(403, "access_refused");
    // Codes survive a restart, and the log does not have them.
    let server = server.restart().await;
    let again =
        server.hold(&json!({"best_available": {"quantity": 1, "category": "stalls"}, "access_code": "sesame-2027"})).await;
    assert_eq!(support::seats_of(&again), ["A-2"]);
    server.cancel(&again).await.ok(200);
    support::eventually("the seat is in its block again", async || (server.state("A-2").await == "unavailable").then_some(()))
        .await;
    lift(&server, &made).await.ok(200);
    server.try_hold(&json!({"seats": ["A-2"], "access_code": "sesame-2027"})).await.problem(403, "access_refused");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_till_is_for_staff_and_sells_what_everybody_can_buy_as_well() {
    let server = TestServer::open(600).await;
    block(&server, &json!({"area": "floor", "quantity": 20, "reason": "Till", "channel": "till"})).await;
    assert_eq!(server.floor().await, 0);
    server.try_hold(&json!({"area": "floor", "quantity": 1})).await.problem(410, "sold_out");
    let body = json!({"area": "floor", "quantity": 2, "channel": "till"});
    let at_the_till = |role| {
        let call = server.client.post(&format!("/v1/shows/{GALA}/bookings")).bearer(&server.token("stan", role));
        call.json(&body)
    };
    at_the_till(Role::Buyer).send().await.problem(403, "forbidden");
    for role in [Role::Staff, Role::Manager, Role::Admin] {
        assert_eq!(text(&at_the_till(role).send().await.ok(201), "channel"), "till");
    }
    let seat = json!({"seats": ["A-1"], "channel": "till"});
    let call = server.client.post(&format!("/v1/shows/{GALA}/bookings")).bearer(&server.token("stan", Role::Staff));
    assert_eq!(text(&call.json(&seat).send().await.ok(201), "channel"), "till");
}

/// The twenty-first guess is refused, right or not; right codes are never counted.
#[tokio::test(flavor = "multi_thread")]
async fn an_access_code_can_not_be_found_by_trying() {
    let server = TestServer::open(600).await;
    block(&server, &json!({"seats": ["A-1", "A-2"], "reason": "Sponsor", "access_code": "sesame-2027"})).await;
    let right = json!({"seats": ["A-1"], "access_code": "sesame-2027"});
    for _ in 0..30 {
        let held = server.hold(&right).await;
        server.cancel(&held).await.ok(200);
        support::eventually("the seat is back", || async { (server.state("A-1").await == "unavailable").then_some(()) }).await;
    }
    for n in 0..20 {
        let body = json!({"seats": ["A-1"], "access_code": format!("guess-number-{n}")});
        server.try_hold(&body).await.problem(403, "access_refused");
    }
    let refused = server.try_hold(&right).await.problem(429, "rate_limited");
    assert_eq!(text(&refused, "policy"), "access_codes");
    assert!(server.try_hold(&json!({"seats": ["B-1"]})).await.ok(201)["id"].is_string(), "without a code nothing is counted");
    let token = server.token("bob", Role::Buyer);
    let call = server.client.post(&format!("/v1/shows/{GALA}/bookings")).bearer(&token).json(&right);
    call.send().await.ok(201);
    server.close().await;
}
