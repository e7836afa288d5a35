//! What is read: seats, their stream, the history, lists and sales.

mod audit;
mod bookings;
mod sales;

use crate::common::start_for_test;
use http::StatusCode;
use http_body_util::BodyExt;
use lastseat::auth::Role;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_caller_sees_its_own_hold_in_the_seats() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let seats = || server.get("/v1/shows/demo/seats");
    let first = seats().send().await;
    assert_eq!((first.status, first.header("cache-control")), (StatusCode::OK, "no-cache"));
    let unchanged = seats().header("if-none-match", first.header("etag")).send().await;
    assert_eq!((unchanged.status, unchanged.body.len()), (StatusCode::NOT_MODIFIED, 0));

    server.hold(json!({"seats": ["A-1"]})).await;
    let second = seats().header("if-none-match", first.header("etag")).send().await;
    assert_eq!(second.status, StatusCode::OK);
    let body = second.json();
    assert_eq!(body["seats"][0], json!({"seat": "A-1", "area": "parquet", "state": "locked", "price": 4500}));
    assert_eq!(body["areas"][1], json!({"area": "floor", "labelled": false, "capacity": 20, "available": 20, "price": 3000}));
    assert!(body["position"].as_u64() > first.json()["position"].as_u64());
    server.stop().await;
}

/// Reads the stream until it contains a text.
async fn read_until(body: &mut hyper::body::Incoming, text_awaited: &str) -> String {
    let mut text = String::new();
    while !text.contains(text_awaited) {
        let frame =
            tokio::time::timeout(Duration::from_secs(5), body.frame()).await.expect("an event").expect("not the end").unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    text
}

#[tokio::test]
async fn the_stream_goes_on_from_the_seats_and_ends_with_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let position = server.get("/v1/shows/demo/seats").send().await.json()["position"].as_u64().unwrap();
    server.hold(json!({"seats": ["A-1"]})).await;

    let (parts, mut body) = server.get(&format!("/v1/shows/demo/seats/stream?from={position}")).open().await;
    assert_eq!(parts.status, StatusCode::OK);
    assert_eq!(parts.headers["content-type"], "text/event-stream");
    assert_eq!(
        (&parts.headers["cache-control"], &parts.headers["x-accel-buffering"]),
        (&"no-cache".parse().unwrap(), &"no".parse().unwrap())
    );
    let text = read_until(&mut body, "\"A-1\"").await;
    assert!(text.contains("event: seat_locked") || text.contains("event:seat_locked"), "{text}");

    let id = text.lines().filter_map(|line| line.strip_prefix("id:")).next_back().unwrap().trim().to_owned();
    server.hold(json!({"seats": ["A-2"]})).await;
    let (_, mut resumed) = server.get("/v1/shows/demo/seats/stream?from=0").header("last-event-id", &id).open().await;
    let text = read_until(&mut resumed, "\"A-2\"").await;
    assert!(!text.contains("\"A-1\""), "{text}");

    let metrics = server.get("/metrics").send().await;
    assert!(String::from_utf8_lossy(&metrics.body).contains("lastseat_stream_clients 2"));
    tokio::time::timeout(Duration::from_secs(5), server.stop()).await.expect("streams are ended");
    let _ = read_until_end(&mut body).await;
}

async fn read_until_end(body: &mut hyper::body::Incoming) -> usize {
    let mut bytes = 0;
    while let Some(Ok(frame)) = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.expect("an end") {
        bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
    }
    bytes
}

#[tokio::test]
async fn auditors_and_admins_read_the_history_and_the_sales() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for n in 1..=10 {
        server.hold(json!({"seats": [format!("A-{n}")]})).await;
    }
    let ada = server.token("ada", Role::Auditor);
    let read = async |query: &str| -> Vec<Value> {
        let reply = server.get(&format!("/v1/audit/events{query}")).bearer(&ada).send().await;
        assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "application/x-ndjson"), "{reply:?}");
        reply
            .body
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    };
    let all = read("").await;
    assert_eq!(all.len(), 21);
    assert!(all.windows(2).all(|pair| pair[0]["position"].as_u64() < pair[1]["position"].as_u64()));
    let first = &all[0];
    for member in ["position", "stream", "revision", "id", "type", "data", "metadata", "recorded_at"] {
        assert!(!first[member].is_null(), "{member}: {first}");
    }
    assert_eq!(
        (&first["stream"], &first["type"], &first["data"]["show"]),
        (&json!("show-demo"), &json!("ShowScheduled"), &json!("demo"))
    );

    let from = all[4]["position"].as_u64().unwrap();
    assert_eq!(read(&format!("?from={from}&limit=3")).await, all[5..8]);
    assert_eq!(read("?stream=seat-demo.*").await.len(), 10);
    assert_eq!(read("?stream=seat-demo.*&limit=4").await.len(), 4);
    assert_eq!(read("?stream=seat-demo.A-1").await.len(), 1);
    assert_eq!(read("?stream=seat-demo.A-1&from=100").await.len(), 0);
    assert_eq!(read("?stream=nothing").await.len(), 0);
    server.get("/v1/audit/events").send().await.is(401, "authentication_required");
    assert_eq!(server.get("/v1/audit/events").admin(&server).send().await.status, StatusCode::OK);
    let buyer = server.token("anna", Role::Buyer);
    server.get("/v1/audit/events").bearer(&buyer).send().await.is(403, "forbidden");
    assert_eq!(server.get("/v1/shows/demo/sales").bearer(&ada).send().await.status, StatusCode::OK);
    server.get("/v1/shows/demo/sales").bearer(&buyer).send().await.is(403, "forbidden");
    server.stop().await;
}

