//! What a show has sold.

use crate::common::start_for_test;
use http::StatusCode;
use lastseat::auth::Role;
use serde_json::{Value, json};

#[tokio::test]
async fn sales_are_counted_by_hour_category_and_channel_and_refunds_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let anna = server.token("anna", Role::Buyer);
    let sales = async || -> Value {
        let head = server.head().await.to_string();
        let read = server.get("/v1/shows/demo/sales").bearer(&server.token("stan", Role::Staff));
        let reply = read.header("lastseat-min-position", &head).send().await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        reply.json()
    };
    for list in ["by_hour", "by_category", "by_price_type", "by_channel"] {
        assert_eq!(sales().await[list], json!([]), "{list}");
    }
    let mut bookings = Vec::new();
    for body in [json!({"seats": ["A-1", "A-2"]}), json!({"area": "floor", "quantity": 3}), json!({"seats": ["B-1"]})] {
        let held = server.post("/v1/shows/demo/bookings").bearer(&anna).json(body).send().await;
        bookings.push(format!("/v1/bookings/{}", held.text("id")));
    }
    for booking in &bookings[..2] {
        let pay = server.post(&format!("{booking}/payment")).bearer(&anna);
        assert_eq!(pay.json(json!({"payment_method": "pm_card_visa"})).send().await.status, StatusCode::OK);
    }
    let refunded = server.post(&format!("{}/refund", bookings[1])).admin(&server).send().await;
    assert_eq!(refunded.status, StatusCode::OK, "{refunded:?}");
    assert_eq!(server.post(&format!("{}/refund", bookings[1])).admin(&server).send().await.status, StatusCode::OK);

    let line = |bookings, seats, captured, refunded_bookings, refunded_seats, refunded| {
        json!({"bookings": bookings, "seats": seats, "captured": captured,
               "refunded_bookings": refunded_bookings, "refunded_seats": refunded_seats, "refunded": refunded})
    };
    let with = |name: &str, value: &Value, mut line: Value| {
        line[name] = value.clone();
        line
    };
    let found = sales().await;
    assert_eq!((&found["captured"]["value"], &found["refunded"]["value"]), (&json!(18_000), &json!(9_000)));
    let whole = line(2, 5, 18_000, 1, 3, 9_000);
    assert_eq!(found["by_channel"], json!([with("channel", &json!("web"), whole.clone())]));
    assert_eq!(
        found["by_category"],
        json!([
            with("category", &json!("stalls"), line(1, 2, 9_000, 0, 0, 0)),
            with("category", &json!("standing"), line(1, 3, 9_000, 1, 3, 9_000)),
        ])
    );
    assert_eq!(found["by_price_type"], json!([]));
    // An hour may begin between the two payments.
    let hours = found["by_hour"].as_array().unwrap();
    let sum = |name: &str| hours.iter().map(|hour| hour[name].as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum("bookings"), sum("seats"), sum("captured"), sum("refunded")), (2, 5, 18_000, 9_000));
    assert!(hours.iter().all(|hour| hour["hour"].as_str().unwrap().ends_with(":00:00Z")), "{hours:?}");
    server.stop().await;
}
