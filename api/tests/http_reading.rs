//! What is read: seats, their stream, the history.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;

use common::start_for_test;
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

/// Reads the stream until `wanted` is in it.
async fn read_until(body: &mut hyper::body::Incoming, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
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
async fn auditors_read_the_history_as_it_stands_in_the_log() {
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
    server.get("/v1/audit/events").admin(&server).send().await.is(403, "forbidden");
    server.stop().await;
}
