//! Refunds of a part of a booking, over HTTP.

use crate::common;

use common::{Reply, TestServer, start_for_test};
use http::StatusCode;
use lastseat::auth::Role;
use lastseat_audit::Audit;
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter};
use serde_json::{Value, json};

/// A booking of anna's of these seats of the demo, at 4,500 each, paid.
async fn sold(server: &TestServer, seats: &[&str]) -> String {
    let anna = server.token("anna", Role::Buyer);
    let held = server.post("/v1/shows/demo/bookings").bearer(&anna).json(json!({"seats": seats})).send().await;
    let booking = format!("/v1/bookings/{}", held.text("id"));
    let paid = server.post(&format!("{booking}/payment")).bearer(&anna);
    assert_eq!(paid.json(json!({"payment_method": "pm_card_visa"})).send().await.status, StatusCode::OK);
    booking
}

async fn refund(server: &TestServer, booking: &str, key: &str, body: Value) -> Reply {
    let stan = server.token("stan", Role::Staff);
    server.post(&format!("{booking}/refund")).bearer(&stan).key(key).json(body).send().await
}

fn seats(booking: &Value) -> Vec<&str> {
    booking["seats"].as_array().unwrap().iter().map(|seat| seat["seat"].as_str().unwrap()).collect()
}

/// As the read side has it now.
async fn read(server: &TestServer, path: &str) -> Reply {
    let head = server.head().await.to_string();
    server.get(path).bearer(&server.token("stan", Role::Staff)).header("lastseat-min-position", &head).send().await
}

async fn audited(server: &TestServer) {
    let mut audit = Audit::new();
    for event in server.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        audit.observe(&event);
    }
    let report = audit.finish();
    assert!(report.holds(), "{report}");
}

#[tokio::test]
async fn seats_and_amounts_are_given_back_and_every_list_counts_them() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let booking = sold(&server, &["A-1", "A-2", "A-3"]).await;
    let less = refund(&server, &booking, "one", json!({"seats": ["A-2"]})).await;
    assert_eq!(less.status, StatusCode::OK, "{less:?}");
    let body = less.json();
    assert_eq!((body["status"].as_str(), seats(&body)), (Some("confirmed"), vec!["A-1", "A-3"]));
    assert_eq!((&body["amount"]["value"], &body["refunded"]["value"]), (&json!(13_500), &json!(4_500)));
    let line = json!({"refund": 1, "seats": ["A-2"], "amount": {"value": 4_500, "currency": "EUR"}, "status": "made"});
    assert_eq!(body["refunds"], json!([line]));
    // A repeat is the same refund; another request is another one.
    let again = refund(&server, &booking, "one", json!({"seats": ["A-2"]})).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, body));
    refund(&server, &booking, "two", json!({"seats": ["A-2"]})).await.is(409, "not_owner");
    for key in ["three", "four"] {
        let less = refund(&server, &booking, key, json!({"amount": 500})).await;
        assert_eq!(less.status, StatusCode::OK, "{less:?}");
    }
    assert_eq!(server.sandbox.intents().iter().map(|intent| intent.kept()).sum::<i64>(), 8_000);

    let listed = read(&server, "/v1/shows/demo/bookings").await.json();
    let listed = &listed["data"][0];
    assert_eq!((seats(listed), &listed["refunded"]["value"]), (vec!["A-1", "A-3"], &json!(5_500)));
    assert_eq!(listed["refunds"].as_array().unwrap().len(), 3);
    let sales = read(&server, "/v1/shows/demo/sales").await.json();
    assert_eq!((&sales["captured"]["value"], &sales["refunded"]["value"]), (&json!(13_500), &json!(5_500)));
    assert_eq!((&sales["bookings"]["confirmed"], &sales["seats"]["booked"]), (&json!(1), &json!(2)));
    let hour = &sales["by_hour"][0];
    assert_eq!((&hour["refunded_bookings"], &hour["refunded_seats"], &hour["refunded"]), (&json!(0), &json!(1), &json!(5_500)));
    assert_eq!(sales["by_category"][0]["refunded"], json!(5_500));

    // The rest, without a body.
    let stan = server.token("stan", Role::Staff);
    let all = server.post(&format!("{booking}/refund")).bearer(&stan).send().await.json();
    assert_eq!((all["status"].as_str(), &all["refunded"]["value"]), (Some("refunded"), &json!(13_500)));
    assert_eq!(server.sandbox.intents().iter().map(|intent| intent.kept()).sum::<i64>(), 0);
    let sales = read(&server, "/v1/shows/demo/sales").await.json();
    assert_eq!(sales["refunded"]["value"], json!(13_500));
    let hour = &sales["by_hour"][0];
    assert_eq!((&hour["refunded_bookings"], &hour["refunded_seats"], &hour["refunded"]), (&json!(1), &json!(3), &json!(13_500)));
    refund(&server, &booking, "late", json!({"amount": 1})).await.is(409, "already_refunded");
    audited(&server).await;
}

