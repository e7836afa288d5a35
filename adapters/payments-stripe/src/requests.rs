//! The requests, built by `async-stripe`. They follow from their arguments alone: the same call under the same key is
//! the same request, on every node and after every restart.

use super::amounts::to_stripe;
use super::objects::{BOOKING, REFUND_NUMBER};
use super::transport::Call;
use lastseat_domain::ports::payments::PaymentOrder;
use lastseat_domain::{BookingId, IntentId, Money, SeatId};
use std::collections::HashMap;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::payment_intent::{
    CancelPaymentIntent, CapturePaymentIntent, ConfirmPaymentIntent, CreatePaymentIntent, ListPaymentIntent,
    RetrievePaymentIntent,
};
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_shared::{PaymentIntentAllowedPaymentMethodTypes, PaymentIntentCaptureMethod};
use stripe_types::Currency;

/// Most intents on a page.
pub(crate) const PAGE: i64 = 100;
/// Stripe's limit for a value of the metadata.
const LONGEST_VALUE: usize = 500;
/// Seats that the description names.
const NAMED_SEATS: usize = 6;

fn expanded() -> Vec<String> {
    vec!["latest_charge".to_owned()]
}

/// # Errors
/// Why Stripe can't charge this amount.
pub(crate) fn create(order: &PaymentOrder) -> Result<Call, String> {
    // Never fails; an unknown currency is Stripe's to refuse.
    let currency = order.amount.currency.code().to_ascii_lowercase().parse::<Currency>().unwrap_or(Currency::EUR);
    let names: Vec<&str> = order.seats.iter().map(SeatId::as_str).collect();
    let metadata = HashMap::from([
        (BOOKING.to_owned(), order.booking.to_string()),
        ("lastseat_show".to_owned(), order.show.to_string()),
        ("lastseat_seats".to_owned(), cut(names.join(","))),
    ]);
    let request = CreatePaymentIntent::new(to_stripe(order.amount)?, currency)
        .capture_method(PaymentIntentCaptureMethod::Manual)
        // Cards and the wallets on them. Methods that report days later can't be held for minutes.
        .allowed_payment_method_types(vec![PaymentIntentAllowedPaymentMethodTypes::Card])
        .description(cut(description(order, &names)))
        .metadata(metadata);
    Ok(sorted(request.build()))
}

fn description(order: &PaymentOrder, names: &[&str]) -> String {
    let shown = names.iter().take(NAMED_SEATS).copied().collect::<Vec<_>>().join(", ");
    let more = if names.len() > NAMED_SEATS { ", …" } else { "" };
    let (count, unit) = (names.len(), if names.len() == 1 { "seat" } else { "seats" });
    format!("lastseat: {}, {count} {unit} ({shown}{more})", order.show)
}

/// `return_url`: where buyers come back to from their bank.
pub(crate) fn confirm(intent: &IntentId, payment_method: &str, return_url: &str) -> Call {
    let request = ConfirmPaymentIntent::new(intent.as_str()).payment_method(payment_method).return_url(return_url);
    request.expand(expanded()).build().into()
}

pub(crate) fn retrieve(intent: &IntentId) -> Call {
    RetrievePaymentIntent::new(intent.as_str()).expand(expanded()).build().into()
}

pub(crate) fn capture(intent: &IntentId) -> Call {
    CapturePaymentIntent::new(intent.as_str()).expand(expanded()).build().into()
}

pub(crate) fn cancel(intent: &IntentId) -> Call {
    CancelPaymentIntent::new(intent.as_str()).expand(expanded()).build().into()
}

/// # Errors
/// Why Stripe can't return this amount.
pub(crate) fn refund(intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Call, String> {
    let metadata = HashMap::from([(BOOKING.to_owned(), booking.to_string()), (REFUND_NUMBER.to_owned(), number.to_string())]);
    Ok(sorted(CreateRefund::new().payment_intent(intent.as_str()).amount(to_stripe(amount)?).metadata(metadata).build()))
}

pub(crate) fn refunds(intent: &IntentId) -> Call {
    ListRefund::new().payment_intent(intent.as_str()).limit(PAGE).build().into()
}

/// The disputes of an intent's charges.
pub(crate) fn disputes(intent: &IntentId) -> Call {
    let mut request = RequestBuilder::new(StripeMethod::Get, "/disputes");
    request.query = Some(format!("limit={PAGE}&payment_intent={intent}"));
    request.into()
}

pub(crate) fn list(before: Option<&IntentId>) -> Call {
    let request = ListPaymentIntent::new().limit(PAGE).expand(vec!["data.latest_charge".to_owned()]);
    match before {
        Some(before) => request.starting_after(before.as_str()).build().into(),
        None => request.build().into(),
    }
}

/// A harmless request, which shows whether the key may do such: a list of one, or a creation without parameters.
pub(crate) fn probe(method: StripeMethod, path: &str) -> Call {
    let mut request = RequestBuilder::new(method, path);
    request.query = matches!(request.method, StripeMethod::Get).then(|| "limit=1".to_owned());
    request.into()
}

/// Metadata come from a map, in any order. Stripe compares parameters, not bytes; other servers may not.
fn sorted(mut request: RequestBuilder) -> Call {
    if let Some(body) = &mut request.body {
        let mut fields: Vec<&str> = body.split('&').collect();
        fields.sort_unstable();
        *body = fields.join("&");
    }
    request.into()
}

/// At most so many characters as Stripe takes.
fn cut(text: String) -> String {
    if text.chars().count() <= LONGEST_VALUE { text } else { text.chars().take(LONGEST_VALUE - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::{Currency as Code, ShowId};

    fn order(seats: usize) -> PaymentOrder {
        PaymentOrder {
            booking: BookingId::from_key("requests", "order"),
            amount: Money { value: 4_250, currency: Code::new("EUR").unwrap() },
            show: ShowId::new("gala").unwrap(),
            seats: (1..=seats).map(|n| SeatId::new(&format!("A-{n}")).unwrap()).collect(),
        }
    }

    #[test]
    fn the_same_order_is_the_same_request() {
        let first = format!("{:?}", create(&order(3)).unwrap());
        for _ in 0..20 {
            assert_eq!(format!("{:?}", create(&order(3)).unwrap()), first);
        }
        for part in ["amount=4250", "currency=eur", "capture_method=manual", "metadata[lastseat_show]=gala"] {
            assert!(first.contains(part), "{part} is not in {first}");
        }
    }

    #[test]
    fn long_lists_of_seats_are_cut() {
        let request = format!("{:?}", create(&order(500)).unwrap());
        assert!(request.contains("500+seats") || request.contains("500%20seats"), "{request}");
        assert!(request.len() < 3_000);
    }
}
