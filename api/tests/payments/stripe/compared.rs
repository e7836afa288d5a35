//! `lastseat payments reconcile` over Stripe.

use super::{KEY, Stripe, intent_of, metric};
use crate::id;
use crate::reconcile::kinds;
use crate::reconcile::payments_with;
use crate::support::client::Client;
use crate::support::text;
use lastseat::config::Config;
use lastseat_domain::Currency;
use lastseat_domain::Money;
use lastseat_domain::event::RefundRequested;
use lastseat_domain::ports::PaymentGateway;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn stripe_is_compared_with_the_log_while_the_server_runs() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let (kept, returned) = (server.hold_seat("A-1").await, server.hold_seat("A-2").await);
    for booking in [&kept, &returned] {
        server.pay(booking, "pm_card_visa").await.ok(200);
    }
    let environment = [("LASTSEAT_STRIPE_KEY", KEY.to_owned()), ("LASTSEAT_STRIPE_URL", stripe.url())];
    let run = |arguments: &[&str]| payments_with(server.data(), arguments, &environment);
    let (code, lines) = run(&["reconcile", "--json"]);
    assert_eq!((code, kinds(&lines)), (0, vec![]), "{lines:#?}");
    assert!(text(&lines[0], "gateway").contains("test mode") && !lines[0].to_string().contains("S3cret"), "{lines:#?}");

    // By hand, in Stripe's dashboard.
    let record = stripe.sandbox.intents().iter().find(|record| record.booking == id(&returned)).unwrap().clone();
    let amount = Money { value: 4500, currency: Currency::new("EUR").unwrap() };
    stripe.sandbox.refund(&record.id, record.booking, 9, amount).await.unwrap();
    let found = |outcome: &str| vec![("returned_by_hand".to_owned(), outcome.to_owned())];
    let (code, lines) = run(&["reconcile", "--json"]);
    assert_eq!((code, kinds(&lines)), (1, found("not_asked")), "{lines:#?}");
    let url = format!("http://{}", server.running().addr);
    let (code, lines) = run(&["reconcile", "--json", "--apply", "--url", &url]);
    assert_eq!((code, kinds(&lines)), (0, found("done")), "{lines:#?}");
    server.wait_for_status(&returned, "refunded").await;
    let (code, lines) = run(&["reconcile", "--json"]);
    assert_eq!((code, kinds(&lines)), (0, vec![]), "{lines:#?}");
    let (code, lines) = run(&["show", text(&returned, "id"), "--json"]);
    assert_eq!(code, 0, "{lines:#?}");
    server.stop_and_keep().await;
}

