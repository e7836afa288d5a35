//! Check-in without the server, over real HTTP: devices scan, and send it later.

mod five_devices;

use crate::support;

use futures::future::join_all;
use lastseat::auth::Role;
use lastseat::tickets::TicketKey;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::Clock;
use lastseat_domain::ticket::TicketFacts;
use lastseat_in_process::SystemClock;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use support::client::Answer;
use support::test_server::{GALA, TestServer};
use support::text;
use uuid::Uuid;

const BATCH: &str = "/v1/checkins:batch";

fn staff(server: &TestServer) -> String {
    server.token("stan", Role::Staff)
}

fn now() -> Timestamp {
    SystemClock.now()
}

/// Time has passed since every reading of the clock before: it counts whole milliseconds.
fn tick() -> Timestamp {
    let before = now();
    std::iter::repeat_with(now).find(|now| *now > before).unwrap()
}

async fn sold(server: &TestServer, seats: &[&str]) -> Value {
    let held = server.hold(&json!({"seats": seats})).await;
    server.pay(&held, "pm_card_visa").await.ok(200);
    held
}

/// The codes of a booking, in the order of its seats.
async fn codes(server: &TestServer, booking: &Value) -> Vec<String> {
    let path = format!("/v1/bookings/{}/tickets", text(booking, "id"));
    let found = server.client.get(&path).bearer(&server.admin()).send().await.ok(200);
    found["tickets"].as_array().unwrap().iter().map(|ticket| text(ticket, "ticket").to_owned()).collect()
}

fn facts(server: &TestServer, code: &str) -> TicketFacts {
    TicketKey::new(&std::fs::read(server.data().join("ticket.key")).unwrap()).unwrap().read(code).unwrap()
}

/// A scan by number.
fn scan(n: u128, code: &str, kind: &str, at: Timestamp) -> Value {
    json!({"ticket": code, "gate": "north", "scan": Uuid::from_u128(n), "scanned_at": at, "type": kind})
}

async fn send(server: &TestServer, device: &str, scans: &[Value]) -> Answer {
    let body = json!({"device": device, "scans": scans});
    server.client.post(BATCH).bearer(&staff(server)).json(&body).send().await
}

async fn results(server: &TestServer, device: &str, scans: &[Value]) -> Vec<Value> {
    send(server, device, scans).await.ok(200)["results"].as_array().unwrap().clone()
}

async fn report(server: &TestServer, query: &str) -> Value {
    let path = format!("/v1/shows/{GALA}/checkins{query}");
    server.client.get(&path).bearer(&staff(server)).send().await.ok(200)
}

