//! Each hold has its own answer: that of a single hold.

use super::{BATCH, batch, floor, outcomes, results, seats, send};
use crate::common::{start_for_test, start_limited};
use http::StatusCode;
use lastseat::auth::Role;
use lastseat::limits::{Limits, Proxies, Quotas};
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter};
use lastseat_in_process::{InProcessLimiter, SystemClock};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn answers_have_the_order_of_the_holds_and_are_those_of_single_holds() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let taken = server.hold(json!({"seats": ["C-1"]})).await;
    let holds = [
        seats("bob", &["A-1", "A-2"]),
        seats("eve", &["A-1"]),
        floor("eve", 2),
        json!({"buyer": "ann", "best_available": {"quantity": 3, "category": "stalls"}}),
        seats("ann", &["C-1"]),
        seats("ann", &["Z-9"]),
        json!({"buyer": "ann", "seats": ["B-1"], "price": 1}),
        json!({"buyer": "ann"}),
        json!({"seats": ["B-1"]}),
        json!(["B-1"]),
        floor("ann", 11),
        seats("bob", &["B-1"]),
    ];
    let answers = send(&server, &holds).await;
    let mut found = outcomes(&answers);
    assert!(std::mem::take(&mut found[2]).starts_with("floor:"));
    let expected = [
        "A-1 A-2",
        "seat_unavailable",
        "",
        "A-5 A-6 A-7",
        "seat_unavailable",
        "unknown_seat",
        "price_not_accepted",
        "invalid_request",
        "invalid_request",
        "invalid_request",
        "too_many_seats",
        "B-1",
    ];
    assert_eq!(found, expected);

    // The body of a booking has the members of a single hold's, and its token opens it.
    let members = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let booking = &answers[0]["booking"];
    assert_eq!(members(booking), members(&taken.json()));
    let path = format!("/v1/bookings/{}", booking["id"].as_str().unwrap());
    for token in [booking["token"].as_str().unwrap(), &server.token("bob", Role::Buyer)] {
        assert_eq!(server.get(&path).bearer(token).send().await.status, StatusCode::OK);
    }
    server.get(&path).bearer(&server.token("eve", Role::Buyer)).send().await.is(404, "booking_not_found");
    // Each refusal is the single hold's problem.
    for index in [4, 5, 6, 7, 10] {
        let mut single = holds[index].clone();
        single.as_object_mut().unwrap().remove("buyer");
        let mut refused = server.post("/v1/shows/demo/bookings").admin(&server).json(single).send().await.json();
        let mut of_batch = answers[index]["problem"].clone();
        // Times pass in between.
        for problem in [&mut refused, &mut of_batch] {
            problem.as_object_mut().unwrap().remove("retry_after");
        }
        assert_eq!(of_batch, refused, "{index}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_log_names_the_seller_and_the_buyer() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    send(&server, &[seats("bob", &["A-1"])]).await;
    let events = server.log.read_all(None, Direction::Forwards, 100, &Filter::all()).await.unwrap();
    let opened: Vec<_> = events.iter().filter(|event| event.event_type == "BookingOpened").collect();
    let (data, metadata): (Value, Value) =
        (serde_json::from_str(opened[0].data.get()).unwrap(), serde_json::from_str(opened[0].metadata.get()).unwrap());
    assert_eq!((&data["buyer"], &metadata["actor"]), (&json!("bob"), &json!("root")));
    server.stop().await;
}

#[tokio::test]
async fn a_batch_that_can_not_be_read_is_refused_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let before = server.head().await;
    let hold = seats("bob", &["A-1"]);
    let many = |holds: usize| batch(&vec![hold.clone(); holds]).to_string();
    let call = |body: &str| server.post(BATCH).admin(&server).json(body).send();
    call("{\"holds\":[").await.is(400, "invalid_json");
    call("{}").await.is(422, "invalid_request");
    call("{\"holds\":{}}").await.is(422, "invalid_request");
    for wrong in [0, 1001] {
        let refused = call(&many(wrong)).await;
        let body = refused.is(422, "invalid_request").json();
        assert_eq!((&body["field"], &body["most"]), (&json!("holds"), &json!(1000)));
        assert!(body["detail"].as_str().unwrap().to_lowercase().contains("send"), "{body}");
    }
    let padded = format!("{}{}", many(1), " ".repeat(1 << 20));
    call(&padded).await.is(413, "body_too_large");
    server.post(BATCH).admin(&server).bytes(many(1)).send().await.is(415, "unsupported_media_type");
    let elsewhere = server.post("/v1/shows/nowhere/bookings:batch").admin(&server).json(many(1)).send().await;
    elsewhere.is(404, "show_not_found");
    assert_eq!(server.head().await, before);
    // A large one that is allowed.
    let spaces = (1 << 20) - many(1000).len();
    let answers = results(&call(&format!("{}{}", many(1000), " ".repeat(spaces))).await);
    assert_eq!(outcomes(&answers[..2]), ["A-1", "seat_unavailable"]);
    assert_eq!(answers.len(), 1000);
    server.stop().await;
}

