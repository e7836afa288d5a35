//! Seat maps that are wrong after a reconnect.

use crate::support::sse::{Change, Stream};
use crate::support::test_server::{GALA, TestServer};
use crate::support::{PATIENCE, text};
use http_body_util::BodyExt;
use lastseat::auth::Role;
use lastseat::wiring::Running;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Expected, NewEvent, StreamWrite};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);

/// The labelled seats of a seats answer.
fn seats(map: &Value) -> BTreeMap<String, String> {
    map["seats"].as_array().unwrap().iter().map(|seat| (text(seat, "seat").to_owned(), text(seat, "state").to_owned())).collect()
}

/// RealTicket#395, #399: without sequence numbers, held seats were shown as free after a reconnect.
/// Here a reader who is disconnected after every third change and resumes with `Last-Event-ID` sees
/// exactly what an uninterrupted reader sees.
#[tokio::test(flavor = "multi_thread")]
async fn a_reconnect_restores_held_seats_without_gap_or_repeat() {
    let server = TestServer::open(600).await;
    let held_before = server.hold(&json!({"seats": ["A-1", "A-2"]})).await;
    let before = server.map(GALA).await;
    assert_eq!(seats(&before)["A-1"], "locked");
    let position = before["position"].as_u64();
    let mut whole = Stream::open(&server.client, GALA, position, None).await;
    let mut cut = Stream::open(&server.client, GALA, position, None).await;

    let work = async {
        for number in 1..=10 {
            let booking = server.hold(&json!({"seats": [format!("B-{number}")]})).await;
            match number % 3 {
                0 => drop(server.cancel(&booking).await.ok(200)),
                1 => drop(server.pay(&booking, "pm_card_visa").await.ok(200)),
                _ => drop(server.pay(&booking, "pm_card_chargeDeclined").await.problem(402, "payment_declined")),
            }
        }
        server.pay(&held_before, "pm_card_visa").await.ok(200);
        server.hold_seat("C-10").await;
    };
    // The last change.
    let is_last = |change: &Change| change.data["seat"] == "C-10";
    let uncut = async {
        let mut changes = Vec::new();
        while !changes.last().is_some_and(is_last) {
            changes.push(whole.next_seat(SOON).await.expect("the stream continues"));
        }
        changes
    };
    let in_pieces = async {
        let (mut changes, mut cuts) = (Vec::<Change>::new(), 0);
        while !changes.last().is_some_and(is_last) {
            changes.push(cut.next_seat(SOON).await.expect("the stream continues"));
            // The id covers the change: a browser has seen it before it is disconnected.
            if changes.len() % 3 == 0
                && cut.last_id.as_deref() == Some(changes.last().unwrap().data["position"].to_string().as_str())
            {
                let last_id = cut.last_id.clone();
                drop(cut);
                cut = Stream::open(&server.client, GALA, None, last_id.as_deref()).await;
                cuts += 1;
            }
        }
        (changes, cuts)
    };
    let ((), uncut, (in_pieces, cuts)) = tokio::join!(work, uncut, in_pieces);
    assert!(cuts > 3, "cut only {cuts} times");
    assert_eq!(in_pieces, uncut);

    let mut map = seats(&before);
    for change in &uncut {
        map.insert(text(&change.data, "seat").to_owned(), text(&change.data, "state").to_owned());
    }
    assert_eq!(map, seats(&server.map(GALA).await));
    assert_eq!(
        (map["A-1"].as_str(), map["B-1"].as_str(), map["B-2"].as_str(), map["B-3"].as_str()),
        ("booked", "booked", "locked", "available")
    );
    drop(whole);
    server.close().await;
}

/// The same after a restart of the server: positions are the log's, not the process's.
#[tokio::test(flavor = "multi_thread")]
async fn a_reconnect_after_a_restart_resumes() {
    let server = TestServer::open(600).await;
    let mut stream = Stream::open(&server.client, GALA, Some(0), None).await;
    let booking = server.hold_seat("A-1").await;
    let first = stream.next_seat(SOON).await.unwrap();
    assert_eq!((first.name.as_str(), text(&first.data, "seat")), ("seat_locked", "A-1"));
    let last_id = stream.last_id.clone();
    drop(stream);
    // Changes while nobody is connected.
    server.hold_seat("A-2").await;
    server.cancel(&booking).await.ok(200);
    let server = server.restart().await;
    let mut stream = Stream::open(&server.client, GALA, None, last_id.as_deref()).await;
    let missed = [stream.next_seat(SOON).await.unwrap(), stream.next_seat(SOON).await.unwrap()];
    let received: Vec<_> = missed.iter().map(|change| (change.name.as_str(), text(&change.data, "seat"))).collect();
    assert_eq!(received, [("seat_locked", "A-2"), ("seat_released", "A-1")]);
    assert!(stream.next_seat(Duration::from_millis(300)).await.is_none(), "a change was sent twice");
    drop(stream);
    server.close().await;
}

