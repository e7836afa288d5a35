//! `expand[]`: puts objects in the place of their names.

use super::api::Api;
use super::call::Call;
use super::error::{ApiError, Handled};
use super::objects::{self, Named};
use super::reply::Reply;
use crate::record::Record;
use serde_json::Value;
use std::sync::Arc;

/// Stripe's limit.
const MAX_DEPTH: usize = 4;

/// The answer with what `expand[]` asks for. `record` is the intent at hand, as it was then.
pub fn answer(api: &Api, call: &Call, value: Value, record: Option<&Record>) -> Handled {
    Ok(Reply::ok(expand(api, call, value, record)?))
}

/// Carries out every `expand[]` of the call. `record` is the intent at hand, as it was then.
pub fn expand(api: &Api, call: &Call, mut value: Value, record: Option<&Record>) -> Result<Value, ApiError> {
    for path in call.params.list("expand") {
        let steps: Vec<&str> = path.split('.').collect();
        if steps.len() > MAX_DEPTH {
            let message = format!("You cannot expand more than {MAX_DEPTH} levels of a property ({}).", shorten(path));
            return Err(ApiError::invalid(message).param("expand"));
        }
        follow(api, call, &mut value, &steps, record)
            .map_err(|()| ApiError::invalid(format!("This property cannot be expanded ({}).", shorten(path))).param("expand"))?;
    }
    Ok(value)
}

fn shorten(path: &str) -> String {
    path.chars().take(80).collect()
}

fn follow(api: &Api, call: &Call, value: &mut Value, steps: &[&str], record: Option<&Record>) -> Result<(), ()> {
    let [step, rest @ ..] = steps else { return Ok(()) };
    let Some(field) = value.get_mut(*step) else { return Err(()) };
    match field {
        Value::Array(items) => return items.iter_mut().try_for_each(|item| follow(api, call, item, rest, record)),
        Value::String(id) => {
            let Some(object) = object(api, call, id, record) else { return Err(()) };
            *field = object;
        }
        Value::Null => return Ok(()),
        Value::Object(_) => {}
        Value::Bool(_) | Value::Number(_) => return Err(()),
    }
    follow(api, call, field, rest, record)
}

fn object(api: &Api, call: &Call, id: &str, at_hand: Option<&Record>) -> Option<Value> {
    let of = |intent: &lastseat_domain::IntentId| match at_hand {
        Some(record) if record.id == *intent => Some(Arc::new(record.clone())),
        _ => api.sandbox.intent(intent),
    };
    match objects::find(id)? {
        Named::Intent(intent) => Some(Api::view(call, &*of(&intent)?)),
        Named::Charge(intent, number) => objects::charge(&*of(&intent)?, number),
        Named::Refund(intent, number) => objects::refund(&*of(&intent)?, number),
        Named::Dispute(intent) => objects::dispute(&*of(&intent)?),
        Named::Method(id) => objects::method(&id, api.sandbox.now()),
    }
}
