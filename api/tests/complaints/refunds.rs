//! Refunds that free the wrong seat, or happen twice.

use crate::at_once;
use crate::support::test_server::TestServer;
use crate::support::{seats_of, text};
use lastseat::auth::Role;
use serde_json::json;

/// revel-backend#741: a refund looked up its order by amount, and freed somebody else's seat. Here
/// three bookings cost the same, and the middle one is refunded.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_frees_the_seats_of_its_own_booking() {
    let server = TestServer::open(600).await;
    let mut bookings = Vec::new();
    for seats in [["A-1", "A-2"], ["A-3", "A-4"], ["A-5", "A-6"]] {
        let booking = server.hold(&json!({"seats": seats})).await;
        server.pay(&booking, "pm_card_visa").await.ok(200);
        bookings.push(booking);
    }
    assert_eq!(server.refund(&bookings[1]).await.ok(200)["status"], "refunded");
    for seat in ["A-3", "A-4"] {
        server.wait_until_free(seat).await;
    }
    for seat in ["A-1", "A-2", "A-5", "A-6"] {
        assert_eq!(server.state(seat).await, "booked", "{seat}");
    }
    for (booking, kept) in bookings.iter().zip([9000, 0, 9000]) {
        let intents = server.running().sandbox.as_ref().unwrap().intents();
        let intent = intents.iter().find(|intent| intent.booking.to_string() == text(booking, "id")).unwrap();
        assert_eq!(intent.kept(), kept);
    }
    // The freed seats are sold again; the refunded booking stays refunded.
    let next = server.hold(&json!({"seats": ["A-3", "A-4"]})).await;
    server.pay(&next, "pm_card_visa").await.ok(200);
    server.pay(&bookings[1], "pm_card_visa").await.problem(409, "already_refunded");
    let books = server.close().await;
    assert_eq!(books.revenue(), 3 * 9000);
}

/// pretix#343: two refunds of one order, sent at once, return the money twice.
#[tokio::test(flavor = "multi_thread")]
async fn two_refunds_at_once_are_one() {
    let server = TestServer::open(600).await;
    let ann = server.token("ann", Role::Buyer);
    let booking = server
        .client
        .post("/v1/shows/gala/bookings")
        .bearer(&ann)
        .json(&json!({"area": "floor", "quantity": 4}))
        .send()
        .await
        .ok(201);
    server.pay(&booking, "pm_card_visa").await.ok(200);
    let (path, admin) = (format!("/v1/bookings/{}/refund", text(&booking, "id")), server.admin());
    let answers = at_once(10, |_| server.client.post(&path).bearer(&admin).send()).await;
    for answer in &answers {
        assert_eq!(answer.ok(200)["status"], "refunded");
    }
    // Repeated later, and after a restart.
    server.refund(&booking).await.ok(200);
    let server = server.restart().await;
    server.refund(&booking).await.ok(200);
    let intents = server.running().sandbox.as_ref().unwrap().intents();
    assert_eq!((intents.len(), &intents[0].refunds, intents[0].kept()), (1, &vec![4 * 3000], 0));
    crate::support::eventually("the floor is free", async || (server.floor().await == 20).then_some(())).await;
    let books = server.close().await;
    assert_eq!((books.revenue(), books.seats.len()), (0, 0));
}

/// Only an admin refunds, and only what was paid.
#[tokio::test(flavor = "multi_thread")]
async fn only_an_admin_refunds_and_only_what_was_paid() {
    let server = TestServer::open(600).await;
    let (held, paid) = (server.hold_seat("A-1").await, server.hold_seat("A-2").await);
    server.pay(&paid, "pm_card_visa").await.ok(200);
    server.refund(&held).await.problem(409, "not_confirmed");
    let path = format!("/v1/bookings/{}/refund", text(&paid, "id"));
    server.client.post(&path).bearer(text(&paid, "token")).send().await.problem(403, "forbidden");
    server.client.post(&path).bearer(&server.token("ann", Role::Buyer)).send().await.problem(403, "forbidden");
    server.client.post(&path).send().await.problem(401, "authentication_required");
    server.cancel(&paid).await.problem(409, "already_confirmed");
    let books = server.close().await;
    assert_eq!((books.revenue(), seats_of(&held)), (4500, vec!["A-1".to_owned()]));
}
