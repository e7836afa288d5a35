//! `POST /v1/webhooks/stripe`: what is signed is looked at, and nothing else happens.

use super::{SECRET, Stripe, counted, deliver, event, intent_of, metric, now, sign};
use crate::support;
use crate::support::test_server::TestServer;
use lastseat::config::Config;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_webhook_confirms_and_its_repeats_change_nothing() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    for (seat, names_booking) in [("A-1", true), ("A-2", false)] {
        let booking = stripe.confirmed_at_the_bank(&server, seat).await;
        let body = event(&intent_of(&stripe, &booking), names_booking.then_some(&booking), false);
        for _ in 0..3 {
            deliver(&server, &sign(SECRET, now(), &body), &body).await.ok(200);
        }
        server.wait_for_status(&booking, "confirmed").await;
        let late = deliver(&server, &sign("whsec_old", now() - 290, &body), &body).await;
        assert_eq!(late.status, 200, "the secret that is being replaced, and a signature that is almost too old");
    }
    assert_eq!(counted(&server, "accepted").await, 8);
    assert!(stripe.sandbox.intents().iter().all(|record| record.captured == 4500), "once each");
    server.stop_and_keep().await;
}

/// What is forged says that a booking is paid; nothing follows, although a look would find that it is.
#[tokio::test(flavor = "multi_thread")]
async fn forged_old_and_foreign_webhooks_change_nothing() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let booking = stripe.confirmed_at_the_bank(&server, "A-1").await;
    let body = event(&intent_of(&stripe, &booking), Some(&booking), false);
    let right = sign(SECRET, now(), &body);
    let changed = body.replace("requires_capture", "succeeded");
    for (signature, body) in [
        (sign("whsec_other", now(), &body), &body),
        (sign(SECRET, now() - 301, &body), &body),
        (sign(SECRET, now() + 301, &body), &body),
        (right.clone(), &changed),
        ("t=1".to_owned(), &body),
        (String::new(), &body),
    ] {
        let answer = deliver(&server, &signature, body).await;
        answer.problem(400, "webhook_signature_invalid");
        assert!(!String::from_utf8_lossy(&answer.body).contains("evt_1"), "the body is not repeated");
    }
    server.client.post("/v1/webhooks/stripe").text(&body).send().await.problem(400, "webhook_signature_invalid");
    assert_eq!(counted(&server, "bad_signature").await, 7);

    deliver(&server, &sign(SECRET, now(), "{}"), "{}").await.problem(400, "invalid_json");
    assert_eq!((counted(&server, "bad_signature").await, counted(&server, "unreadable").await), (7, 1));

    let live = event(&intent_of(&stripe, &booking), Some(&booking), true);
    deliver(&server, &sign(SECRET, now(), &live), &live).await.ok(200);
    assert_eq!(counted(&server, "other_mode").await, 1);
    let unknown = event("pi_unknown", None, false);
    deliver(&server, &sign(SECRET, now(), &unknown), &unknown).await.ok(200);
    let nobodys = event("pi_unknown", Some(&json!({"id": "11112222-3333-4444-8555-666677770001"})), false);
    deliver(&server, &sign(SECRET, now(), &nobodys), &nobodys).await.ok(200);
    stripe.is_asked_for("pi_unknown").await;
    assert_eq!(server.booking(&booking).await["status"], "action_required");

    let huge = " ".repeat((256 << 10) + 1);
    deliver(&server, &sign(SECRET, now(), &huge), &huge).await.problem(413, "body_too_large");
    server.stop_and_keep().await;
}

/// Somebody gave the intent the metadata of another booking in the dashboard, or cleared them: the log knows whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_about_the_booking_whose_events_name_the_intent() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let booking = stripe.confirmed_at_the_bank(&server, "A-1").await;
    let other = server.hold_seat("B-1").await;
    let body = event(&intent_of(&stripe, &booking), Some(&other), false);
    // The first may come before the read model has the booking's last event.
    support::eventually("it is confirmed", async || {
        deliver(&server, &sign(SECRET, now(), &body), &body).await.ok(200);
        (server.booking(&booking).await["status"] == "confirmed").then_some(())
    })
    .await;
    assert_eq!(server.booking(&other).await["status"], "held");
    server.stop_and_keep().await;
}

/// A webhook that claims a payment which Stripe does not have: the look says so.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_signed_webhook_claims_is_not_believed() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_card_authenticationRequired").await.ok(202);
    let intent = intent_of(&stripe, &booking);
    let body = event(&intent, Some(&booking), false);
    stripe.requests.lock().clear();
    deliver(&server, &sign(SECRET, now(), &body), &body).await.ok(200);
    stripe.is_asked_for(&intent).await;
    assert_eq!(server.booking(&booking).await["status"], "action_required");
    server.stop_and_keep().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_stripe_or_a_secret_there_is_nothing_at_the_address() {
    let server = TestServer::open(600).await;
    deliver(&server, "t=1,v1=00", "{}").await.problem(404, "unknown_route");
    server.stop_and_keep().await;
    let stripe = Stripe::start().await;
    let server = stripe.server(Config { stripe_webhook_secret: vec![], ..stripe.config() }).await;
    deliver(&server, "t=1,v1=00", "{}").await.problem(404, "unknown_route");
    // Nor is there a bank to simulate.
    server
        .client
        .post("/v1/sandbox/intents/pi_1/authenticate")
        .json(&json!({"outcome": "succeeded"}))
        .send()
        .await
        .problem(404, "unknown_route");
    server.stop_and_keep().await;
}

/// A refund fails days later, and its webhook has no metadata.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_fails_later_is_counted() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_card_visa").await.ok(200);
    server.refund(&booking).await.ok(200);
    let intent = intent_of(&stripe, &booking);
    for (kind, status) in [("refund.failed", "failed"), ("charge.refund.updated", "failed"), ("refund.updated", "succeeded")] {
        let object = json!({"id": "re_1", "object": "refund", "payment_intent": intent, "status": status, "metadata": {}});
        let event = json!({"id": "evt_1", "object": "event", "type": kind, "livemode": false, "data": {"object": object}});
        let body = event.to_string();
        deliver(&server, &sign(SECRET, now(), &body), &body).await.ok(200);
    }
    support::eventually("both are counted", async || (metric(&server, "lastseat_refunds_failed_total").await == 2).then_some(()))
        .await;
    server.stop_and_keep().await;
}
