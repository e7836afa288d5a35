//! Buyers who paid and got no ticket.

use crate::at_once;
use crate::support::test_server::TestServer;
use crate::support::text;
use lastseat_payments_sandbox::Status;
use serde_json::{Value, json};

/// The gateway's captured minus refunded amount, and the states of its intents.
fn charged(server: &TestServer, booking: &Value) -> (i64, Vec<Status>) {
    let intents = server.running().sandbox.as_ref().unwrap().intents();
    let own: Vec<_> = intents.iter().filter(|intent| intent.booking.to_string() == text(booking, "id")).collect();
    (own.iter().map(|intent| intent.kept()).sum(), own.iter().map(|intent| intent.status).collect())
}

/// pretix#74: the quota was used up before the payment arrived, and the money was kept. The Node.js
/// systems checked the owner once, before a wait, and so confirmed the late payer.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_payer_is_not_charged_and_the_new_owner_keeps_the_seat() {
    let server = TestServer::open(2).await;
    let late = server.hold_seat("A-1").await;
    server.wait_until_free("A-1").await;
    let quick = server.hold_seat_twice_as_long("A-1").await;
    let problem = server.pay(&late, "pm_card_visa").await.problem(410, "booking_over");
    assert_eq!(problem["reason"], "expired");
    assert_eq!(charged(&server, &late), (0, vec![]), "the gateway was asked for money");
    server.pay(&quick, "pm_card_visa").await.ok(200);
    assert_eq!(server.state("A-1").await, "booked");
    assert_eq!(server.booking(&late).await["status"], "aborted");
    assert_eq!(server.close().await.revenue(), 4500);
}

/// The payment begins in time, but the bank answers after the hold has ended. The late payer must
/// neither be confirmed nor lose the new owner their lock.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_outlasts_its_hold_is_not_taken_and_does_not_touch_the_new_owners_lock() {
    let server = TestServer::open(2).await;
    let slow = server.hold_seat("A-1").await;
    // The sandbox answers this one after 3 s.
    let payment = server.paying(&slow).json(&json!({"payment_method": "pm_lastseat_slow"})).send();
    let new_owner = async {
        server.wait_until_free("A-1").await;
        server.hold_seat_twice_as_long("A-1").await
    };
    let (answer, new_owner) = tokio::join!(payment, new_owner);
    answer.problem(410, "booking_over");
    server.try_hold(&json!({"seats": ["A-1"]})).await.problem(409, "seat_unavailable");
    server.pay(&new_owner, "pm_card_visa").await.ok(200);
    let canceled = async || (charged(&server, &slow) == (0, vec![Status::Canceled])).then_some(());
    crate::support::eventually("the late reservation of money is lifted", canceled).await;
    assert_eq!(server.state("A-1").await, "booked");
    assert_eq!(server.close().await.revenue(), 4500);
}

/// Hi.Events#513, alf.io#1421, events-made-easy#496: the bank answers after the hold has ended.
/// The buyer is not charged, and no seat is sold twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_bank_page_answered_after_the_hold_charges_nobody() {
    let server = TestServer::open(2).await;
    let late = server.hold_seat("A-1").await;
    let waiting = server.pay(&late, "pm_card_threeDSecure2Required").await.ok(202);
    assert_eq!(waiting["status"], "action_required");
    let url = waiting["next_action"]["url"].as_str().unwrap().to_owned();
    let intent = url.rsplit('/').next().unwrap().to_owned();
    assert_eq!(server.state("A-1").await, "in_process");
    server.wait_until_free("A-1").await;
    let quick = server.hold_seat_twice_as_long("A-1").await;
    // Whether the bank accepts the answer depends on how fast the intent was cancelled.
    let bank = server
        .client
        .post(&format!("/v1/sandbox/intents/{intent}/authenticate"))
        .json(&json!({"outcome": "succeeded"}))
        .send()
        .await;
    assert!([200, 409].contains(&bank.status), "{bank:?}");
    let back = server.paying(&late).json(&json!({})).send().await;
    back.problem(410, "booking_over");
    server.pay(&quick, "pm_card_visa").await.ok(200);
    assert_eq!(charged(&server, &late).0, 0);
    let canceled = async || (charged(&server, &late).1 == [Status::Canceled]).then_some(());
    crate::support::eventually("the intent is cancelled", canceled).await;
    assert_eq!(server.close().await.revenue(), 4500);
}