#[tokio::test]
async fn what_can_not_be_refunded_in_part_is_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let booking = sold(&server, &["A-1", "A-2"]).await;
    let refused = [
        (json!({"seats": ["A-1", "A-2"]}), 409, "refunds_all"),
        (json!({"amount": 9_000}), 409, "refunds_all"),
        (json!({"amount": 9_001}), 422, "invalid_refund"),
        (json!({"amount": 0}), 422, "invalid_refund"),
        (json!({"amount": -1}), 422, "invalid_refund"),
        (json!({"seats": ["A-1"], "amount": 4_501}), 422, "invalid_refund"),
        (json!({"seats": ["B-1"]}), 409, "not_owner"),
        (json!({"seats": ["A-1", "A-1"]}), 422, "duplicate_seats"),
        (json!({"seats": []}), 422, "invalid_request"),
        (json!({"seats": [""]}), 422, "invalid_request"),
        // It has lost what it should have named, and must not return everything.
        (json!({"seats": null}), 422, "invalid_request"),
        (json!({"amount": null}), 422, "invalid_request"),
        (json!({"amount": 1.5}), 422, "invalid_request"),
        (json!({"seat": ["A-1"]}), 422, "invalid_request"),
    ];
    for (n, (body, status, code)) in refused.into_iter().enumerate() {
        let reply = refund(&server, &booking, &format!("key-{n}"), body.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.text("code")), (status, code.to_owned()), "{body}");
    }
    let events = server.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap();
    assert!(!events.iter().any(|event| event.event_type.contains("Refund")), "nothing is written");
    let anna = server.token("anna", Role::Buyer);
    let own = server.post(&format!("{booking}/refund")).bearer(&anna).json(json!({"seats": ["A-1"]})).send().await;
    own.is(403, "forbidden");
}

#[tokio::test]
async fn the_csv_has_what_was_returned() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let booking = sold(&server, &["A-1", "A-2"]).await;
    refund(&server, &booking, "one", json!({"seats": ["A-1"], "amount": 4_000})).await;
    let head = server.head().await.to_string();
    let stan = server.token("stan", Role::Staff);
    let csv = server.get("/v1/shows/demo/bookings").bearer(&stan).header("accept", "text/csv");
    let csv = csv.header("lastseat-min-position", &head).send().await;
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    let (header, line) = text.split_once("\r\n").unwrap();
    assert!(header.contains(",refunded,") && line.trim_end().ends_with(",4000,0,"), "{text}");
}

