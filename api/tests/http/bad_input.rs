//! What bad input gets: each its own 4xx that says what to do; never a 5xx, never a change.

use crate::common;

use common::{TestServer, start_for_test};
use lastseat::auth::Role;
use lastseat_domain::ports::Clock;
use serde_json::json;

const HOLD: &str = "/v1/shows/demo/bookings";

/// Tokens are accepted for half a minute after their end.
struct AMinuteAgo;

impl Clock for AMinuteAgo {
    fn now(&self) -> lastseat_domain::Timestamp {
        lastseat_in_process::SystemClock.now() - chrono::TimeDelta::seconds(60)
    }
    fn sleep_until(&self, _: lastseat_domain::Timestamp) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

async fn holds(server: &TestServer, body: &str) -> common::Reply {
    server.post(HOLD).json(body).send().await
}

#[tokio::test]
async fn bad_holds_are_refused_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let before = server.head().await;
    let eleven: Vec<String> = ["A", "B"].iter().flat_map(|row| (1..=10).map(move |n| format!("{row}-{n}"))).take(11).collect();

    for (body, status, code) in [
        // Which seats
        (r#"{"seats":["Z-1"]}"#, 422, "unknown_seat"),
        (r#"{"seats":["A-0"]}"#, 422, "unknown_seat"),
        (r#"{"seats":["A-11"]}"#, 422, "unknown_seat"),
        (r#"{"seats":["a-1"]}"#, 422, "unknown_seat"),
        (r#"{"seats":["A-01"]}"#, 422, "unknown_seat"),
        (r#"{"seats":["floor:1"]}"#, 422, "unknown_seat"),
        (r#"{"seats":["\u202eA-1"]}"#, 422, "unknown_seat"),
        (r#"{"seats":["\uff21-1"]}"#, 422, "unknown_seat"),
        (r#"{"seats":["A-1\u0000"]}"#, 422, "unknown_seat"),
        (r#"{"seats":["🎭"]}"#, 422, "unknown_seat"),
        (r#"{"seats":[""]}"#, 422, "unknown_seat"),
        (r#"{"seats":["A-1","A-1"]}"#, 422, "duplicate_seats"),
        (r#"{"seats":[]}"#, 422, "invalid_quantity"),
        (r#"{"area":"gallery","quantity":1}"#, 422, "unknown_area"),
        (r#"{"area":"parquet","quantity":1}"#, 422, "unknown_area"),
        (r#"{"area":"Gall\u00e9ry","quantity":1}"#, 422, "unknown_area"),
        (r#"{"best_available":{"quantity":2,"category":"boxes"}}"#, 422, "unknown_category"),
        // How many
        (r#"{"area":"floor","quantity":0}"#, 422, "invalid_quantity"),
        (r#"{"area":"floor","quantity":-5}"#, 422, "invalid_quantity"),
        (r#"{"area":"floor","quantity":9223372036854775808}"#, 422, "invalid_quantity"),
        (r#"{"area":"floor","quantity":18446744073709551616}"#, 422, "invalid_quantity"),
        (r#"{"area":"floor","quantity":1.5}"#, 422, "invalid_quantity"),
        (r#"{"area":"floor","quantity":"3"}"#, 422, "invalid_quantity"),
        (r#"{"area":"floor","quantity":[3]}"#, 422, "invalid_quantity"),
        (r#"{"area":"floor"}"#, 422, "invalid_quantity"),
        (r#"{"area":"floor","quantity":11}"#, 422, "too_many_seats"),
        (r#"{"area":"floor","quantity":4294967295}"#, 422, "too_many_seats"),
        (r#"{"best_available":{"quantity":0,"category":"stalls"}}"#, 422, "invalid_quantity"),
        (r#"{"best_available":{"quantity":-1,"category":"stalls"}}"#, 422, "invalid_quantity"),
        (&json!({ "seats": eleven }).to_string(), 422, "too_many_seats"),
        // Prices
        (r#"{"seats":["A-1"],"price":0}"#, 422, "price_not_accepted"),
        (r#"{"seats":["A-1"],"amount":{"value":1,"currency":"EUR"}}"#, 422, "price_not_accepted"),
        (r#"{"seats":[{"seat":"A-1","price":1}]}"#, 422, "price_not_accepted"),
        (r#"{"area":"floor","quantity":1,"total":1}"#, 422, "price_not_accepted"),
        // Form
        (r#"{"seats":["A-1"],"nonsense":1}"#, 422, "invalid_request"),
        (r#"{"seats":["A-1"],"seats":["A-2"]}"#, 422, "invalid_request"),
        (r#"{"seats":["A-1"],"area":"floor","quantity":1}"#, 422, "invalid_request"),
        (r#"{"seats":"A-1"}"#, 422, "invalid_request"),
        (r#"{"seats":[7]}"#, 422, "invalid_request"),
        ("{}", 422, "invalid_request"),
        ("[]", 422, "invalid_request"),
        ("null", 422, "invalid_request"),
        ("\"A-1\"", 422, "invalid_request"),
        ("", 400, "invalid_json"),
        ("{", 400, "invalid_json"),
        ("seats=A-1", 400, "invalid_json"),
        (r#"{"seats":["A-1"]} trailing"#, 400, "invalid_json"),
        (&"[".repeat(60_000), 400, "invalid_json"),
    ] {
        holds(&server, body).await.is(status, code);
    }
    server
        .post(HOLD)
        .header("content-type", "application/json")
        .bytes(&b"{\"seats\":[\"A-\xff\"]}"[..])
        .send()
        .await
        .is(400, "invalid_json");
    server.post("/v1/shows/nowhere/bookings").json(r#"{"seats":["A-1"]}"#).send().await.is(404, "show_not_found");
    server.post("/v1/shows/No%20Where/bookings").json(r#"{"seats":["A-1"]}"#).send().await.is(404, "show_not_found");
    server.post("/v1/shows/%ff%fe/bookings").json(r#"{"seats":["A-1"]}"#).send().await.is(404, "show_not_found");

    assert_eq!(server.head().await, before);
    server.stop().await;
}

#[tokio::test]
async fn bodies_have_a_size_and_a_type() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let before = server.head().await;
    let ten_megabytes = vec![b' '; 10 << 20];
    let reply = server.post(HOLD).header("content-type", "application/json").bytes(ten_megabytes.clone()).send().await;
    assert_eq!(reply.is(413, "body_too_large").json()["most"], 65_536);
    let reply =
        server.post("/v1/shows").admin(&server).header("content-type", "application/json").bytes(ten_megabytes).send().await;
    assert_eq!(reply.is(413, "body_too_large").json()["most"], 1 << 20);

    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        server
            .post(HOLD)
            .header("content-type", kind)
            .bytes(r#"{"seats":["A-1"]}"#)
            .send()
            .await
            .is(415, "unsupported_media_type");
    }
    server.post(HOLD).bytes(r#"{"seats":["A-1"]}"#).send().await.is(415, "unsupported_media_type");
    assert_eq!(server.head().await, before);
    server.stop().await;
}

#[tokio::test]
async fn bad_tokens_are_refused_even_where_none_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let before = server.head().await;
    let foreign = lastseat::auth::Auth::new(b"another").mint(
        &lastseat_domain::BuyerId::new("anna").unwrap(),
        Role::Admin,
        std::time::Duration::from_secs(60),
        &lastseat_in_process::SystemClock,
    );
    // {"alg":"none"} . {"iss":"lastseat","sub":"anna","role":"admin","exp":4000000000} .
    let unsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJsYXN0c2VhdCIsInN1YiI6ImFubmEiLCJyb2xlIjoiYWRtaW4iLCJleHAiOjQwMDAwMDAwMDB9.";
    for token in [foreign.as_str(), unsigned, "nonsense", "", "bt_AAAA"] {
        for call in
            [server.post(HOLD).json(r#"{"seats":["A-1"]}"#), server.post("/v1/shows").json("{}"), server.get("/v1/me/bookings")]
        {
            let reply = call.bearer(token).send().await;
            reply.is(401, "invalid_token");
            assert!(reply.header("www-authenticate").starts_with("Bearer"), "{reply:?}");
        }
    }
    let expired =
        server.auth.mint(&lastseat_domain::BuyerId::new("anna").unwrap(), Role::Admin, std::time::Duration::ZERO, &AMinuteAgo);
    server.post(HOLD).json(r#"{"seats":["A-1"]}"#).bearer(&expired).send().await.is(401, "token_expired");

    server.post("/v1/shows").json("{}").send().await.is(401, "authentication_required");
    let buyer = server.token("anna", Role::Buyer);
    let reply = server.post("/v1/shows").json("{}").bearer(&buyer).send().await;
    assert_eq!(reply.is(403, "forbidden").json()["needed_role"], "manager");
    server.get("/v1/audit/events").bearer(&buyer).send().await.is(403, "forbidden");
    server.get("/v1/me/bookings").send().await.is(401, "authentication_required");
    assert_eq!(server.head().await, before);
    server.stop().await;
}

#[tokio::test]
async fn a_bad_token_is_refused_by_every_operation() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let document = server.get("/openapi.json").send().await.json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        // A webhook is admitted by its signature; a token means nothing there.
        if !path.starts_with("/v1/") || path.starts_with("/v1/webhooks/") {
            continue;
        }
        for method in item.as_object().unwrap().keys() {
            let path =
                path.replace("{show}", "demo").replace("{intent}", "pi_1").replace("{plan}", "house").replace("{revision}", "1");
            let path = path.replace("{seat}", "A-1").replace("{endpoint}", "shop");
            let nil = uuid::Uuid::nil().to_string();
            let path = path
                .replace("{id}", &nil)
                .replace("{block}", &nil)
                .replace("{voucher}", &nil)
                .replace("{campaign}", &nil)
                .replace("{account}", &nil);
            let reply = server.call(&method.to_uppercase(), &path).bearer("nonsense").send().await;
            reply.is(401, "invalid_token");
            assert!(reply.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
            tried += 1;
        }
    }
    assert!(tried > 18, "{tried}");
    for path in ["/v1/shows", "/v1/shows/demo", "/v1/shows/demo/seats"] {
        assert_eq!(server.get(path).bearer(&server.token("anna", Role::Buyer)).send().await.status, 200, "{path}");
    }
    // A load balancer or a scraper may send what it likes.
    for path in ["/health/live", "/health/ready", "/metrics", "/problems/sold_out"] {
        assert_eq!(server.get(path).bearer("nonsense").send().await.status, 200, "{path}");
    }
    server.stop().await;
}

/// The buyer of a guest's booking is `guest:` and the booking's id.
#[tokio::test]
async fn a_token_with_a_guests_name_as_subject_is_not_that_guest() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let held = server.hold(json!({"seats": ["A-1"]})).await;
    let forged = server.token(&format!("guest:{}", held.text("id")), Role::Buyer);
    for path in [format!("/v1/bookings/{}", held.text("id")), "/v1/me/bookings".to_owned(), "/v1/shows".to_owned()] {
        let reply = server.get(&path).bearer(&forged).send().await;
        assert!(reply.is(401, "invalid_token").text("detail").contains("`sub`"), "{reply:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn bad_shows_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let before = server.head().await;
    let show = |change: fn(&mut serde_json::Value)| {
        let mut body = common::demo();
        body["id"] = json!("other");
        change(&mut body);
        body
    };
    for (body, status, code) in [
        (show(|b| b["id"] = json!("No such id")), 422, "invalid_request"),
        (show(|b| b["currency"] = json!("XYZ")), 422, "invalid_request"),
        (show(|b| b["title"] = json!("")), 422, "invalid_show"),
        (show(|b| b["categories"][0]["price"] = json!(-1)), 422, "invalid_show"),
        (show(|b| b["categories"][0]["price"] = json!("free")), 422, "invalid_request"),
        (show(|b| b["areas"] = json!([])), 422, "invalid_show"),
        (show(|b| b["areas"][1]["capacity"] = json!(0)), 422, "invalid_show"),
        (show(|b| b["areas"][1]["capacity"] = json!(4_000_000_000_u32)), 422, "invalid_show"),
        (show(|b| b["areas"][1]["category"] = json!("boxes")), 422, "invalid_show"),
        (show(|b| b["areas"][0]["rows"][0]["seats"] = json!(-1)), 422, "invalid_request"),
        (show(|b| b["hold_seconds"] = json!(0)), 422, "invalid_show"),
        (show(|b| b["sale_opens_at"] = json!("tomorrow")), 422, "invalid_request"),
        (show(|b| b["nonsense"] = json!(1)), 422, "invalid_request"),
        (show(|b| b["id"] = json!("demo")), 200, ""),
        (show(|b| (b["id"], b["title"]) = (json!("demo"), json!("Another"))), 409, "show_exists"),
    ] {
        let reply = server.post("/v1/shows").admin(&server).json(body).send().await;
        if status == 200 {
            assert_eq!(reply.status.as_u16(), 200, "{reply:?}");
        } else {
            reply.is(status, code);
        }
    }
    assert_eq!(server.head().await, before);
    server.stop().await;
}

#[tokio::test]
async fn addresses_and_parameters_that_are_wrong_are_problems_too() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    server.get("/nowhere").send().await.is(404, "unknown_route");
    server.get("/v1/shows/demo/seats/").send().await.is(404, "unknown_route");
    server.get("/v1/shows/nowhere").send().await.is(404, "show_not_found");
    server.get("/v1/shows/nowhere/seats").send().await.is(404, "show_not_found");
    server.get("/v1/shows/nowhere/seats/stream").send().await.is(404, "show_not_found");
    let reply = server.call("PUT", "/v1/shows").send().await;
    reply.is(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), "GET,HEAD,POST");
    assert_eq!(
        server.call("DELETE", "/v1/shows/demo/bookings").send().await.is(405, "method_not_allowed").header("allow"),
        "POST,GET,HEAD"
    );

    for query in ["limit=0", "limit=101", "limit=-1", "limit=ten", "starting_after=No%20id", "limit=%ff"] {
        server.get(&format!("/v1/shows?{query}")).send().await.is(400, "invalid_parameter");
    }
    for query in ["from=-1", "from=x", "from=1.5", "from=18446744073709551616", "from=999999999"] {
        server.get(&format!("/v1/shows/demo/seats/stream?{query}")).send().await.is(400, "invalid_parameter");
    }
    server.get("/v1/shows/demo/seats/stream").header("last-event-id", "x").send().await.is(400, "invalid_parameter");

    // A position that the log has not reached is not waited for.
    let begun = std::time::Instant::now();
    for position in ["1000000", "18446744073709551615"] {
        let read = server.get("/v1/shows/demo/seats").header("lastseat-min-position", position).send().await;
        assert!(read.is(400, "invalid_parameter").json()["position"].is_u64(), "{read:?}");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(1), "{:?}", begun.elapsed());

    let anna = server.token("anna", Role::Buyer);
    for query in ["starting_after=x", "starting_after=00000000-0000-0000-0000-000000000000", "limit=0"] {
        server.get(&format!("/v1/me/bookings?{query}")).bearer(&anna).send().await.is(400, "invalid_parameter");
    }
    let auditor = server.token("ada", Role::Auditor);
    for query in ["limit=0", "limit=100001", "from=x", "stream=", "stream=a*b", "stream=**"] {
        server.get(&format!("/v1/audit/events?{query}")).bearer(&auditor).send().await.is(400, "invalid_parameter");
    }
    let nobodys = "00000000-0000-0000-0000-000000000000";
    server.get("/v1/bookings/x").bearer(&anna).send().await.is(404, "booking_not_found");
    server.get(&format!("/v1/bookings/{nobodys}")).bearer(&anna).send().await.is(404, "booking_not_found");
    server.get(&format!("/v1/bookings/{nobodys}")).send().await.is(401, "authentication_required");
    server.post(&format!("/v1/bookings/{nobodys}/payment")).json("{}").bearer(&anna).send().await.is(404, "booking_not_found");
    server.post("/v1/me/rewards/x/redeem").bearer(&anna).send().await.is(404, "voucher_not_found");
    server.post(&format!("/v1/me/rewards/{nobodys}/redeem")).bearer(&anna).send().await.is(404, "voucher_not_found");
    server.stop().await;
}

#[tokio::test]
async fn bad_payments_are_refused_and_the_hold_lives_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let held = server.hold(json!({"seats": ["A-1"]})).await;
    let (id, token) = (held.text("id"), held.text("token"));
    let before = server.head().await;
    let pay = |body: &str| server.post(&format!("/v1/bookings/{id}/payment")).json(body).bearer(&token);
    for (body, status, code) in [
        ("{}", 422, "payment_method_missing"),
        (r#"{"payment_method":""}"#, 422, "invalid_payment_method"),
        (r#"{"payment_method":"pm card"}"#, 422, "invalid_payment_method"),
        (r#"{"payment_method":7}"#, 422, "invalid_request"),
        (r#"{"payment_method":"pm_card_visa","amount":1}"#, 422, "price_not_accepted"),
        (r#"{"payment_method":"pm_card_visa","nonsense":1}"#, 422, "invalid_request"),
        ("[", 400, "invalid_json"),
    ] {
        pay(body).send().await.is(status, code);
    }
    assert_eq!(server.head().await, before);
    pay(r#"{"payment_method":"pm_no_such_thing"}"#).send().await.is(422, "invalid_payment_method");
    let booking = server.get(&format!("/v1/bookings/{id}")).bearer(&token).send().await;
    assert_eq!(booking.text("status"), "held");
    server.stop().await;
}
