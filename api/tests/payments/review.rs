//! `POST /v1/bookings/{id}/review`

use crate::reconcile::{kinds, payments_with};
use crate::support::books;
use crate::support::client::Answer;
use crate::support::test_server::TestServer;
use crate::support::text;
use crate::{append, flag, id};
use lastseat::auth::Role;
use lastseat_domain::event::{PaymentRefunded, RefundRequested};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::event_log::Direction;
use lastseat_domain::{Currency, Money, StreamName};
use serde_json::{Value, json};

async fn review(server: &TestServer, booking: &Value, body: Value) -> Answer {
    let path = format!("/v1/bookings/{}/review", text(booking, "id"));
    server.client.post(&path).bearer(&server.admin()).json(&body).send().await
}

#[tokio::test]
async fn an_admin_sees_why_a_payment_is_flagged_and_ends_the_review_with_a_reason() {
    let server = TestServer::open(600).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_card_authenticationRequired").await.ok(202);
    flag(&server, id(&booking), "the gateway's intent is for another amount").await;

    let seen = server.booking(&booking).await;
    assert_eq!(seen["payment"]["under_review"], true, "{seen}");
    assert_eq!(seen["payment"]["flagged"], "the gateway's intent is for another amount");
    let path = format!("/v1/bookings/{}", text(&booking, "id"));
    let buyer = server.client.get(&path).bearer(text(&booking, "token")).send().await.ok(200);
    assert_eq!((&buyer["payment"]["under_review"], buyer["payment"].get("flagged")), (&json!(true), None), "not the buyer's");

    let settled = review(&server, &booking, json!({"outcome": "settled", "reason": "cancelled by hand"})).await;
    assert_eq!((settled.status, settled.code().as_str()), (409, "booking_not_over"));
    let continued = review(&server, &booking, json!({"outcome": "continue", "reason": "metadata was repaired"})).await.ok(200);
    assert_eq!(continued["payment"].get("under_review"), None, "{continued}");
    review(&server, &booking, json!({"outcome": "continue", "reason": "again"})).await.ok(200);
    let stream = StreamName::booking(id(&booking));
    let history = server.running().log.read_stream(&stream, None, Direction::Forwards, 100).await.unwrap();
    let reviewed: Vec<_> = history.into_iter().filter(|event| event.event_type == "PaymentReviewed").collect();
    assert_eq!(reviewed.len(), 1, "a repeat adds nothing");
    assert!(reviewed[0].data.get().contains("metadata was repaired") && reviewed[0].data.get().contains("root"));
    server.cancel(&booking).await.ok(200);
    server.close().await;
}

#[tokio::test]
async fn a_review_without_a_flag_or_reason_or_by_somebody_else_is_refused() {
    let server = TestServer::open(600).await;
    let booking = server.hold_seat("A-1").await;
    let body = json!({"outcome": "continue", "reason": "looked"});
    let answer = review(&server, &booking, body.clone()).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "not_flagged"));
    for wrong in [
        json!({"outcome": "continue"}),
        json!({"outcome": "refunded", "reason": "x"}),
        json!({"outcome": "continue", "reason": " "}),
    ] {
        let answer = review(&server, &booking, wrong.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "invalid_request"), "{wrong}");
    }
    let path = format!("/v1/bookings/{}/review", text(&booking, "id"));
    for token in [text(&booking, "token").to_owned(), server.token("ann", Role::Buyer), server.token("aud", Role::Auditor)] {
        assert_eq!(server.client.post(&path).bearer(&token).json(&body).send().await.status, 403);
    }
    server.cancel(&booking).await.ok(200);
    server.close().await;
}

