//! The Charge: an attempt to take the money from a card.

use super::method::{Card, billing_details, card_of};
use super::{charge_id, currency, seconds, with_nulls};
use crate::decline::Decline;
use crate::details::ChargeNote;
use crate::record::{Record, Status};
use serde_json::{Value, json};

/// Fields that Stripe always sends and the sandbox leaves empty.
const UNUSED: &[&str] = &[
    "application",
    "application_fee",
    "application_fee_amount",
    "balance_transaction",
    "customer",
    "failure_balance_transaction",
    "on_behalf_of",
    "receipt_email",
    "receipt_number",
    "receipt_url",
    "review",
    "shipping",
    "source_transfer",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
];

/// The charge of this number, from 1.
pub fn charge(record: &Record, number: usize) -> Option<Value> {
    let charges = record.charges();
    let note = charges.get(number.checked_sub(1)?)?;
    let id = charge_id(record, number);
    let amount = record.amount.value;
    let taken = if note.decline.is_none() { record.captured } else { 0 };
    // What is released without being captured counts as refunded with Stripe.
    let released = note.decline.is_none() && record.status == Status::Canceled;
    let refunded = match (released, note.decline) {
        (true, _) => amount,
        (false, None) => record.refunded(),
        (false, Some(_)) => 0,
    };
    Some(with_nulls(
        json!({
            "id": id,
            "object": "charge",
            "amount": amount,
            "amount_captured": taken,
            "amount_refunded": refunded,
            "billing_details": billing_details(),
            "calculated_statement_descriptor": "LASTSEAT SANDBOX",
            "captured": taken > 0,
            "created": seconds(note.at),
            "currency": currency(record.amount.currency),
            "description": record.details.description,
            "disputed": taken > 0 && record.details.disputed.is_some(),
            "failure_code": note.decline.map(Decline::code),
            "failure_message": note.decline.map(Decline::message),
            "fraud_details": {},
            "livemode": false,
            "metadata": record.metadata,
            "outcome": outcome(note.decline),
            "paid": note.decline.is_none(),
            "payment_intent": record.id,
            "payment_method": note.payment_method,
            "payment_method_details": { "type": "card", "card": card_details(record, note) },
            "radar_options": {},
            "refunded": refunded > 0 && (released || refunded >= taken),
            "status": if note.decline.is_none() { "succeeded" } else { "failed" },
        }),
        UNUSED,
    ))
}

fn outcome(decline: Option<Decline>) -> Value {
    let (status, kind, message) = match decline {
        None => ("approved_by_network", "authorized", "Payment complete."),
        Some(_) => ("declined_by_network", "issuer_declined", "The bank did not return any further details with this decline."),
    };
    json!({
        "advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": status,
        "reason": decline.and_then(Decline::decline_code), "risk_level": "normal", "risk_score": 12,
        "seller_message": message, "type": kind,
    })
}

fn card_details(record: &Record, note: &ChargeNote) -> Value {
    let Card { brand, last4, funding, .. } = card_of(&note.payment_method);
    let approved = note.decline.is_none();
    let mut details = json!({
        "amount_authorized": approved.then_some(record.amount.value),
        "authorization_code": null,
        "brand": brand,
        "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "extended_authorization": { "status": "disabled" },
        "fingerprint": format!("sandbox{last4}"),
        "funding": funding,
        "incremental_authorization": { "status": "unavailable" },
        "installments": null,
        "last4": last4,
        "mandate": null,
        "multicapture": { "status": "unavailable" },
        "network": brand,
        "network_token": { "used": false },
        "network_transaction_id": null,
        "overcapture": { "maximum_amount_capturable": record.amount.value, "status": "unavailable" },
        "regulated_status": null,
        "three_d_secure": null,
        "wallet": null,
    });
    // Not even empty otherwise.
    if let (Some(end), Some(fields)) = (record.capture_before().filter(|_| approved), details.as_object_mut()) {
        fields.insert("capture_before".to_owned(), json!(seconds(end)));
    }
    details
}