/// Adds 17 streams of 1,000 events that are another program's: more than a stream is read back for everybody.
async fn add_foreign_events(running: &Running) {
    let raw = || RawValue::from_string("{}".to_owned()).unwrap();
    let event = |id| NewEvent { id: Uuid::from_u128(id), event_type: "Noise".to_owned(), data: raw(), metadata: raw() };
    for stream in 0..17_u128 {
        let events = (0..1_000).map(|number| event(((stream + 1) << 32) | number)).collect();
        let write =
            StreamWrite { stream: StreamName::from_log(&format!("noise-{stream}")), expected: Expected::NoStream, events };
        assert!(running.log.append(vec![write]).await.unwrap().iter().all(|outcome| outcome.is_written()));
    }
}

/// Anybody could have the log read from its beginning during a sale, and see what every seat was at any time.
#[tokio::test(flavor = "multi_thread")]
async fn only_auditors_have_the_whole_log_read_for_a_stream() {
    let server = TestServer::open(600).await;
    server.hold_seat("A-1").await;
    let changed = server.map(GALA).await["position"].as_u64().unwrap();
    add_foreign_events(server.running()).await;
    // A start keeps in memory what has changed since the stored views.
    let server = server.restart().await;

    let path = format!("/v1/shows/{GALA}/seats/stream?from=0");
    let open = |path: &str| server.client.get(path);
    for refused in [
        open(&path).send().await,
        open(&path).bearer(&server.token("stan", Role::Staff)).send().await,
        open(&format!("/v1/shows/{GALA}/seats/stream?from={changed}")).header("last-event-id", "0").send().await,
    ] {
        let problem = refused.problem(400, "invalid_parameter");
        assert!(text(&problem, "detail").contains("load the seats again"), "{problem}");
    }
    open("/v1/shows/nowhere/seats/stream?from=0").send().await.problem(404, "show_not_found");

    let auditor = server.token("ada", Role::Auditor);
    let (parts, mut body, connection) = open(&path).bearer(&auditor).open().await;
    assert_eq!(parts.status, 200);
    let mut received = String::new();
    while !received.contains("event: seat_locked") {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.expect("the hold is in the log").unwrap().unwrap();
        received.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    drop((body, connection));

    // Its last change is long ago, but nothing has to be read for it.
    let mut quiet = Stream::open(&server.client, GALA, Some(changed), None).await;
    server.hold_seat("A-2").await;
    assert_eq!(text(&quiet.next_seat(SOON).await.unwrap().data, "seat"), "A-2");
    drop(quiet);
    server.close().await;
}

/// The changes that a stream's bytes have, by their ids.
fn ids(text: &str) -> Vec<u64> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect()
}

/// Reads until `count` changes are there, which is what is promised, and then a little more.
async fn read_changes(mut stream: TcpStream, count: usize) -> Vec<u64> {
    let (mut text, mut space, mut seen) = (String::new(), vec![0; 1 << 16], 0);
    let mut patience = PATIENCE;
    while let Ok(read) = tokio::time::timeout(patience, stream.read(&mut space)).await {
        let read = read.unwrap();
        assert!(read > 0, "disconnected after {seen} of {count} changes");
        text.push_str(std::str::from_utf8(&space[..read]).unwrap());
        seen = text.matches("\nid: ").count();
        if seen >= count {
            patience = Duration::from_millis(100);
        }
    }
    ids(&text)
}

/// Half of the readers read nothing until all has happened: more than the system keeps for them. Every reader gets
/// every change once, in order, and costs those no time who read.
#[tokio::test(flavor = "multi_thread")]
async fn every_reader_sees_each_change_once_and_in_order_while_many_lag() {
    const READERS: usize = 60;
    const TURNS: usize = 200;
    // Two changes of ten seats.
    const CHANGES: usize = TURNS * 20;
    let server = TestServer::open(600).await;
    let position = server.map(GALA).await["position"].as_u64().unwrap();
    let ask = format!("GET /v1/shows/{GALA}/seats/stream?from={position} HTTP/1.1\r\nhost: test\r\n\r\n");
    let mut streams = Vec::new();
    for _ in 0..READERS {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 << 10).unwrap();
        let mut stream = socket.connect(server.running().addr).await.unwrap();
        stream.write_all(ask.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    let late = streams.split_off(READERS / 2);
    let reading: JoinSet<_> = streams.into_iter().map(|stream| read_changes(stream, CHANGES)).collect();
    let row: Vec<_> = (1..=10).map(|number| format!("A-{number}")).collect();
    for _ in 0..TURNS {
        let booking = server.hold(&json!({"seats": row})).await;
        server.cancel(&booking).await.ok(200);
    }
    let mut seen = reading.join_all().await;
    seen.extend(late.into_iter().map(|stream| read_changes(stream, CHANGES)).collect::<JoinSet<_>>().join_all().await);
    let expected = seen.first().cloned().unwrap();
    assert_eq!(expected.len(), CHANGES);
    assert!(expected.is_sorted_by(|a, b| a < b) && expected[0] > position);
    for (reader, ids) in seen.iter().enumerate() {
        assert!(*ids == expected, "reader {reader} has seen {} changes, or others", ids.len());
    }
    server.close().await;
}
