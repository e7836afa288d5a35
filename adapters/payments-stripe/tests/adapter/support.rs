//! What the tests share.

use lastseat_domain::money::{Currency, Money};
use lastseat_domain::ports::payments::PaymentOrder;
use lastseat_domain::{BookingId, IntentId, Secret};
use lastseat_payments_stripe::{StripeGateway, StripeSettings};
use serde_json::{Value, json};
use std::time::Duration;

pub const KEY: &str = "sk_test_51NeverToBeSeenAnywhere";

pub fn settings(url: &str) -> StripeSettings {
    let key = Secret::new(KEY).unwrap();
    StripeSettings {
        timeout: Duration::from_millis(400),
        busy_for: Duration::from_secs(1),
        ..StripeSettings::new(key, Some(url.to_owned()), "https://shop.example/".to_owned())
    }
}

pub fn gateway(url: &str) -> StripeGateway {
    StripeGateway::open(&settings(url)).unwrap()
}

pub fn booking() -> BookingId {
    BookingId::from_key("stripe", "booking")
}

pub fn order() -> PaymentOrder {
    lastseat_testkit::payments::order(booking(), eur(4_250))
}

pub fn eur(value: i64) -> Money {
    Money { value, currency: Currency::new("EUR").unwrap() }
}

pub fn pi() -> IntentId {
    IntentId::new("pi_1").unwrap()
}

/// Moves tokio's time forward. Only for the jump is it paused: sockets need the real one.
pub async fn later(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// A PaymentIntent as Stripe answers it, shortened to a few of the fields that are read and some that are not.
pub fn intent(status: &str) -> Value {
    json!({
        "id": "pi_1", "object": "payment_intent", "amount": 4250, "amount_received": 0, "currency": "eur",
        "status": status, "created": 1_790_000_000, "livemode": false, "client_secret": "pi_1_secret_ClientSecretToo",
        "metadata": { "lastseat_booking": booking().to_string() }, "latest_charge": null, "next_action": null,
        "last_payment_error": null, "something_new": { "deep": [1, 2, { "a": null }] },
    })
}

/// Captured, with its expanded charge.
pub fn captured(refunded: i64) -> Value {
    let mut intent = intent("succeeded");
    intent["amount_received"] = json!(4250);
    intent["latest_charge"] = json!({
        "id": "ch_1", "object": "charge", "amount": 4250, "amount_captured": 4250, "captured": true, "amount_refunded": refunded, "disputed": false,
        "payment_method_details": { "type": "card", "card": { "capture_before": 1_790_600_000 } },
    });
    intent
}
