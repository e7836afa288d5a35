//! `lastseat payments reconcile --apply` without a server.

use super::{KEY, Stripe};
use crate::id;
use crate::reconcile::payments_with;
use crate::support::text;
use lastseat::config::{Config, Destination};
use lastseat_domain::Currency;
use lastseat_domain::Money;
use lastseat_domain::ports::PaymentGateway;
use std::sync::atomic::Ordering;

/// What the server left unfinished is sent again by a repair as it was: with the same page to come back to, or Stripe
/// would refuse the key.
#[tokio::test(flavor = "multi_thread")]
async fn a_repair_sends_a_payment_again_with_the_page_that_buyers_come_back_to() {
    let stripe = Stripe::start().await;
    let page = "https://tickets.example.org".to_owned();
    let server = stripe
        .server(Config { public_url: Some(page.clone()), payments: Some(Destination::StripeTest), ..stripe.config() })
        .await;
    let booking = server.hold_seat("A-1").await;
    // The intent is there, and what becomes of the attempt is not known.
    server.pay(&booking, "pm_card_chargeDeclined").await.problem(402, "payment_declined");
    stripe.silent.store(true, Ordering::SeqCst);
    server.pay(&booking, "pm_card_visa").await.ok(202);
    stripe.silent.store(false, Ordering::SeqCst);
    let data = server.data().to_owned();
    let dir = server.stop_and_keep().await;
    // Something that a repair is opened for.
    let other: lastseat_domain::BookingId = "11112222-3333-4444-8555-666677770001".parse().unwrap();
    let amount = Money { value: 700, currency: Currency::new("EUR").unwrap() };
    let reserved = stripe.sandbox.create(&lastseat_testkit::payments::order(other, amount)).await.unwrap();
    stripe.sandbox.confirm(&reserved.id, other, 1, "pm_card_visa").await.unwrap();
    let environment =
        [("LASTSEAT_STRIPE_KEY", KEY.to_owned()), ("LASTSEAT_STRIPE_URL", stripe.url()), ("LASTSEAT_PUBLIC_URL", page.clone())];
    payments_with(&data, &["reconcile", "--json", "--apply", "--unknown-bookings"], &environment);
    let (code, shown) = payments_with(&data, &["show", text(&booking, "id"), "--json"], &environment);
    assert_eq!((code, &shown[0]["status"]), (0, &"confirmed".into()), "{shown:#?}");
    let record = stripe.sandbox.intents().iter().find(|record| record.booking == id(&booking)).unwrap().clone();
    assert_eq!((record.kept(), record.details.return_url.clone()), (4500, Some(format!("{page}/?booking={}", id(&booking)))));
    drop(dir);
}