/// Its refund was refused, because the buyer's bank has given the money back already.
#[tokio::test]
async fn a_booking_whose_money_came_back_by_another_way_is_over_and_its_seats_are_on_sale_again() {
    let server = TestServer::open(600).await;
    let sold = server.hold_seat("A-1").await;
    server.pay(&sold, "pm_card_createDispute").await.ok(200);
    let body = || json!({"outcome": "returned_elsewhere", "reason": "dispute lost"});
    assert_eq!(review(&server, &sold, body()).await.code(), "not_flagged");
    flag(&server, id(&sold), "not the refund").await;
    review(&server, &sold, body()).await.problem(409, "no_refund_due");
    let booking = id(&sold);
    append(&server, booking, RefundRequested { booking, by: "root".into() }.into()).await;
    assert_eq!(review(&server, &sold, body()).await.code(), "not_flagged", "that flag is older than the refund");
    flag(&server, booking, "the gateway refuses to refund: disputed").await;

    let reviewed = review(&server, &sold, body()).await.ok(200);
    assert_eq!((&reviewed["status"], reviewed["payment"].get("under_review")), (&json!("refunded"), None), "{reviewed}");
    review(&server, &sold, body()).await.ok(200);
    server.wait_for_status(&sold, "refunded").await;
    assert_eq!(server.state("A-1").await, "available");
    let sales = server.client.get("/v1/shows/gala/sales").bearer(&server.admin()).send().await.ok(200);
    assert_eq!(
        (&sales["bookings"]["refunded"], &sales["captured"], &sales["refunded"]),
        (&json!(1), &sales["refunded"], &json!({"value": 4500, "currency": "EUR"}))
    );
    // The sandbox keeps the money on record, as a gateway does after a dispute that was lost.
    let (report, _) = books::read(server.data()).await;
    assert!(report.holds(), "{report}");
    server.stop_and_keep().await;
}

/// The gateway accepted the refund, and the bank refused it days later: the log says "refunded", and the gateway has
/// the money. The shop transfers it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_failed_later_ends_with_a_review_and_no_repair_pays_it_again() {
    let server = TestServer::open(600).await;
    let sandbox = server.running().sandbox.clone().unwrap();
    let body = || json!({"outcome": "returned_elsewhere", "reason": "transferred on 27 November"});
    let reconciled = |arguments: &[&str]| {
        let (code, lines) = payments_with(server.data(), &[&["reconcile", "--json"], arguments].concat(), &[]);
        (code, kinds(&lines))
    };
    let made = server.hold_seat("A-2").await;
    server.pay(&made, "pm_card_visa").await.ok(200);
    let path = format!("/v1/bookings/{}/refund", text(&made, "id"));
    server.client.post(&path).bearer(&server.admin()).send().await.ok(200);
    review(&server, &made, body()).await.problem(409, "refund_stands");

    let sold = server.hold_seat("A-1").await;
    server.pay(&sold, "pm_card_visa").await.ok(200);
    let booking = id(&sold);
    let intent = sandbox.intents().iter().find(|record| record.booking == booking).unwrap().id.clone();
    let amount = Money { value: 4500, currency: Currency::new("EUR").unwrap() };
    append(&server, booking, RefundRequested { booking, by: "root".into() }.into()).await;
    append(&server, booking, PaymentRefunded { booking, intent: intent.clone(), amount }.into()).await;
    server.wait_for_status(&sold, "refunded").await;
    assert_eq!(reconciled(&[]), (1, vec![("refunded_charged".to_owned(), "not_asked".to_owned())]));

    let reviewed = review(&server, &sold, body()).await.ok(200);
    assert_eq!((&reviewed["status"], reviewed["payment"].get("under_review")), (&json!("refunded"), None), "{reviewed}");
    review(&server, &sold, body()).await.ok(200);
    let url = format!("http://{}", server.running().addr);
    assert_eq!(reconciled(&[]), (0, vec![]));
    assert_eq!(reconciled(&["--apply", "--url", &url]), (0, vec![]));
    assert_eq!(sandbox.intents().iter().find(|record| record.booking == booking).unwrap().kept(), 4500, "it was not paid again");
    let (report, _) = books::read(server.data()).await;
    assert!(report.holds(), "{report}");
    let sales = server.client.get("/v1/shows/gala/sales").bearer(&server.admin()).send().await.ok(200);
    assert_eq!((&sales["bookings"]["refunded"], &sales["refunded"]["value"]), (&json!(2), &json!(9000)), "each counts once");

    // A repair that began before the review, or somebody at the gateway: the shop has paid twice.
    sandbox.refund(&intent, booking, 2, amount).await.unwrap();
    assert_eq!(reconciled(&[]), (1, vec![("returned_twice".to_owned(), "not_asked".to_owned())]));
    server.stop_and_keep().await;
}
