//! The PaymentMethod, always a card.

use super::seconds;
use crate::methods;
use lastseat_domain::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// What a test card looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    /// As in `pm_card_…`.
    pub name: &'static str,
    pub number: &'static str,
    pub brand: &'static str,
    pub last4: &'static str,
    pub funding: &'static str,
}

const fn card(name: &'static str, number: &'static str, brand: &'static str, last4: &'static str) -> Card {
    Card { name, number, brand, last4, funding: "credit" }
}

/// Stripe's test cards by number. The first is what an unlisted name looks like.
const CARDS: &[Card] = &[
    card("visa", "4242424242424242", "visa", "4242"),
    Card { funding: "debit", ..card("visa_debit", "4000056655665556", "visa", "5556") },
    card("mastercard", "5555555555554444", "mastercard", "4444"),
    card("mastercard", "2223003122003222", "mastercard", "3222"),
    Card { funding: "debit", ..card("mastercard_debit", "5200828282828210", "mastercard", "8210") },
    Card { funding: "prepaid", ..card("mastercard_prepaid", "5105105105105100", "mastercard", "5100") },
    card("amex", "378282246310005", "amex", "0005"),
    card("amex", "371449635398431", "amex", "8431"),
    card("discover", "6011111111111117", "discover", "1117"),
    card("diners", "3056930009020004", "diners", "0004"),
    card("jcb", "3566002020360505", "jcb", "0505"),
    card("unionpay", "6200000000000005", "unionpay", "0005"),
    card("chargeDeclined", "4000000000000002", "visa", "0002"),
    card("visa_chargeDeclined", "4000000000000341", "visa", "0341"),
    card("chargeDeclinedInsufficientFunds", "4000000000009995", "visa", "9995"),
    card("visa_chargeDeclinedLostCard", "4000000000009987", "visa", "9987"),
    card("visa_chargeDeclinedStolenCard", "4000000000009979", "visa", "9979"),
    card("chargeDeclinedExpiredCard", "4000000000000069", "visa", "0069"),
    card("chargeDeclinedIncorrectCvc", "4000000000000127", "visa", "0127"),
    card("chargeDeclinedProcessingError", "4000000000000119", "visa", "0119"),
    card("visa_chargeDeclinedVelocityLimitExceeded", "4000000000006975", "visa", "6975"),
    card("authenticationRequired", "4000002500003155", "visa", "3155"),
    card("authenticationRequired", "4000002760003184", "visa", "3184"),
    card("threeDSecure2Required", "4000000000003220", "visa", "3220"),
    card("threeDSecure2Required", "4000000000003063", "visa", "3063"),
    card("authenticationRequiredChargeDeclinedInsufficientFunds", "4000008260003178", "visa", "3178"),
    card("createDispute", "4000000000000259", "visa", "0259"),
];

const DEFAULT: Card = card("visa", "4242424242424242", "visa", "4242");

/// What the card of a payment method looks like.
pub fn card_of(method: &str) -> Card {
    let name = methods::test_name(method);
    let name = name.trim_start_matches("pm_card_");
    CARDS.iter().find(|card| card.name == name).copied().unwrap_or(DEFAULT)
}

/// The test card of this number, or of a token such as `tok_visa`.
pub fn card_method(number_or_token: &str) -> Option<&'static str> {
    let digits: String = number_or_token.chars().filter(char::is_ascii_digit).collect();
    let name = number_or_token.strip_prefix("tok_");
    CARDS.iter().find(|card| name.map_or(card.number == digits, |name| card.name == name)).map(|card| card.name)
}

/// Name of a payment method made from such a card; `cause` keeps it apart from others.
pub fn made_from_card(card: &str, cause: &str) -> String {
    format!("{}{}_{card}", methods::MADE, Uuid::new_v5(&Uuid::NAMESPACE_OID, cause.as_bytes()).simple())
}

/// The payment method, if the sandbox knows it.
pub fn method(id: &str, created: Timestamp) -> Option<Value> {
    methods::behaviour(id)?;
    let Card { brand, last4, funding, .. } = card_of(id);
    Some(json!({
        "id": id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(),
        "card": {
            "brand": brand,
            "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
            "country": "US",
            "display_brand": brand,
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": format!("sandbox{last4}"),
            "funding": funding,
            "generated_from": null,
            "last4": last4,
            "networks": { "available": [brand], "preferred": null },
            "regulated_status": null,
            "three_d_secure_usage": { "supported": true },
            "wallet": null,
        },
        "created": seconds(created),
        "customer": null,
        "livemode": false,
        "metadata": {},
        "type": "card",
    }))
}

pub fn billing_details() -> Value {
    json!({
        "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
        "email": null, "name": null, "phone": null, "tax_id": null,
    })
}
