//! `expand[]`: puts objects in the place of their names.

use super::api::Api;
use super::call::Call;
use super::error::{ApiError, Handled};
use super::objects::{self, Named};
use super::reply::Reply;
use crate::record::Record;
use serde_json::Value;
use std::pin::Pin;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Stripe's limit.
const MAX_DEPTH: usize = 4;

/// The answer with what `expand[]` asks for. `record` is the intent at hand, as it was then.
pub async fn answer(api: &Api, call: &Call, value: Value, record: Option<&Record>) -> Handled {
    Ok(Reply::ok(expand(api, call, value, record).await?))
}

/// Carries out every `expand[]` of the call. `record` is the intent at hand, as it was then.
pub async fn expand(api: &Api, call: &Call, mut value: Value, record: Option<&Record>) -> Result<Value, ApiError> {
    for path in call.params.list("expand") {
        let steps: Vec<&str> = path.split('.').collect();
        if steps.len() > MAX_DEPTH {
            let message = format!("You cannot expand more than {MAX_DEPTH} levels of a property ({}).", shorten(path));
            return Err(ApiError::invalid(message).param("expand"));
        }
        if !follow(api, call, &mut value, &steps, record).await? {
            return Err(ApiError::invalid(format!("This property cannot be expanded ({}).", shorten(path))).param("expand"));
        }
    }
    Ok(value)
}

fn shorten(path: &str) -> String {
    path.chars().take(80).collect()
}

/// Puts an object in the place that these steps lead to; whether there is one.
fn follow<'a>(
    api: &'a Api,
    call: &'a Call,
    value: &'a mut Value,
    steps: &'a [&'a str],
    record: Option<&'a Record>,
) -> BoxFuture<'a, Result<bool, ApiError>> {
    Box::pin(async move {
        let [step, rest @ ..] = steps else { return Ok(true) };
        let Some(field) = value.get_mut(*step) else { return Ok(false) };
        match field {
            Value::Array(items) => {
                for item in items {
                    if !follow(api, call, item, rest, record).await? {
                        return Ok(false);
                    }
                }
                return Ok(true);
            }
            Value::String(id) => {
                let Some(object) = object(api, call, id, record).await? else { return Ok(false) };
                *field = object;
            }
            Value::Null => return Ok(true),
            Value::Object(_) => {}
            Value::Bool(_) | Value::Number(_) => return Ok(false),
        }
        follow(api, call, field, rest, record).await
    })
}

async fn object(api: &Api, call: &Call, id: &str, at_hand: Option<&Record>) -> Result<Option<Value>, ApiError> {
    let Some(named) = objects::find(id) else { return Ok(None) };
    let intent = match &named {
        Named::Intent(intent) | Named::Charge(intent, _) | Named::Refund(intent, _) | Named::Dispute(intent) => intent,
        Named::Method(id) => return Ok(objects::method(id, api.sandbox.now())),
    };
    let stored;
    let record = match at_hand.filter(|record| record.id == *intent) {
        Some(record) => record,
        None => {
            stored = api.sandbox.find(intent).await?;
            let Some(record) = stored.as_deref() else { return Ok(None) };
            record
        }
    };
    Ok(match named {
        Named::Intent(_) => Some(Api::view(call, record)),
        Named::Charge(_, number) => objects::charge(record, number),
        Named::Refund(_, number) => objects::refund(record, number),
        Named::Dispute(_) => objects::dispute(record),
        Named::Method(_) => None,
    })
}
