//! The account whose sandbox this is, and its balance.

use serde_json::{Value, json};
use std::collections::BTreeMap;

pub fn account() -> Value {
    json!({
        "id": "acct_lastseatsandbox",
        "object": "account",
        "business_type": null,
        "charges_enabled": true,
        "country": "DE",
        "default_currency": "eur",
        "details_submitted": true,
        "email": "sandbox@lastseat.example",
        "metadata": {},
        "payouts_enabled": false,
        "type": "standard",
    })
}

/// What is captured and not refunded, by currency.
pub fn balance(by_currency: &[(String, i64)]) -> Value {
    let mut kept = BTreeMap::from([("eur".to_owned(), 0_i64)]);
    kept.extend(by_currency.iter().map(|(currency, sum)| (currency.to_ascii_lowercase(), *sum)));
    let amount = |(currency, amount): (&String, &i64)| json!({ "amount": amount, "currency": currency, "source_types": { "card": amount } });
    let available: Vec<Value> = kept.iter().map(amount).collect();
    let pending: Vec<Value> = kept.keys().map(|currency| amount((currency, &0))).collect();
    json!({ "object": "balance", "available": available, "livemode": false, "pending": pending })
}
