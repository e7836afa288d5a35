//! What auditors read besides the history: the seats at any position of it, and what it proves.

use crate::common::{TestServer, start_for_test};
use lastseat::auth::Role;
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Expected, NewEvent, StreamWrite};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

const ROWS: &str = "application/vnd.lastseat.seat-rows+json";

async fn row_at(server: &TestServer, position: u64) -> String {
    let ada = server.token("ada", Role::Auditor);
    let path = format!("/v1/shows/demo/seats?at={position}");
    let reply = server.get(&path).bearer(&ada).header("accept", ROWS).send().await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "no-store"), "{reply:?}");
    reply.json()["areas"][0]["rows"][0]["seats"].as_str().unwrap()[..3].to_owned()
}

#[tokio::test]
async fn auditors_see_the_seats_as_they_were_at_a_position() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let scheduled = server.head().await;
    let held = server.hold(json!({"seats": ["A-1", "A-2"]})).await;
    let locked = server.head().await;
    let (id, token) = (held.text("id"), held.text("token"));
    let pay = server.post(&format!("/v1/bookings/{id}/payment")).bearer(&token);
    pay.json(json!({"payment_method": "pm_card_visa"})).send().await;
    let other = server.hold(json!({"seats": ["A-3"]})).await;
    let last = server.head().await;
    let released = server.call("DELETE", &format!("/v1/bookings/{}", other.text("id"))).bearer(&other.text("token"));
    assert!(released.send().await.status.is_success());

    assert_eq!(row_at(&server, scheduled).await, "aaa");
    assert_eq!(row_at(&server, locked).await, "lla");
    assert_eq!(row_at(&server, last).await, "bbl");
    assert_eq!(row_at(&server, server.head().await).await, "bba");
    // Every state of the two seats on the way, in its order.
    let mut seen = Vec::new();
    for position in scheduled..=last {
        let row = row_at(&server, position).await;
        if seen.last() != Some(&row) {
            seen.push(row);
        }
    }
    assert_eq!(seen.first().unwrap(), "aaa");
    assert!(seen.contains(&"iia".to_owned()) && seen.contains(&"bba".to_owned()), "{seen:?}");

    let path = |at: &str| format!("/v1/shows/demo/seats?at={at}");
    let ada = server.token("ada", Role::Auditor);
    server.get(&path("1")).send().await.is(401, "authentication_required");
    server.get(&path("1")).bearer(&server.token("stan", Role::Staff)).send().await.is(403, "forbidden");
    for wrong in ["x", "-1", "", "1&at=2", "1&limit=3", "18446744073709551615"] {
        server.get(&path(wrong)).bearer(&ada).send().await.is(400, "invalid_parameter");
    }
    server.get("/v1/shows/none/seats?at=1").bearer(&ada).send().await.is(404, "show_not_found");
    server.get(&path("0")).bearer(&ada).send().await.is(404, "show_not_found");
    server.stop().await;
}

async fn verdict(server: &TestServer) -> Value {
    let reply = server.get("/v1/audit/verification").bearer(&server.token("ada", Role::Auditor)).send().await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/x-ndjson"), "{reply:?}");
    let last = reply.body.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap();
    serde_json::from_slice(last).unwrap()
}

/// A check takes memory of the process that sells.
#[tokio::test]
async fn a_log_that_is_too_large_to_be_checked_beside_a_sale_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    assert_eq!(verdict(&server).await["clean"], json!(true));
    // The server of the tests has 1 MB for it: 2,272 events.
    let raw = || RawValue::from_string("{}".to_owned()).unwrap();
    let event = |id| NewEvent { id: Uuid::from_u128(id), event_type: "Noise".into(), data: raw(), metadata: raw() };
    let events = (0..2_300).map(event).collect();
    let noise = StreamWrite { stream: StreamName::from_log("noise-1"), expected: Expected::NoStream, events };
    assert!(server.log.append(vec![noise]).await.unwrap().iter().all(|outcome| outcome.is_written()));
    let refused = verdict(&server).await;
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("more than 2272 events") && detail.contains("`lastseat verify` on the copy"), "{detail}");
    assert_eq!(refused.as_object().unwrap().len(), 1, "it proves nothing: {refused}");
    server.stop().await;
}

/// An event as only somebody else than this program could have written it.
fn planted(stream: &str, data: &str) -> StreamWrite {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let event = NewEvent { id: Uuid::from_u128(1), event_type: "SeatReleased".into(), data: raw(data), metadata: raw("{}") };
    StreamWrite { stream: StreamName::from_log(stream), expected: Expected::NoStream, events: vec![event] }
}

#[tokio::test]
async fn auditors_have_the_log_verified_while_it_sells() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for n in 1..=3 {
        server.hold(json!({"seats": [format!("A-{n}")]})).await;
    }
    let clean = verdict(&server).await;
    assert_eq!((&clean["clean"], &clean["report"]["position"]), (&json!(true), &json!(server.head().await)), "{clean}");
    assert_eq!(clean["report"]["seats"]["locked"], json!(3));
    assert!(clean["report"]["guarantees"].as_array().unwrap().len() > 5);

    server.get("/v1/audit/verification").send().await.is(401, "authentication_required");
    server.get("/v1/audit/verification").bearer(&server.token("stan", Role::Staff)).send().await.is(403, "forbidden");

    let nobody = Uuid::from_u128(7);
    let release = planted("seat-demo.A-9", &format!(r#"{{"booking":"{nobody}","reason":"cancelled"}}"#));
    assert!(server.log.append(vec![release]).await.unwrap().iter().all(|outcome| outcome.is_written()));
    let broken = verdict(&server).await;
    assert_eq!(broken["clean"], json!(false), "{broken}");
    assert!(
        broken["report"]["violations"].as_array().unwrap().iter().any(|found| found["stream"] == "seat-demo.A-9"),
        "{broken}"
    );
}
