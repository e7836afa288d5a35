//! Stock that gets stuck, leaks or is sold twice.

use crate::at_once;
use crate::support::test_server::{GALA, TestServer};
use crate::support::{eventually, seats_of, show, text};
use lastseat::auth::Role;
use serde_json::{Value, json};

/// Hi.Events#466, #790: cancelling freed nothing. And cancelling twice must not add places.
#[tokio::test(flavor = "multi_thread")]
async fn cancelling_frees_exactly_what_was_held() {
    let server = TestServer::open(600).await;
    let crowd = server.hold(&json!({"area": "floor", "quantity": 10})).await;
    let seat = server.hold_seat("A-1").await;
    assert_eq!(server.floor().await, 10);
    let answers = at_once(8, |_| {
        server.client.delete(&format!("/v1/bookings/{}", text(&crowd, "id"))).bearer(text(&crowd, "token")).send()
    })
    .await;
    assert!(answers.iter().all(|answer| answer.ok(200)["status"] == "aborted"));
    server.cancel(&seat).await.ok(200);
    server.cancel(&seat).await.ok(200);
    eventually("all is free", async || (server.floor().await == 20 && server.state("A-1").await == "available").then_some(()))
        .await;
    let all: Vec<Value> = vec![
        server.hold(&json!({"area": "floor", "quantity": 10})).await,
        server.hold(&json!({"area": "floor", "quantity": 10})).await,
    ];
    server.try_hold(&json!({"area": "floor", "quantity": 1})).await.problem(410, "sold_out");
    assert_eq!(all.iter().flat_map(seats_of).collect::<std::collections::BTreeSet<_>>().len(), 20);
    server.close().await;
}

/// Attendize#1000, emfcamp/Website#1014 (63 stuck in "reserved"), and the Node.js systems: an expired
/// reservation returned nothing to stock. Here bookings are abandoned in every state, with a restart
/// in between, and exactly their places come back.
#[tokio::test(flavor = "multi_thread")]
async fn abandoned_holds_of_every_kind_come_back_by_themselves() {
    let server = TestServer::open(2).await;
    let mut abandoned = Vec::new();
    for method in ["", "pm_card_chargeDeclined", "pm_card_authenticationRequired", "pm_lastseat_answerLostDeclined"] {
        let booking = server.hold(&json!({"area": "floor", "quantity": 5})).await;
        if !method.is_empty() {
            let answer = server.pay(&booking, method).await;
            assert!([202, 402, 410].contains(&answer.status), "{answer:?}");
        }
        abandoned.push(booking);
    }
    let seats = server.hold(&json!({"seats": ["A-1", "A-2", "A-3"]})).await;
    abandoned.push(seats);
    let server = server.restart().await;
    for booking in &abandoned {
        let over = server.wait_for_status(booking, "aborted").await;
        assert_eq!(over["reason"], "expired");
    }
    // The seats are released shortly after their booking.
    eventually("everything is free", async || {
        let map = server.map(GALA).await;
        let all = map["seats"].as_array().unwrap().iter().all(|seat| seat["state"] == "available");
        (all && server.floor().await == 20).then_some(())
    })
    .await;
    assert_eq!(server.close().await.seats.len(), 0);
}

/// pretix#1575: a reservation could be extended without limit. Here once, however many requests come at
/// once, and then it ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_extended_once_and_then_ends() {
    let server = TestServer::open(2).await;
    let booking = server.hold_seat("A-1").await;
    let path = format!("/v1/bookings/{}/extend", text(&booking, "id"));
    let answers = at_once(10, |_| server.client.post(&path).bearer(text(&booking, "token")).send()).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem(409, "already_extended");
    }
    let over = server.wait_for_status(&booking, "aborted").await;
    assert_eq!((text(&over, "reason"), &over["extended"]), ("expired", &json!(true)));
    server.wait_until_free("A-1").await;
    server.client.post(&path).bearer(text(&booking, "token")).send().await.problem(410, "booking_over");
    server.hold_seat("A-1").await;
    server.close().await;
}