#[tokio::test]
async fn reads_answer_from_memory_with_their_age_while_the_log_is_down() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let anna = server.token("anna", Role::Buyer);
    let held = server.post("/v1/shows/demo/bookings").bearer(&anna).json(json!({"seats": ["A-1"]})).send().await;
    let position = held.header("lastseat-position").to_owned();
    let named = server.get("/v1/shows/demo/seats").header("lastseat-min-position", &position).send().await;
    assert_eq!((named.status, named.header("lastseat-position")), (StatusCode::OK, position.as_str()));
    server.get("/v1/shows/demo/seats").header("lastseat-min-position", "x").send().await.is(400, "invalid_parameter");
    let (stream, mut changes) = server.get("/v1/shows/demo/seats/stream?from=0").open().await;
    assert_eq!(stream.status, StatusCode::OK);
    read_until(&mut changes, "seat_locked").await;

    server.log.close().await.unwrap();
    tokio::time::sleep(Duration::from_millis(2200)).await;
    let auditor = server.token("ada", Role::Auditor);
    server.get("/v1/audit/events").bearer(&auditor).send().await.is(503, "unavailable");
    let booking_token = held.json()["token"].as_str().unwrap().to_owned();
    for (path, token) in [
        ("/v1/shows/demo/seats", &anna),
        ("/v1/shows/demo/sales", &auditor),
        ("/v1/me/bookings", &anna),
        ("/v1/me/bookings", &booking_token),
        ("/v1/me/rewards", &anna),
    ] {
        let reply = server.get(path).bearer(token).send().await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {reply:?}");
        assert!(reply.header("age").parse::<u64>().unwrap() >= 1, "{path}: {reply:?}");
        assert_eq!((reply.header("lastseat-lag"), reply.header("lastseat-position")), ("0", position.as_str()), "{path}");
    }
    assert_eq!(server.get("/v1/shows").send().await.status, StatusCode::OK);
    let (stream, _) = server.get("/v1/shows/demo/seats/stream").open().await;
    assert_eq!(stream.status, StatusCode::OK, "new readers are taken");
    let open = tokio::time::timeout(Duration::from_millis(300), changes.frame()).await;
    assert!(!matches!(open, Ok(None)), "the stream stays connected");
}

#[tokio::test]
async fn ones_bookings_show_a_decline_and_list_seats_in_plan_order() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let anna = server.token("anna", Role::Buyer);
    let held = server.post("/v1/shows/demo/bookings").bearer(&anna).json(json!({"seats": ["A-10", "A-8", "A-9"]})).send().await;
    let seats = |booking: &Value| booking["seats"].as_array().unwrap().iter().map(|s| s["seat"].clone()).collect::<Vec<_>>();
    assert_eq!(seats(&held.json()), ["A-8", "A-9", "A-10"]);
    let id = held.json()["id"].as_str().unwrap().to_owned();
    let pay = server.post(&format!("/v1/bookings/{id}/payment")).bearer(&anna);
    let declined = pay.json(json!({"payment_method": "pm_card_chargeDeclined"})).send().await;
    assert_eq!(declined.status, StatusCode::PAYMENT_REQUIRED, "{declined:?}");
    let listed = server.get("/v1/me/bookings").bearer(&anna).send().await.json();
    assert_eq!(seats(&listed["data"][0]), ["A-8", "A-9", "A-10"]);
    let single = server.get(&format!("/v1/bookings/{id}")).bearer(&anna).send().await.json();
    assert_eq!(listed["data"][0]["payment"], single["payment"]);
    assert!(single["payment"]["last_decline"].is_string(), "{single}");
    server.stop().await;
}

#[tokio::test]
async fn a_booking_reads_the_same_by_its_id_and_in_the_list() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let anna = server.token("anna", Role::Buyer);
    let held = server.post("/v1/shows/demo/bookings").bearer(&anna).json(json!({"seats": ["A-1"]})).send().await;
    let path = format!("/v1/bookings/{}", held.text("id"));
    let mut statuses = vec![same_in_both(&server, &anna, &path).await];
    for (action, body) in [
        ("extend", None),
        ("payment", Some(json!({"payment_method": "pm_card_chargeDeclined"}))),
        ("payment", Some(json!({"payment_method": "pm_card_authenticationRequired"}))),
    ] {
        let mut request = server.post(&format!("{path}/{action}")).bearer(&anna);
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await;
        statuses.push(same_in_both(&server, &anna, &path).await);
    }
    server.call("DELETE", &path).bearer(&anna).send().await;
    statuses.push(same_in_both(&server, &anna, &path).await);
    assert_eq!(statuses, ["held", "held", "held", "action_required", "aborted"]);

    let held = server.post("/v1/shows/demo/bookings").bearer(&anna).json(json!({"seats": ["A-2"]})).send().await;
    let path = format!("/v1/bookings/{}", held.text("id"));
    server.post(&format!("{path}/payment")).bearer(&anna).json(json!({"payment_method": "pm_card_visa"})).send().await;
    assert_eq!(same_in_both(&server, &anna, &path).await, "confirmed");
    server.post(&format!("{path}/refund")).admin(&server).send().await;
    assert_eq!(same_in_both(&server, &anna, &path).await, "refunded");
    server.stop().await;
}

/// Compares the newest booking of the list with the booking itself. Returns its status.
async fn same_in_both(server: &crate::common::TestServer, buyer: &str, path: &str) -> String {
    let single = server.get(path).bearer(buyer).send().await.json();
    let head = server.head().await.to_string();
    let list = server.get("/v1/me/bookings").bearer(buyer).header("lastseat-min-position", &head).send().await;
    assert_eq!(list.json()["data"][0], single);
    single["status"].as_str().unwrap().to_owned()
}
