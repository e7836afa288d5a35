//! Seat maps that are wrong after a reconnect.

use crate::support::sse::{Change, Stream};
use crate::support::test_server::{GALA, TestServer};
use crate::support::text;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

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
