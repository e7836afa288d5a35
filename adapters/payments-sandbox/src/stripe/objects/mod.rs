//! Stripe's objects, as JSON. Each is rendered from a [`Record`](crate::Record) alone, so that a repeated
//! idempotency key shows what it showed at first.

mod account;
mod charge;
mod dispute;
mod endpoint;
mod ids;
mod intent;
mod method;
mod refund;

pub use account::{account, balance};
pub use charge::charge;
pub use dispute::dispute;
pub use endpoint::webhook_endpoint;
pub use ids::{Named, charge_id, dispute_id, find, refund_id};
pub use intent::{declined, intent};
pub use method::{card_method, made_from_card, method};
pub use refund::refund;

use lastseat_domain::{Currency, Timestamp};
use serde_json::Value;

/// Stripe writes currencies in lower case.
fn currency(currency: Currency) -> String {
    currency.code().to_ascii_lowercase()
}

fn seconds(at: Timestamp) -> i64 {
    at.timestamp()
}

/// The object with these fields, all empty.
fn with_nulls(mut object: Value, names: &[&str]) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.extend(names.iter().map(|name| ((*name).to_owned(), Value::Null)));
    }
    object
}