#[tokio::test]
async fn a_cancelled_show_is_refunded_and_its_progress_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for seats in [&["A-1", "A-2"][..], &["B-1"], &["C-5"]] {
        sold(&server, seats).await;
    }
    let mary = server.token("mary", Role::Manager);
    let path = "/v1/shows/demo/refunds";
    let before = read(&server, path).await.json();
    assert_eq!(
        (&before["complete"], &before["bookings"]["waiting"], &before["requested_by"]),
        (&json!(false), &json!(3), &Value::Null)
    );
    server.post(path).bearer(&mary).send().await.is(409, "show_not_cancelled");
    server.post("/v1/shows/nothing/refunds").bearer(&mary).send().await.is(404, "show_not_found");
    server.post(path).bearer(&server.token("stan", Role::Staff)).send().await.is(403, "forbidden");
    assert_eq!(server.post("/v1/shows/demo/cancel").bearer(&mary).send().await.status, StatusCode::OK);
    for _ in 0..2 {
        assert_eq!(server.post(path).bearer(&mary).send().await.status, StatusCode::ACCEPTED);
    }
    let done = async || {
        loop {
            let progress = read(&server, path).await.json();
            if progress["complete"] == json!(true) {
                return progress;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let progress = tokio::time::timeout(std::time::Duration::from_secs(30), done()).await.unwrap();
    let bookings = json!({"total": 3, "refunded": 3, "under_way": 0, "need_a_person": 0, "at_the_till": 0, "waiting": 0, "failed": 0, "paying": 0});
    assert_eq!((&progress["bookings"], &progress["requested_by"]), (&bookings, &json!("mary")));
    assert_eq!((&progress["captured"]["value"], &progress["refunded"]["value"]), (&json!(18_000), &json!(18_000)));
    assert_eq!(server.sandbox.intents().iter().map(|intent| intent.kept()).sum::<i64>(), 0);
    assert!(server.sandbox.intents().iter().all(|intent| intent.refunds.len() == 1), "each once");
    audited(&server).await;
}

#[tokio::test]
async fn what_was_paid_at_the_till_is_shown_as_left_to_staff() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let [stan, mary] = [("stan", Role::Staff), ("mary", Role::Manager)].map(|(name, role)| server.token(name, role));
    sold(&server, &["A-1"]).await;
    let mut at_till = Vec::new();
    for (seat, payment) in [("B-1", "cash"), ("B-2", "invoice"), ("B-3", "complimentary")] {
        let hold = json!({"seats": [seat], "channel": "till"});
        let held = server.post("/v1/shows/demo/bookings").bearer(&stan).json(hold).send().await;
        let booking = format!("/v1/bookings/{}", held.text("id"));
        let paid = server.post(&format!("{booking}/payment")).bearer(&stan).json(json!({"payment": payment})).send().await;
        assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
        at_till.push(booking);
    }
    assert_eq!(server.post("/v1/shows/demo/cancel").bearer(&mary).send().await.status, StatusCode::OK);
    assert_eq!(server.post("/v1/shows/demo/refunds").bearer(&mary).send().await.status, StatusCode::ACCEPTED);
    let done = async || {
        loop {
            let progress = read(&server, "/v1/shows/demo/refunds").await.json();
            if progress["complete"] == json!(true) {
                return progress;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let progress = tokio::time::timeout(std::time::Duration::from_secs(30), done()).await.unwrap();
    let (bookings, refunded) = (&progress["bookings"], &progress["refunded"]["value"]);
    assert_eq!((&bookings["total"], &bookings["refunded"], &bookings["at_the_till"]), (&json!(4), &json!(2), &json!(2)));
    assert_eq!((&bookings["waiting"], refunded, &progress["captured"]["value"]), (&json!(0), &json!(4_500), &json!(13_500)));
    let left = read(&server, "/v1/shows/demo/bookings?status=confirmed").await.json();
    let tenders = left["data"].as_array().unwrap().iter().map(|booking| booking["payment"]["tender"].as_str().unwrap());
    assert_eq!(tenders.collect::<std::collections::BTreeSet<_>>(), ["cash", "invoice"].into());
    // The money is handed over, and the booking refunded.
    let refunded = server.post(&format!("{}/refund", at_till[0])).bearer(&stan).send().await;
    assert_eq!(refunded.json()["status"], "refunded");
    let progress = read(&server, "/v1/shows/demo/refunds").await.json();
    assert_eq!((&progress["bookings"]["at_the_till"], &progress["complete"]), (&json!(1), &json!(true)));
    assert_eq!(progress["refunded"]["value"], json!(9_000));
    audited(&server).await;
}
