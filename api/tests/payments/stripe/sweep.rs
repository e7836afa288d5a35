//! What the sweep finds without webhooks.

use super::{Stripe, metric};
use crate::id;
use crate::support;
use lastseat::config::Config;
use lastseat_domain::Currency;
use lastseat_domain::Money;
use lastseat_domain::event::PaymentReturnedElsewhere;
use lastseat_domain::ports::PaymentGateway;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_finds_a_payment_that_no_webhook_reported() {
    let stripe = Stripe::start().await;
    let server = stripe.server(Config { payments_sweep: Duration::from_secs(1), ..stripe.config() }).await;
    let booking = stripe.confirmed_at_the_bank(&server, "A-1").await;
    server.wait_for_status(&booking, "confirmed").await;
    server.stop_and_keep().await;
}

/// No webhook comes: neither of the dispute nor of money that was returned by hand.
#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_reports_what_a_lost_webhook_would_have_said() {
    let stripe = Stripe::start().await;
    let server = stripe.server(Config { payments_sweep: Duration::from_secs(1), ..stripe.config() }).await;
    let wrong = async |count| {
        let counted = async || (metric(&server, "lastseat_payments_sweep_wrong_total").await == count).then_some(());
        support::eventually(&format!("{count} reported"), counted).await;
    };
    let [disputed, returned, fine] = [("A-1", "pm_card_createDispute"), ("A-2", "pm_card_visa"), ("B-1", "pm_card_visa")];
    for (seat, method) in [disputed, fine] {
        server.pay(&server.hold_seat(seat).await, method).await.ok(200);
    }
    wrong(1).await;
    let booking = server.hold_seat(returned.0).await;
    server.pay(&booking, returned.1).await.ok(200);
    let intent = stripe.sandbox.intents().iter().find(|record| record.booking == id(&booking)).unwrap().id.clone();
    let amount = Money { value: 4500, currency: Currency::new("EUR").unwrap() };
    stripe.sandbox.refund(&intent, id(&booking), 9, amount).await.unwrap();
    wrong(2).await;
    let passes = "lastseat_payments_sweep_passes_total{outcome=\"done\"}";
    let before = metric(&server, passes).await;
    support::eventually("more passes", async || (metric(&server, passes).await > before + 1).then_some(())).await;
    wrong(2).await;
    server.stop_and_keep().await;
}

/// A slow worker's refund is made after a person has said that the buyer has the money by another way.
#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_reports_money_that_went_back_twice() {
    let stripe = Stripe::start().await;
    let server = stripe.server(Config { payments_sweep: Duration::from_secs(1), ..stripe.config() }).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_card_visa").await.ok(200);
    let amount = Money { value: 4500, currency: Currency::new("EUR").unwrap() };
    let (reason, by) = ("by transfer".into(), "root".into());
    crate::append(
        &server,
        id(&booking),
        PaymentReturnedElsewhere { booking: id(&booking), amount, refund: None, reason, by }.into(),
    )
    .await;
    server.wait_for_status(&booking, "refunded").await;
    let passes = "lastseat_payments_sweep_passes_total{outcome=\"done\"}";
    let before = metric(&server, passes).await;
    support::eventually("more passes", async || (metric(&server, passes).await > before + 1).then_some(())).await;
    assert_eq!(metric(&server, "lastseat_payments_sweep_wrong_total").await, 0);

    let intent = stripe.sandbox.intents().first().unwrap().id.clone();
    stripe.sandbox.refund(&intent, id(&booking), 1, amount).await.unwrap();
    let counted = async || (metric(&server, "lastseat_payments_sweep_wrong_total").await == 1).then_some(());
    support::eventually("it is reported", counted).await;
    server.stop_and_keep().await;
}