/// Stripe adds a status one day. The payment that has it must neither hide the others nor go unseen, nor be taken for
/// one that Stripe does not have.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_can_not_be_understood_is_named_and_the_others_are_compared() {
    let stripe = Stripe::start().await;
    let server = stripe.server(Config { payments_sweep: Duration::from_secs(1), ..stripe.config() }).await;
    let seats = ["A-1", "A-2", "B-1"];
    let mut bookings = Vec::new();
    for seat in seats {
        let booking = server.hold_seat(seat).await;
        server.pay(&booking, "pm_card_visa").await.ok(200);
        bookings.push(booking);
    }
    let odd = intent_of(&stripe, &bookings[1]);
    *stripe.odd.lock() = Some(odd.clone());
    let environment = [("LASTSEAT_STRIPE_KEY", KEY.to_owned()), ("LASTSEAT_STRIPE_URL", stripe.url())];
    let run = |arguments: &[&str]| payments_with(server.data(), arguments, &environment);
    let (code, lines) = run(&["reconcile", "--json"]);
    assert_eq!((code, kinds(&lines)), (3, vec![]), "nothing is wrong, and not all is known: {lines:#?}");
    assert_eq!((&lines[0]["unreadable"], &lines[0]["booking"]), (&json!(odd), &bookings[1]["id"]), "{lines:#?}");
    assert!(text(&lines[0], "why").contains("requires_patience"), "{lines:#?}");
    let summary = lines.last().unwrap();
    let counted = (&summary["payments"], &summary["unreadable"], &summary["clean"]);
    assert_eq!(counted, (&json!(2), &json!(1), &json!(false)));
    assert_eq!(run(&["show", text(&bookings[1], "id"), "--json"]).0, 3);
    assert_eq!(run(&["show", text(&bookings[0], "id"), "--json"]).0, 0);

    // What is wrong beside it is found, and repaired as ever; the odd one is never touched.
    let record = stripe.sandbox.intents().iter().find(|record| record.booking == id(&bookings[2])).unwrap().clone();
    let amount = Money { value: 4500, currency: Currency::new("EUR").unwrap() };
    stripe.sandbox.refund(&record.id, record.booking, 9, amount).await.unwrap();
    let (code, lines) = run(&["reconcile", "--json"]);
    assert_eq!((code, kinds(&lines).len()), (1, 1), "{lines:#?}");
    let url = format!("http://{}", server.running().addr);
    let (code, lines) = run(&["reconcile", "--json", "--apply", "--url", &url]);
    assert_eq!((code, kinds(&lines).len()), (3, 1), "{lines:#?}");
    let kept = |booking: &Value| stripe.sandbox.intents().iter().find(|record| record.booking == id(booking)).unwrap().kept();
    assert_eq!((kept(&bookings[0]), kept(&bookings[1])), (4500, 4500));

    // The sweep goes on, too: it finds what no webhook reported, and counts the odd one.
    let booking = stripe.confirmed_at_the_bank(&server, "B-2").await;
    server.wait_for_status(&booking, "confirmed").await;
    assert_eq!(metric(&server, "lastseat_payments_sweep_unreadable").await, 1);
    server.stop_and_keep().await;
}

/// The charge stays disputed at Stripe for ever. Stripe refuses a refund of it, so a person says where the money is.
#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_that_is_lost_is_wrong_until_its_booking_is_over() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_card_createDispute").await.ok(200);
    let environment = [("LASTSEAT_STRIPE_KEY", KEY.to_owned()), ("LASTSEAT_STRIPE_URL", stripe.url())];
    let reconcile = || payments_with(server.data(), &["reconcile", "--json"], &environment);
    let (code, lines) = reconcile();
    assert_eq!((code, kinds(&lines)), (1, vec![("disputed".to_owned(), "not_asked".to_owned())]), "{lines:#?}");
    let client = Client::new(stripe.addr);
    let disputes = client.get("/v1/disputes").bearer(KEY).send().await.ok(200);
    let close = format!("/v1/disputes/{}/close", text(&disputes["data"][0], "id"));
    client.post(&close).bearer(KEY).text("").send().await.ok(200);
    let (code, lines) = reconcile();
    assert_eq!((code, kinds(&lines)), (1, vec![("dispute_lost".to_owned(), "not_asked".to_owned())]), "{lines:#?}");
    crate::append(&server, id(&booking), RefundRequested { booking: id(&booking), by: "root".into() }.into()).await;
    crate::flag(&server, id(&booking), "the gateway refuses to refund: charge_disputed").await;
    let (code, lines) = reconcile();
    assert_eq!((code, kinds(&lines)), (1, vec![("dispute_lost".to_owned(), "not_asked".to_owned())]), "{lines:#?}");
    let path = format!("/v1/bookings/{}/review", text(&booking, "id"));
    let body = json!({"outcome": "returned_elsewhere", "reason": "dispute lost"});
    server.client.post(&path).bearer(&server.admin()).json(&body).send().await.ok(200);
    server.wait_until_free("A-1").await;
    let (code, lines) = reconcile();
    assert_eq!((code, kinds(&lines)), (0, vec![]), "{lines:#?}");
    let data = server.data().to_owned();
    let dir = server.stop_and_keep().await;
    let (code, out) = crate::reconcile::run_with(&data, &["verify"], &environment);
    assert_eq!(code, 0, "{out}");
    drop(dir);
}