/// Hi.Events#598: a repeated webhook was answered, and the order stayed reserved. Here the bank says
/// yes in time and the buyer never returns to the shop: either the booking is confirmed, or nobody is
/// charged and the seats are free.
#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_does_not_come_back_from_the_bank_leaves_nothing_reserved() {
    let server = TestServer::open(2).await;
    let booking = server.hold_seat("A-1").await;
    let waiting = server.pay(&booking, "pm_card_authenticationRequired").await.ok(202);
    let intent = waiting["next_action"]["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let path = format!("/v1/sandbox/intents/{intent}/authenticate");
    server.client.post(&path).json(&json!({"outcome": "succeeded"})).send().await.ok(200);
    let end = crate::support::eventually("the booking has ended", async || {
        Some(server.booking(&booking).await).filter(|now| ["confirmed", "aborted"].contains(&text(now, "status")))
    })
    .await;
    let expected = if end["status"] == "confirmed" { 4500 } else { 0 };
    let books = server.close().await;
    assert_eq!(books.revenue(), expected);
}

/// vendure#3508 and others: two requests to pay for one order charge twice.
#[tokio::test(flavor = "multi_thread")]
async fn many_requests_to_pay_at_once_charge_once() {
    let server = TestServer::open(600).await;
    let booking = server.hold_seat("A-1").await;
    let call = |n: usize| {
        let method = ["pm_card_visa", "pm_card_mastercard"][n % 2];
        server.paying(&booking).json(&json!({"payment_method": method})).send()
    };
    let answers = at_once(20, call).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{:?}", answers.iter().map(|a| a.code()).collect::<Vec<_>>());
    assert_eq!(charged(&server, &booking), (4500, vec![Status::Succeeded]));
    assert_eq!(server.booking(&booking).await["payment"]["attempts"], 1);
    assert_eq!(server.close().await.revenue(), 4500);
}

/// The gateway charged and its answer was lost: the buyer doesn't pay twice and gets the ticket.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_the_gateway_costs_neither_ticket_nor_money() {
    let server = TestServer::open(600).await;
    for (seat, method) in [("A-1", "pm_lastseat_answerLost"), ("A-2", "pm_lastseat_captureAnswerLost")] {
        let booking = server.hold_seat(seat).await;
        let answer = server.pay(&booking, method).await;
        assert!([200, 202].contains(&answer.status), "{answer:?}");
        server.wait_for_status(&booking, "confirmed").await;
        assert_eq!(charged(&server, &booking), (4500, vec![Status::Succeeded]));
    }
    let declined = server.hold_seat("A-3").await;
    server.pay(&declined, "pm_lastseat_answerLostDeclined").await.problem(402, "payment_declined");
    assert_eq!(server.booking(&declined).await["status"], "held");
    server.pay(&declined, "pm_card_visa").await.ok(200);
    assert_eq!(server.close().await.revenue(), 3 * 4500);
}

/// The authorisation is withdrawn before the capture: no charge, no ticket, the seat is free again.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_withdrawn_before_the_capture_frees_the_seat() {
    let server = TestServer::open(600).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_lastseat_captureFails").await.problem(402, "capture_failed");
    assert_eq!(server.booking(&booking).await["status"], "aborted");
    server.wait_until_free("A-1").await;
    let next = server.hold_seat("A-1").await;
    server.pay(&next, "pm_card_visa").await.ok(200);
    assert_eq!(server.close().await.revenue(), 4500);
}

/// A declined buyer keeps the hold and may try other methods until it ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_declined_buyer_keeps_the_seat_until_the_hold_ends() {
    let server = TestServer::open(5).await;
    let (patient, hopeless) = (server.hold_seat("A-1").await, server.hold_seat("A-2").await);
    for method in ["pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds"] {
        server.pay(&patient, method).await.problem(402, "payment_declined");
        server.pay(&hopeless, method).await.problem(402, "payment_declined");
    }
    server.try_hold(&json!({"seats": ["A-1"]})).await.problem(409, "seat_unavailable");
    server.pay(&patient, "pm_card_visa").await.ok(200);
    server.wait_until_free("A-2").await;
    server.pay(&hopeless, "pm_card_visa").await.problem(410, "booking_over");
    assert_eq!(server.close().await.revenue(), 4500);
}
