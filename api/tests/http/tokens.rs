//! What a token reaches, and what it does not.

use crate::common;

use common::{Reply, TestServer, start_for_test};
use http::StatusCode;
use lastseat::auth::Role;
use serde_json::{Value, json};
use std::time::Duration;

const HOLD: &str = "/v1/shows/demo/bookings";

/// A paid booking of three seats, which earn a voucher.
async fn booked(server: &TestServer, token: &str, row: &str) -> Reply {
    let seats: Vec<String> = (1..=3).map(|n| format!("{row}-{n}")).collect();
    let held = server.post(HOLD).bearer(token).json(json!({ "seats": seats })).send().await;
    let pay = server.post(&format!("/v1/bookings/{}/payment", held.text("id"))).bearer(token);
    let paid = pay.json(json!({"payment_method": "pm_card_visa"})).send().await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    held
}

/// The vouchers that a token shows, once there are so many of them.
async fn vouchers(server: &TestServer, token: &str, many: usize) -> Value {
    for _ in 0..200 {
        let rewards = server.get("/v1/me/rewards").bearer(token).send().await.json();
        if rewards["vouchers"].as_array().unwrap().len() >= many {
            return rewards;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no {many} vouchers");
}

#[tokio::test]
async fn a_bookings_token_reaches_that_booking_and_what_it_earned() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let anna = server.token("anna", Role::Buyer);
    let (first, second) = (booked(&server, &anna, "A").await, booked(&server, &anna, "B").await);
    let all = vouchers(&server, &anna, 2).await;
    assert_eq!((all["seats"].as_u64(), all["points"].as_u64()), (Some(6), Some(60)));

    for (booking, other) in [(&first, &second), (&second, &first)] {
        let token = booking.text("token");
        let mine = server.get("/v1/me/bookings").bearer(&token).send().await.json();
        let ids: Vec<_> = mine["data"].as_array().unwrap().iter().map(|b| b["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids, [booking.text("id")]);
        let after = |id: &str| server.get(&format!("/v1/me/bookings?starting_after={id}")).bearer(&token);
        assert_eq!(after(&booking.text("id")).send().await.json()["data"], json!([]));
        after(&other.text("id")).send().await.is(400, "invalid_parameter");

        let rewards = vouchers(&server, &token, 1).await;
        assert_eq!((rewards["seats"].as_u64(), rewards["points"].as_u64()), (Some(3), Some(30)), "{rewards}");
        let earned = rewards["vouchers"].as_array().unwrap();
        assert!(earned.iter().all(|voucher| voucher["booking"] == booking.text("id").as_str()), "{rewards}");
        assert_eq!(earned.len(), 1);
        let others = all["vouchers"].as_array().unwrap().iter().find(|v| v["booking"] == other.text("id").as_str()).unwrap();
        let redeem = |voucher: &Value| server.post(&format!("/v1/me/rewards/{}/redeem", voucher["voucher"].as_str().unwrap()));
        redeem(others).bearer(&token).send().await.is(404, "voucher_not_found");
        assert_eq!(redeem(&earned[0]).bearer(&token).send().await.status, StatusCode::OK);
    }
    server.post(HOLD).bearer(&first.text("token")).json(json!({"seats": ["C-1"]})).send().await.is(403, "booking_token_only");
    server.stop().await;
}

/// Even where the auditor's name is that of a buyer.
#[tokio::test]
async fn an_auditors_token_reads_and_does_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let (anna, auditor) = (server.token("anna", Role::Buyer), server.token("anna", Role::Auditor));
    let held = server.post(HOLD).bearer(&anna).json(json!({"seats": ["C-1"]})).send().await;
    booked(&server, &anna, "A").await;
    let voucher = vouchers(&server, &anna, 1).await["vouchers"][0]["voucher"].as_str().unwrap().to_owned();
    let before = server.head().await;

    let booking = format!("/v1/bookings/{}", held.text("id"));
    for call in [
        server.post(HOLD).json(json!({"seats": ["B-1"]})),
        server.post(&format!("{booking}/extend")),
        server.post(&format!("{booking}/payment")).json(json!({"payment_method": "pm_card_visa"})),
        server.post(&format!("{booking}/refund")),
        server.call("DELETE", &booking),
        server.post(&format!("/v1/me/rewards/{voucher}/redeem")),
        server.post("/v1/shows").json(json!({})),
        server.post("/v1/shows/demo/pause"),
        server.post("/v1/shows/demo/cancel"),
    ] {
        call.bearer(&auditor).send().await.is(403, "forbidden");
    }
    assert_eq!(server.head().await, before);
    for path in [booking.as_str(), "/v1/me/bookings", "/v1/me/rewards", "/v1/audit/events", "/v1/shows/demo/sales"] {
        assert_eq!(server.get(path).bearer(&auditor).send().await.status, StatusCode::OK, "{path}");
    }
    server.stop().await;
}

/// A guest is another buyer with each booking, so points would never lead to anything.
#[tokio::test]
async fn a_guests_booking_earns_a_voucher_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for (seats, earns) in [(json!(["A-1", "A-2"]), 0), (json!(["B-1", "B-2", "B-3"]), 3)] {
        let held = server.post(HOLD).json(json!({ "seats": seats })).send().await;
        let token = held.text("token");
        let pay = server.post(&format!("/v1/bookings/{}/payment", held.text("id"))).bearer(&token);
        let paid = pay.json(json!({"payment_method": "pm_card_visa"})).send().await;
        assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
        if earns > 0 {
            vouchers(&server, &token, 1).await;
        }
        let position = paid.header("lastseat-position").to_owned();
        let rewards = server.get("/v1/me/rewards").bearer(&token).header("lastseat-min-position", &position).send().await.json();
        assert_eq!((rewards["seats"].as_u64(), rewards["points"].as_u64()), (Some(earns), Some(earns * 10)), "{rewards}");
    }
    server.stop().await;
}