/// The conflicts of a result, as type and reason or other scan.
fn conflicts(result: &Value) -> Vec<(String, String)> {
    let more = |conflict: &Value| match conflict["type"].as_str().unwrap() {
        "double_entry" => Uuid::parse_str(text(conflict, "scan")).unwrap().as_u128().to_string(),
        "ticket_void" => text(conflict, "reason").to_owned(),
        _ => String::new(),
    };
    let all = result["conflicts"].as_array().cloned().unwrap_or_default();
    all.iter().map(|conflict| (text(conflict, "type").to_owned(), more(conflict))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_ticket_of_this_server_is_rejected_alone_and_loses_no_other_scan() {
    let server = TestServer::open(600).await;
    let codes = codes(&server, &sold(&server, &["A-1", "A-2"]).await).await;
    let foreign = TicketKey::new(&[9; 32]).unwrap().sign(&facts(&server, &codes[0]));
    let own = TicketKey::new(&std::fs::read(server.data().join("ticket.key")).unwrap()).unwrap();
    let lost = own.sign(&TicketFacts { booking: lastseat_domain::BookingId(Uuid::from_u128(7)), ..facts(&server, &codes[0]) });
    let at = now();
    let mut without_id = scan(6, &codes[0], "entry", at);
    without_id.as_object_mut().unwrap().remove("scan");
    let wrong = |name: &str, value: Value| {
        let mut scan = scan(5, &codes[0], "entry", at);
        scan[name] = value;
        scan
    };
    let scans = [
        scan(1, &foreign, "entry", at),
        scan(2, "https://tickets.example/17", "entry", at),
        scan(3, &lost, "entry", at),
        scan(4, &codes[0], "entry", at),
        wrong("gate", json!("North Gate")),
        wrong("scanned_at", json!("yesterday")),
        wrong("type", json!("sideways")),
        without_id,
        json!(7),
        scan(7, &codes[1], "entry", at),
    ];
    let results = results(&server, "hand-1", &scans).await;
    let codes_of = |result: &Value| result["problem"]["code"].as_str().unwrap_or("").to_owned();
    assert_eq!(
        results.iter().map(codes_of).collect::<Vec<_>>(),
        [
            "ticket_forged",
            "not_a_ticket",
            "booking_not_found",
            "",
            "invalid_request",
            "invalid_request",
            "invalid_request",
            "invalid_request",
            "invalid_request",
            ""
        ]
    );
    for (n, result) in results.iter().enumerate() {
        let recorded = [3, 9].contains(&n);
        assert_eq!(result["result"], if recorded { "recorded" } else { "rejected" }, "{result}");
        assert_eq!((&result["index"], result["ticket"].is_string()), (&json!(n), recorded), "{result}");
        assert!(result["conflicts"].is_null(), "{result}");
    }
    assert_eq!(results[5]["scan"], json!(Uuid::from_u128(5)), "its device knows which one it is");
    assert_eq!(report(&server, "").await["entries"], 2);
    // What a newer device says besides is no reason to lose a scan.
    let mut newer = scan(8, &codes[1], "exit", tick());
    newer["battery"] = json!(7);
    assert_eq!(self::results(&server, "hand-1", &[newer]).await[0]["result"], "recorded");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_can_not_be_read_is_refused_as_a_whole() {
    let server = TestServer::open(600).await;
    let code = codes(&server, &sold(&server, &["A-1"]).await).await.remove(0);
    let one = scan(1, &code, "entry", now());
    let post = |body: Value| server.client.post(BATCH).bearer(&staff(&server)).json(&body).send();
    post(json!({"device": "hand-1", "scans": []})).await.problem(422, "invalid_request");
    let most = post(json!({"device": "hand-1", "scans": vec![&one; 501]})).await.problem(422, "invalid_request");
    assert_eq!((&most["most"], &most["field"]), (&json!(500), &json!("scans")));
    for (name, value) in [("device", json!("Hand 1")), ("show", json!("No Show")), ("scans", json!(7)), ("gate", json!("north"))]
    {
        let mut body = json!({"device": "hand-1", "scans": [one]});
        body[name] = value;
        post(body).await.problem(422, "invalid_request");
    }
    post(json!({"scans": [one]})).await.problem(422, "invalid_request");
    let body = json!({"device": "hand-1", "scans": [one]});
    for role in [Role::Buyer, Role::Auditor] {
        server.client.post(BATCH).bearer(&server.token("x", role)).json(&body).send().await.problem(403, "forbidden");
    }
    server.client.post(BATCH).json(&body).send().await.problem(401, "authentication_required");
    assert_eq!(report(&server, "").await["entries"], 0);
    // As many as are possible, of one ticket.
    let many: Vec<Value> = (0..500).map(|n| scan(n, &code, if n % 2 == 0 { "entry" } else { "exit" }, now())).collect();
    let results = results(&server, "hand-1", &many).await;
    assert!(results.iter().all(|result| result["result"] == "recorded" && result["conflicts"].is_null()), "{results:?}");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_another_show_is_rejected_if_the_device_names_its_show() {
    let server = TestServer::open(600).await;
    let code = codes(&server, &sold(&server, &["A-1"]).await).await.remove(0);
    let body = json!({"device": "hand-1", "show": "opera", "scans": [scan(1, &code, "entry", now())]});
    let answer = server.client.post(BATCH).bearer(&staff(&server)).json(&body).send().await.ok(200);
    assert_eq!(answer["results"][0]["problem"]["code"], "ticket_of_other_show");
    let body = json!({"device": "hand-1", "show": GALA, "scans": [scan(1, &code, "entry", now())]});
    let answer = server.client.post(BATCH).bearer(&staff(&server)).json(&body).send().await.ok(200);
    assert_eq!(answer["results"][0]["result"], "recorded");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_sent_again_has_no_second_effect_and_the_same_answers() {
    let server = TestServer::open(600).await;
    let codes = codes(&server, &sold(&server, &["A-1", "A-2"]).await).await;
    let at = now();
    let scans = [scan(1, &codes[0], "entry", at), scan(2, &codes[0], "entry", at), scan(3, &codes[1], "exit", at)];
    let first = results(&server, "hand-1", &scans).await;
    assert_eq!(conflicts(&first[1]), [("double_entry".into(), "1".into())]);
    assert_eq!(conflicts(&first[2]), [("exit_without_entry".into(), String::new())]);
    // A restart has forgotten the answers, and the log has the scans.
    let server = server.restart().await;
    for _ in 0..2 {
        let again = results(&server, "hand-1", &scans).await;
        for (first, again) in first.iter().zip(again) {
            assert_eq!(again["result"], "repeat");
            for same in ["scan", "ticket", "at", "conflicts"] {
                assert_eq!(again[same], first[same], "{same}");
            }
        }
    }
    // Sent alone, it is the same scan; by another device, another one.
    let alone = json!({"ticket": codes[0], "gate": "north", "device": "hand-1", "scan": Uuid::from_u128(1)});
    let path = "/v1/checkins";
    let one = server.client.post(path).bearer(&staff(&server)).json(&alone).send().await.ok(200);
    assert_eq!((&one["at"], &one["entries"]), (&first[0]["at"], &json!(1)));
    let other = results(&server, "hand-2", &scans[..1]).await;
    assert_eq!(other[0]["result"], "recorded");
    assert_eq!(report(&server, "").await["entries"], 3);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_judged_by_the_time_of_its_scan() {
    let server = TestServer::open(600).await;
    let before_the_sale = now();
    tick();
    let booking = sold(&server, &["A-1", "A-2", "A-3"]).await;
    let codes = codes(&server, &booking).await;
    let while_sold = now();
    tick();
    let reissue = format!("/v1/bookings/{}/tickets/A-2/reissue", text(&booking, "id"));
    let new = server.client.post(&reissue).bearer(&server.admin()).send().await.ok(200);
    server.refund(&booking).await.ok(200);
    let after = now();
    let minutes = |n: i64| chrono::TimeDelta::minutes(n);
    let scans = [
        scan(1, &codes[0], "entry", while_sold),
        scan(2, &codes[0], "exit", after),
        scan(3, &codes[0], "entry", after),
        scan(4, &codes[1], "entry", while_sold),
        scan(5, &codes[1], "exit", after),
        scan(6, text(&new, "ticket"), "entry", while_sold),
        scan(7, &codes[2], "entry", before_the_sale),
        scan(8, &codes[2], "exit", before_the_sale),
        scan(9, &codes[2], "entry", after + minutes(90)),
    ];
    let found = results(&server, "hand-1", &scans).await;
    let void = |reason: &str| vec![("ticket_void".to_owned(), reason.to_owned())];
    assert!(found.iter().all(|result| result["result"] == "recorded"), "{found:?}");
    assert_eq!(conflicts(&found[0]), [], "it was refunded only later");
    assert_eq!(conflicts(&found[1]), [], "who is inside gets out");
    assert_eq!(conflicts(&found[2]), void("refunded"));
    assert_eq!(conflicts(&found[3]), []);
    assert_eq!(conflicts(&found[5]), [("double_entry".into(), "4".into()), ("ticket_void".into(), "reissued".into())]);
    assert_eq!(conflicts(&found[6]), void("not_confirmed"));
    let ahead = [("ticket_void".into(), "refunded".into()), ("clock_ahead".into(), String::new())];
    assert_eq!(conflicts(&found[8]), ahead);
    assert!(text(&found[8], "at") < (after + minutes(80)).to_rfc3339().as_str(), "it counts as made when it was recorded");
    assert_eq!(report(&server, "").await["void_entries"], 4);
    server.close().await;
}

/// A device whose ids begin again must not believe that its second scan is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn another_scan_under_the_same_id_is_no_repeat() {
    let server = TestServer::open(600).await;
    let booking = sold(&server, &["A-1"]).await;
    let codes = codes(&server, &booking).await;
    let at = now();
    assert_eq!(results(&server, "hand-1", &[scan(1, &codes[0], "entry", at)]).await[0]["result"], "recorded");
    let mut elsewhere = scan(1, &codes[0], "entry", at);
    elsewhere["gate"] = json!("south");
    let later = scan(1, &codes[0], "entry", at - chrono::TimeDelta::seconds(1));
    for other in [scan(1, &codes[0], "exit", at), elsewhere, later] {
        let result = &results(&server, "hand-1", &[other]).await[0];
        assert_eq!((&result["result"], &result["problem"]["code"]), (&json!("rejected"), &json!("idempotency_key_reused")));
    }
    assert_eq!(results(&server, "hand-1", &[scan(1, &codes[0], "entry", at)]).await[0]["result"], "repeat");
    assert_eq!(report(&server, "").await["entries"], 1);
    // Nor may one that is decided online.
    let online =
        |kind, gate| json!({"ticket": codes[0], "gate": gate, "type": kind, "device": "hand-1", "scan": Uuid::from_u128(1)});
    let post = async |body: Value| server.client.post("/v1/checkins").bearer(&staff(&server)).json(&body).send().await;
    post(online("entry", "north")).await.ok(200);
    post(online("exit", "north")).await.problem(422, "idempotency_key_reused");
    post(online("entry", "south")).await.problem(422, "idempotency_key_reused");
    assert_eq!(report(&server, "").await["exits"], 0);
    server.close().await;
}

/// The clock of a device may be wrong by more than the server believes: the time that counts is another one then, and the scan is
/// the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_a_clock_that_is_ahead_is_a_repeat_when_it_is_sent_again() {
    let server = TestServer::open(600).await;
    let booking = sold(&server, &["A-1"]).await;
    let codes = codes(&server, &booking).await;
    let ahead = scan(1, &codes[0], "entry", now() + chrono::TimeDelta::minutes(60));
    let first = &results(&server, "hand-1", std::slice::from_ref(&ahead)).await[0];
    let again = &results(&server, "hand-1", &[ahead]).await[0];
    assert_eq!((&first["result"], &again["result"], &again["at"]), (&json!("recorded"), &json!("repeat"), &first["at"]));
    server.close().await;
}

/// The box office did not know that somebody was inside, and gave the booking another seat.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_sent_after_its_seat_was_exchanged_is_named() {
    let server = TestServer::open(600).await;
    let booking = sold(&server, &["A-1"]).await;
    let codes = codes(&server, &booking).await;
    let while_sold = now();
    tick();
    let path = format!("/v1/bookings/{}/exchange", text(&booking, "id"));
    let exchange = server.client.post(&path).bearer(&server.admin()).json(&json!({"leaves": ["A-1"], "takes": ["A-2"]}));
    exchange.send().await.ok(200);
    let found = results(&server, "hand-1", &[scan(1, &codes[0], "entry", while_sold)]).await;
    assert_eq!(conflicts(&found[0]), [("ticket_void".to_owned(), "exchanged".to_owned())]);
    assert_eq!(report(&server, "").await["void_entries"], 1);
    server.close().await;
}

/// All of them count as made when they are recorded, one after the other: in the order in which they were made.
#[tokio::test(flavor = "multi_thread")]
async fn scans_of_a_clock_that_is_ahead_keep_their_order_however_they_are_sent() {
    let server = TestServer::open(600).await;
    let booking = sold(&server, &["A-1"]).await;
    let codes = codes(&server, &booking).await;
    let at = |minute: i64| now() + chrono::TimeDelta::minutes(60 + minute);
    let scans = [scan(3, &codes[0], "entry", at(3)), scan(2, &codes[0], "exit", at(2)), scan(1, &codes[0], "entry", at(1))];
    for result in results(&server, "hand-1", &scans).await {
        assert_eq!(conflicts(&result), [("clock_ahead".to_owned(), String::new())], "{result}");
    }
    let report = report(&server, "").await;
    assert_eq!((&report["inside"], &report["double_entries"], &report["exits_without_entry"]), (&json!(1), &json!(0), &json!(0)));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_should_have_come_in_to_a_show_that_was_cancelled() {
    let server = TestServer::open(600).await;
    let codes = codes(&server, &sold(&server, &["A-1", "A-2"]).await).await;
    let before = now();
    tick();
    server.client.post("/v1/shows/gala/cancel").bearer(&server.token("mary", Role::Manager)).send().await.ok(200);
    let found = results(&server, "hand-1", &[scan(1, &codes[0], "entry", before), scan(2, &codes[1], "entry", now())]).await;
    assert_eq!(conflicts(&found[0]), []);
    assert_eq!(conflicts(&found[1]), [("ticket_void".into(), "show_cancelled".into())]);
    server.stop_and_keep().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_and_a_gate_let_in_one_ticket_and_all_are_named() {
    let server = TestServer::open(600).await;
    let code = codes(&server, &sold(&server, &["A-1"]).await).await.remove(0);
    let (first, second) = (now(), tick());
    tick();
    let online = json!({"ticket": code, "gate": "main", "device": "gate-1", "scan": Uuid::from_u128(9)});
    let enter = async || server.client.post("/v1/checkins").bearer(&staff(&server)).json(&online).send().await;
    let let_in = enter().await.ok(200);
    let late = results(&server, "hand-2", &[scan(2, &code, "entry", second)]).await;
    assert_eq!(conflicts(&late[0]), [("double_entry".into(), "9".into())]);
    let early = results(&server, "hand-1", &[scan(1, &code, "entry", first)]).await;
    assert_eq!(conflicts(&early[0]), [("double_entry".into(), "2".into())]);
    assert_eq!(early[0]["conflicts"][0]["device"], "hand-2");
    let report = report(&server, "").await;
    assert_eq!((&report["entries"], &report["inside"], &report["double_entries"]), (&json!(3), &json!(1), &json!(2)));
    let listed: Vec<_> = report["data"].as_array().unwrap().iter().map(|scan| (text(scan, "gate"), conflicts(scan))).collect();
    let double = |n: &str| ("double_entry".to_owned(), n.to_owned());
    let all = [("north", vec![double("2")]), ("north", vec![double("1"), double("9")]), ("main", vec![double("2")])];
    assert_eq!(listed, all);
    assert!(report["data"][2]["recorded_at"].is_null() && report["data"][0]["recorded_at"].is_string());
    assert_eq!(report["gates"], json!([{"gate": "main", "entries": 1, "exits": 0}, {"gate": "north", "entries": 2, "exits": 0}]));
    // Who was scanned offline is inside for the gates.
    let mut other = online.clone();
    other["scan"] = json!(Uuid::from_u128(10));
    let refused = server.client.post("/v1/checkins").bearer(&staff(&server)).json(&other).send().await;
    assert_eq!(refused.problem(409, "already_admitted")["admitted_at"], let_in["at"]);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_a_show_has_what_a_good_code_says_and_who_is_inside() {
    let server = TestServer::open(600).await;
    let (one, two) = (sold(&server, &["A-1", "A-2"]).await, sold(&server, &["A-3"]).await);
    server.hold(&json!({"seats": ["A-4"]})).await;
    let gone = sold(&server, &["A-5"]).await;
    server.refund(&gone).await.ok(200);
    let reissue = format!("/v1/bookings/{}/tickets/A-2/reissue", text(&one, "id"));
    server.client.post(&reissue).bearer(&server.admin()).send().await.ok(200);
    let transfer = format!("/v1/bookings/{}/transfer", text(&two, "id"));
    server.client.post(&transfer).bearer(&server.admin()).json(&json!({"buyer": "bob"})).send().await.ok(200);
    let code = codes(&server, &two).await.remove(0);
    let entry = json!({"ticket": code, "gate": "north"});
    let admitted = server.client.post("/v1/checkins").bearer(&staff(&server)).json(&entry).send().await.ok(200);
    let list = async |query: &str| {
        let path = format!("/v1/shows/{GALA}/tickets{query}");
        server.client.get(&path).bearer(&staff(&server)).send().await
    };
    let found = list("").await;
    assert!(found.header("lastseat-position").is_some());
    let found = found.ok(200);
    let bookings: Vec<_> = found["data"].as_array().unwrap().iter().map(|one| text(one, "booking")).collect();
    assert_eq!((bookings, &found["has_more"]), (vec![text(&two, "id"), text(&one, "id")], &json!(false)));
    for (booking, listed) in [(&two, &found["data"][0]), (&one, &found["data"][1])] {
        for (code, ticket) in codes(&server, booking).await.iter().zip(listed["tickets"].as_array().unwrap()) {
            let facts = facts(&server, code);
            assert_eq!(ticket["id"], json!(facts.ticket()));
            assert_eq!(ticket["seat"], facts.seat.as_str());
            let numbers = [facts.issue, facts.transfers, facts.exchange];
            assert_eq!(["issue", "transfers", "exchange"].map(|name| ticket[name].clone()), numbers.map(|n| json!(n)));
        }
    }
    let inside = &found["data"][0]["tickets"][0];
    assert_eq!((&inside["admitted_at"], &inside["gate"]), (&admitted["at"], &json!("north")));
    assert!(found["data"][1]["tickets"][0]["admitted_at"].is_null());
    // Page by page.
    let page = list("?limit=1").await.ok(200);
    assert_eq!((text(&page["data"][0], "booking"), &page["has_more"]), (text(&two, "id"), &json!(true)));
    let next = list(&format!("?limit=1&starting_after={}", text(&two, "id"))).await.ok(200);
    assert_eq!((&next["data"][0], &next["has_more"]), (&found["data"][1], &json!(false)));
    list(&format!("?starting_after={}", Uuid::nil())).await.problem(400, "invalid_parameter");
    list("?limit=0").await.problem(400, "invalid_parameter");
    list("?all=true").await.problem(400, "invalid_parameter");
    let get = |path: &str, role| server.client.get(path).bearer(&server.token("x", role)).send();
    get("/v1/shows/nowhere/tickets", Role::Staff).await.problem(404, "show_not_found");
    get("/v1/shows/gala/tickets", Role::Auditor).await.problem(403, "forbidden");
    get("/v1/shows/gala/tickets", Role::Buyer).await.problem(403, "forbidden");
    get("/v1/shows/nowhere/checkins", Role::Staff).await.problem(404, "show_not_found");
    get("/v1/shows/gala/checkins", Role::Buyer).await.problem(403, "forbidden");
    get("/v1/shows/gala/checkins", Role::Auditor).await.ok(200);
    get("/v1/shows/gala/checkins?starting_after=7", Role::Staff).await.problem(400, "invalid_parameter");
    server.stop_and_keep().await;
}