/// event-espresso-core#109 (12 of 10 sold), pretix#1238, vendure#3508, saleor#543.
#[tokio::test(flavor = "multi_thread")]
async fn ten_places_never_sell_twelve() {
    let server = TestServer::open(600).await;
    server.put_on_sale(&show("ten", 600, 10)).await;
    let path = "/v1/shows/ten/bookings";
    let selection = |quantity: usize| server.client.post(path).json(&json!({"area": "floor", "quantity": quantity})).send();
    let answers = at_once(60, |buyer| selection(buyer % 4 + 1)).await;
    let mut bookings: Vec<Value> = answers.iter().filter(|answer| answer.status == 201).map(|answer| answer.json()).collect();
    assert!(answers.iter().all(|answer| [201, 409, 410].contains(&answer.status)));
    // The remaining places can all be sold.
    loop {
        let answer = selection(1).await;
        if answer.status != 201 {
            answer.problem(410, "sold_out");
            break;
        }
        bookings.push(answer.json());
    }
    let places: Vec<String> = bookings.iter().flat_map(seats_of).collect();
    assert_eq!((places.len(), places.iter().collect::<std::collections::BTreeSet<_>>().len()), (10, 10));
    let paid =
        at_once(bookings.len(), |n| server.paying(&bookings[n]).json(&json!({"payment_method": "pm_card_visa"})).send()).await;
    assert!(paid.iter().all(|answer| answer.status == 200));
    assert_eq!(server.close().await.revenue(), 10 * 3000);
}

/// medusa#16502: two lines of one item in a cart are checked one by one, so each passes alone.
#[tokio::test(flavor = "multi_thread")]
async fn two_lines_of_one_item_are_counted_together() {
    let server = TestServer::open(600).await;
    server.try_hold(&json!({"seats": ["A-1", "A-1"]})).await.problem(422, "duplicate_seats");
    server.try_hold(&json!({"seats": ["A-1"], "area": "floor", "quantity": 20})).await.problem(422, "invalid_request");
    // So are two orders of one buyer, sent at once, where a buyer may have three seats.
    let mut limited = show("limited", 600, 20);
    limited["max_seats_per_buyer"] = json!(3);
    server.put_on_sale(&limited).await;
    let ann = server.token("ann", Role::Buyer);
    let answers = at_once(10, |_| {
        server.client.post("/v1/shows/limited/bookings").bearer(&ann).json(&json!({"area": "floor", "quantity": 2})).send()
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.problem(403, "buyer_limit");
    }
    assert_eq!(server.close().await.seats.len(), 2);
}

/// hoangdaochuz/booking#27: the lock's key contained the user's id, so nobody ever contended.
#[tokio::test(flavor = "multi_thread")]
async fn different_users_and_one_users_tabs_contend_for_one_seat() {
    let server = TestServer::open(600).await;
    for (seat, user) in [("A-1", None), ("A-2", Some("ann"))] {
        let answers = at_once(40, |buyer| {
            let token = server.token(user.unwrap_or(&format!("user-{buyer}")), Role::Buyer);
            server.client.post("/v1/shows/gala/bookings").bearer(&token).json(&json!({"seats": [seat]})).send()
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{seat}");
        assert_eq!(answers.iter().filter(|answer| answer.status == 409).count(), 39, "{seat}");
    }
    assert_eq!(server.close().await.seats.len(), 2);
}

/// The Node.js systems' lock key did not name the show, so a buyer of one show blocked those of another.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_seat_of_two_shows_is_two_seats() {
    let server = TestServer::open(600).await;
    server.put_on_sale(&show("matinee", 600, 20)).await;
    let evening = server.hold_seat("A-1").await;
    let matinee = server.client.post("/v1/shows/matinee/bookings").json(&json!({"seats": ["A-1"]})).send().await.ok(201);
    server.cancel(&matinee).await.ok(200);
    server.try_hold(&json!({"seats": ["A-1"]})).await.problem(409, "seat_unavailable");
    server.pay(&evening, "pm_card_visa").await.ok(200);
    let again = server.client.post("/v1/shows/matinee/bookings").json(&json!({"seats": ["A-1"]})).send().await.ok(201);
    server.pay(&again, "pm_card_visa").await.ok(200);
    assert_eq!(server.close().await.revenue(), 2 * 4500);
}

/// The Node.js systems deleted the lock on payment and never checked the sold seats, so the seat was
/// sold again to the next buyer.
#[tokio::test(flavor = "multi_thread")]
async fn a_paid_seat_is_not_sold_again_in_sequence() {
    let mut server = TestServer::open(2).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_card_visa").await.ok(200);
    for _ in 0..2 {
        for _ in 0..3 {
            let problem = server.try_hold(&json!({"seats": ["A-1"]})).await.problem(409, "seat_unavailable");
            assert_eq!((text(&problem, "state"), problem.get("free_at")), ("booked", None), "{problem}");
        }
        // After a later hold has expired, and then after a restart.
        server.hold_seat("A-2").await;
        server.wait_until_free("A-2").await;
        server = server.restart().await;
    }
    assert_eq!(server.close().await.revenue(), 4500);
}
