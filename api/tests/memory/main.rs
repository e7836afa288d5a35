//! What slow and hostile clients cost in memory, counted by the allocator of this program, in which the
//! server runs. One test, because its parts would count each other's bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(clippy::print_stderr, reason = "the figures belong to what the test says")]

mod clients;
#[path = "../support/mod.rs"]
mod support;

use clients::{Slow, eventually_at_most, send_and_read, settle};
use lastseat::config::Config;
use peak_alloc::PeakAlloc;
use serde_json::json;
use support::test_server::TestServer;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SEATS: usize = 200_000;
const MB: usize = 1 << 20;
const BUDGET: usize = 24 * MB;

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_read_or_send_cost_little_and_never_more_than_the_budget() {
    let server = TestServer::open_with(Config { connection_memory: BUDGET / MB, ..Config::default() }).await;
    let rows: Vec<_> = (1..=SEATS / 1000).map(|row| json!({"row": format!("R{row}"), "seats": 1000})).collect();
    let arena = json!({
        "id": "arena", "title": "Arena", "currency": "EUR", "hold_seconds": 3600,
        "categories": [{"category": "stalls", "price": 4500}],
        "areas": [{"area": "arena", "category": "stalls", "rows": rows}],
    });
    server.put_on_sale(&arena).await;
    // Everything that is kept for good is there after the first of each.
    let snapshot = send_and_read(&server, "GET /v1/shows/arena/seats").await.len();
    assert!(snapshot > 10 * MB, "{snapshot}");
    settle().await;

    readers_of_one_snapshot(&server, snapshot).await;
    readers_of_many_snapshots(&server, snapshot).await;
    unread_streams(&server).await;
    clients_that_wait(&server).await;
    half_sent_headers(&server).await;
    bodies_that_are_too_large(&server).await;
    bodies_without_the_role(&server).await;
    bodies_that_never_end(&server).await;

    let metrics = send_and_read(&server, "GET /metrics").await;
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(value(&metrics, "lastseat_connections_cut_total") > 0, "the budget was full at least once");
    assert!(metrics.contains("lastseat_connection_bytes 0\n"), "{metrics}");
}

async fn metric(server: &TestServer, name: &str) -> usize {
    value(&String::from_utf8(send_and_read(server, "GET /metrics").await).unwrap(), name)
}

fn value(metrics: &str, name: &str) -> usize {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap().parse().unwrap()
}