#[tokio::test]
async fn each_hold_counts_on_its_buyers_limit() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let mut show = crate::common::demo();
    show["id"] = json!("few");
    show["max_seats_per_buyer"] = json!(3);
    assert_eq!(server.post("/v1/shows").admin(&server).json(&show).send().await.status, StatusCode::CREATED);
    let holds = [floor("bob", 2), floor("bob", 2), floor("eve", 3), floor("bob", 1)];
    let reply = server.post("/v1/shows/few/bookings:batch").admin(&server).json(batch(&holds)).send().await;
    let answers = results(&reply);
    let statuses: Vec<_> = answers.iter().map(|answer| answer["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 403, 201, 201]);
    assert_eq!(answers[1]["problem"]["code"], "buyer_limit");
    // The same limit as the buyer's own.
    let single = server.post("/v1/shows/few/bookings").bearer(&server.token("bob", Role::Buyer));
    single.json(json!({"area": "floor", "quantity": 1})).send().await.is(403, "buyer_limit");
    server.stop().await;
}

#[tokio::test]
async fn a_pause_and_a_stop_are_answered_hold_by_hold() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let holds = [seats("bob", &["A-1"]), json!({"buyer": "bob"})];
    server.post("/v1/shows/demo/pause").admin(&server).send().await;
    assert_eq!(outcomes(&send(&server, &holds).await), ["sales_paused", "invalid_request"]);
    server.post("/v1/shows/demo/resume").admin(&server).send().await;
    server.box_office.drain(Duration::from_secs(1)).await;
    let stopping = send(&server, &holds).await;
    assert_eq!(outcomes(&stopping), ["stopping", "invalid_request"]);
    assert_eq!((&stopping[0]["status"], &stopping[0]["problem"]["retry_after"]), (&json!(503), &json!(1)));
    server.stop().await;
}

/// Admins are not limited as callers, and each hold is counted as a single one.
#[tokio::test]
async fn every_hold_of_a_batch_is_in_the_metrics() {
    let dir = tempfile::tempdir().unwrap();
    let limiter = Arc::new(InProcessLimiter::new(Arc::new(SystemClock)));
    let quotas = Quotas { caller: Some(lastseat_domain::Quota::new(1, 3600).unwrap()), ..Quotas::default() };
    let server = start_limited(dir.path(), true, Limits::new(quotas, Proxies::default(), limiter, None)).await;
    let holds = [seats("bob", &["A-1"]), seats("eve", &["A-1"]), floor("bob", 1)];
    for _ in 0..2 {
        send(&server, &holds).await;
    }
    let text = String::from_utf8(server.get("/metrics").send().await.body.to_vec()).unwrap();
    for line in [
        "lastseat_commands_total{command=\"hold\",outcome=\"ok\"} 3",
        "lastseat_commands_total{command=\"hold\",outcome=\"seat_unavailable\"} 3",
        "lastseat_commands_total{command=\"hold_batch\",outcome=\"ok\"} 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    server.stop().await;
}

/// Transactions in SQLite's write-ahead log: the last frame of each has the file's size, and the others 0.
fn transactions(dir: &Path) -> usize {
    let log = std::fs::read(dir.join("events.db-wal")).unwrap();
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let frame = 24 + number(8) as usize;
    let is_current = |at: &usize| log[at + 8..at + 16] == log[16..24];
    let frames = (32..).step_by(frame).take_while(|at| at + frame <= log.len());
    frames.take_while(is_current).filter(|at| number(at + 4) > 0).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_holds_of_a_batch_are_committed_in_few_transactions() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let mut show = crate::common::demo();
    show["id"] = json!("large");
    show["areas"][1]["capacity"] = json!(1000);
    assert_eq!(server.post("/v1/shows").admin(&server).json(&show).send().await.status, StatusCode::CREATED);
    let before = (server.log.head().await.unwrap(), transactions(dir.path()));
    assert!(before.1 >= 2, "each show is one at least");
    let holds: Vec<_> = (0..200).map(|n| floor(&format!("buyer-{n}"), 1)).collect();
    let reply = server.post("/v1/shows/large/bookings:batch").admin(&server).json(batch(&holds)).send().await;
    assert!(results(&reply).iter().all(|answer| answer["status"] == 201));
    let events = server.log.read_all(Some(before.0), Direction::Forwards, 1000, &Filter::all()).await.unwrap();
    assert_eq!(events.len(), 400);
    let transactions = transactions(dir.path()) - before.1;
    // One, unless the machine is so slow that they stop waiting for each other.
    println!("{transactions} transactions");
    assert!((1..=20).contains(&transactions), "{transactions} transactions for 200 holds");
    server.stop().await;
}
