//! The PaymentIntent.

use super::{charge_id, currency, method, seconds, with_nulls};
use crate::decline::Decline;
use crate::details::CaptureMethod;
use crate::record::{Record, Status};
use crate::stripe::error::{ApiError, doc_url};
use serde_json::{Map, Value, json};

/// Fields that Stripe always sends and the sandbox leaves empty.
const UNUSED: &[&str] = &[
    "application",
    "application_fee_amount",
    "automatic_payment_methods",
    "customer",
    "excluded_payment_method_types",
    "on_behalf_of",
    "payment_method_configuration_details",
    "processing",
    "receipt_email",
    "review",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
];

/// `base` is where the bank's page is served.
pub fn intent(record: &Record, base: &str) -> Value {
    let details = &record.details;
    let (amount, status) = (record.amount.value, status(record));
    let capturable = if record.status == Status::RequiresCapture { amount } else { 0 };
    let latest_charge = match record.charges().len() {
        0 => None,
        number => Some(charge_id(record, number)),
    };
    let capture_method = match details.capture {
        CaptureMethod::Manual => "manual",
        CaptureMethod::Automatic => "automatic",
    };
    let canceled = details.canceled.as_ref();
    let shown = json!({
        "id": record.id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": capturable,
        "amount_details": { "tip": {} },
        "amount_received": record.captured,
        "canceled_at": canceled.map(|canceled| seconds(canceled.at)),
        "cancellation_reason": canceled.and_then(|canceled| canceled.reason.as_deref()),
        "capture_method": capture_method,
        "client_secret": record.client_secret(),
        "confirmation_method": "automatic",
        "created": seconds(record.created),
        "currency": currency(record.amount.currency),
        "description": details.description,
        "last_payment_error": record.last_decline.map(|decline| payment_error(record, decline)),
        "latest_charge": latest_charge,
        "livemode": false,
        "metadata": metadata(record),
        "next_action": (record.status == Status::RequiresAction).then(|| next_action(record, base)),
        "payment_method": record.payment_method.as_ref().or(details.attached.as_ref()),
        "payment_method_options": { "card": {
            "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic"
        } },
        "payment_method_types": ["card"],
        "status": status,
    });
    with_nulls(shown, UNUSED)
}

fn status(record: &Record) -> &'static str {
    match record.status {
        Status::RequiresPaymentMethod if record.details.attached.is_some() => "requires_confirmation",
        status => status.as_str(),
    }
}

/// An intent that was created in this process has its booking in a field of its own.
fn metadata(record: &Record) -> Map<String, Value> {
    let mut metadata: Map<_, _> = record.metadata.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    if !record.details.foreign {
        metadata.entry("lastseat_booking").or_insert_with(|| json!(record.booking.to_string()));
    }
    metadata
}

fn next_action(record: &Record, base: &str) -> Value {
    let url = format!("{base}/3ds/{}", record.client_secret());
    json!({ "type": "redirect_to_url", "redirect_to_url": { "return_url": record.details.return_url, "url": url } })
}

/// What the last attempt failed with.
fn payment_error(record: &Record, decline: Decline) -> Value {
    let charges = record.charges();
    let (kind, charge) = match decline {
        Decline::AuthenticationFailure => ("invalid_request_error", None),
        _ => ("card_error", charges.last()),
    };
    json!({
        "type": kind,
        "code": decline.code(),
        "decline_code": decline.decline_code(),
        "doc_url": doc_url(decline.code()),
        "message": decline.message(),
        "charge": charge.map(|_| charge_id(record, charges.len())),
        "payment_method": charge.and_then(|charge| method(&charge.payment_method, record.created)),
    })
}

/// The error that a declined confirmation is answered with; it carries the intent as `shown` to the caller.
pub fn declined(record: &Record, decline: Decline, shown: Value) -> ApiError {
    let charges = record.charges();
    let error = ApiError::declined(decline).with("payment_intent", shown);
    match charges.last() {
        None => error,
        Some(charge) => error
            .with("charge", json!(charge_id(record, charges.len())))
            .with("payment_method", json!(method(&charge.payment_method, record.created))),
    }
}