/// 80 slow readers of a 200,000-seat show took 1 GB.
async fn readers_of_one_snapshot(server: &TestServer, snapshot: usize) {
    let before = MEMORY.current_usage();
    let mut slow = Slow::open(server, 80, "GET /v1/shows/arena/seats HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let cost = MEMORY.current_usage().saturating_sub(before);
    eprintln!("80 slow readers of {snapshot} bytes: {cost} bytes");
    assert!(cost < 80 * 64 * 1024, "{cost}");
    // They get what they asked for, whole.
    assert_eq!(slow.read_one(snapshot).await, snapshot);
    drop(slow);
    eventually_at_most(&MEMORY, before + MB).await;
}

/// The same with a change of the show before each: as many snapshots as readers.
async fn readers_of_many_snapshots(server: &TestServer, snapshot: usize) {
    let before = MEMORY.current_usage();
    let mut readers = vec![];
    let mut most = 0;
    for seat in 1..=20 {
        server.client.post("/v1/shows/arena/bookings").json(&json!({"seats": [format!("R1-{seat}")]})).send().await.ok(201);
        readers.push(Slow::answered(server, "GET /v1/shows/arena/seats HTTP/1.1\r\nhost: test\r\n\r\n").await);
        most = most.max(MEMORY.current_usage().saturating_sub(before));
    }
    settle().await;
    most = most.max(MEMORY.current_usage().saturating_sub(before));
    eprintln!("20 slow readers of 20 snapshots: {most} bytes at most");
    // The budget, the latest, and the one that went over it.
    assert!(most < BUDGET + 3 * snapshot, "{most}");
    drop(readers);
    eventually_at_most(&MEMORY, before + 2 * MB).await;
}

/// Each took 600 kB.
async fn unread_streams(server: &TestServer) {
    for _ in 0..40 {
        let hold = server.client.post("/v1/shows/arena/bookings").bearer(&server.admin());
        let best = json!({"best_available": {"quantity": 10, "category": "stalls"}});
        let held = hold.json(&best).send().await.ok(201);
        server.cancel(&held).await.ok(200);
    }
    let before = MEMORY.current_usage();
    let slow = Slow::open(server, 100, "GET /v1/shows/arena/seats/stream?from=0 HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let cost = MEMORY.current_usage().saturating_sub(before);
    eprintln!("100 unread streams from 0: {cost} bytes");
    assert!(cost < 100 * 80 * 1024, "{cost}");
    drop(slow);
    eventually_at_most(&MEMORY, before + 2 * MB).await;
}

/// hyper's two buffers alone take 16 kB.
async fn clients_that_wait(server: &TestServer) {
    let stream = "GET /v1/shows/arena/seats/stream HTTP/1.1\r\nhost: test\r\n\r\n";
    for (what, request) in
        [("readers of a stream", stream), ("idle connections", "GET /health/live HTTP/1.1\r\nhost: test\r\n\r\n")]
    {
        let before = MEMORY.current_usage();
        let waiting = Slow::open(server, 300, request).await;
        eventually_at_most(&MEMORY, before + 300 * 4096).await;
        let cost = MEMORY.current_usage().saturating_sub(before);
        eprintln!("300 {what}: {cost} bytes");
        // They are as good as new.
        assert_eq!(metric(server, "lastseat_stream_clients").await, if request == stream { 300 } else { 0 });
        drop(waiting);
        eventually_at_most(&MEMORY, before + MB).await;
    }
}

/// Each took 390 kB.
async fn half_sent_headers(server: &TestServer) {
    let before = MEMORY.current_usage();
    let small = Slow::open(server, 100, &format!("GET / HTTP/1.1\r\nhost: test\r\nx: {}", "x".repeat(15_000))).await;
    let large = Slow::open(server, 100, &format!("GET / HTTP/1.1\r\nhost: test\r\nx: {}", "x".repeat(400_000))).await;
    let cost = MEMORY.current_usage().saturating_sub(before);
    eprintln!("100 of 15 kB and 100 of 400 kB of half-sent headers: {cost} bytes");
    assert!(cost < 200 * 48 * 1024, "{cost}");
    drop((small, large));
    eventually_at_most(&MEMORY, before + MB).await;
}

/// They are dropped as they arrive, but filled the budget, and streams were closed for them.
async fn bodies_that_are_too_large(server: &TestServer) {
    let before = MEMORY.current_usage();
    let cut = metric(server, "lastseat_connections_cut_total").await;
    let head = "POST /v1/shows/arena/bookings HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n";
    let slow = Slow::open(server, 60, &format!("{head}content-length: 33554432\r\n\r\n{}", "x".repeat(1_000_000))).await;
    let cost = MEMORY.current_usage().saturating_sub(before);
    let charged = metric(server, "lastseat_connection_bytes").await;
    eprintln!("60 bodies of 32 MiB that are dropped: {cost} bytes, {charged} charged");
    assert!(cost < 60 * 64 * 1024, "{cost}");
    assert!(charged < 60 * 16 * 1024, "{charged}");
    assert_eq!(metric(server, "lastseat_connections_cut_total").await, cut);
    drop(slow);
    eventually_at_most(&MEMORY, before + MB).await;
}

/// 1 MiB each, read before the role was looked at.
async fn bodies_without_the_role(server: &TestServer) {
    let before = MEMORY.current_usage();
    let head = "POST /v1/shows HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 1048576\r\n\r\n";
    let slow = Slow::open(server, 50, &format!("{head}{}", "x".repeat(1_000_000))).await;
    let cost = MEMORY.current_usage().saturating_sub(before);
    eprintln!("50 bodies of 1 MB without the role: {cost} bytes");
    assert!(cost < 50 * 64 * 1024, "{cost}");
    drop(slow);
    eventually_at_most(&MEMORY, before + MB).await;
}

/// With the role, they are kept as far as the budget goes.
async fn bodies_that_never_end(server: &TestServer) {
    let before = MEMORY.current_usage();
    let bearer = format!("authorization: Bearer {}", server.admin());
    let head = "POST /v1/shows HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 1048576\r\n";
    let slow = Slow::open(server, 60, &format!("{head}{bearer}\r\n\r\n{}", "x".repeat(1_000_000))).await;
    let cost = MEMORY.current_usage().saturating_sub(before);
    eprintln!("60 bodies of 1 MB that never end: {cost} bytes");
    // A growing vector has up to twice the space.
    assert!(cost < 2 * BUDGET + 60 * 32 * 1024, "{cost}");
    drop(slow);
    eventually_at_most(&MEMORY, before + MB).await;
}
