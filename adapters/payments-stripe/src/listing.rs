//! A page of Stripe's list of intents, in which each intent is read by itself: one that can't be understood is reported
//! and does not keep the others from being listed.

use super::api::checked;
use super::objects::{BOOKING, IntentObject, List};
use lastseat_domain::ports::payments::{GatewayFault, PaymentRecord, RecordPage, UnreadableRecord};
use lastseat_domain::{BookingId, IntentId};
use serde::Deserialize;
use serde_json::Value;

/// # Errors
/// Older intents follow, and no intent of this page has an id to go on from.
pub(crate) fn listed(page: List<Value>) -> Result<RecordPage, GatewayFault> {
    let (mut records, mut unreadable) = (Vec::new(), Vec::new());
    let last = page.data.iter().rev().find_map(id);
    for intent in &page.data {
        match record(intent) {
            Ok(record) => records.push(record),
            Err(why) => unreadable.push(UnreadableRecord { intent: id(intent), booking: booking(intent), why }),
        }
    }
    if page.has_more && last.is_none() {
        return Err(GatewayFault::Unavailable("none of the intents that Stripe lists has an id".to_owned()));
    }
    Ok(RecordPage { records, unreadable, next: last.filter(|_| page.has_more) })
}

/// What can't be understood never quotes the intent: it has a client secret.
fn record(intent: &Value) -> Result<PaymentRecord, String> {
    let object = IntentObject::deserialize(intent).map_err(|_| wrong_member(intent))?;
    object.record().map_err(|strange| strange.what)
}

/// The member that is missing or of another type, as far as the needed ones go.
fn wrong_member(intent: &Value) -> String {
    let text = |name| intent.get(name).is_some_and(Value::is_string);
    let needed = [
        ("id", text("id")),
        ("amount", intent.get("amount").is_some_and(Value::is_i64)),
        ("currency", text("currency")),
        ("status", text("status")),
    ];
    match needed.iter().find(|(_, is_right)| !is_right) {
        Some((name, _)) => format!("no `{name}` that can be read"),
        None => "a member of an unexpected type".to_owned(),
    }
}

/// With others the list could not be asked to go on.
fn id(intent: &Value) -> Option<IntentId> {
    IntentId::new(intent.get("id")?.as_str()?).ok().filter(|id| checked(id).is_ok())
}

fn booking(intent: &Value) -> Option<BookingId> {
    intent.get("metadata")?.get(BOOKING)?.as_str()?.parse().ok()
}
