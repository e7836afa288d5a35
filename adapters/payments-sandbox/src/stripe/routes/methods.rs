//! `/v1/payment_methods`, and cards that are sent with an intent.

use crate::stripe::api::Api;
use crate::stripe::call::Call;
use crate::stripe::error::{ApiError, Handled};
use crate::stripe::list::{self, Listed};
use crate::stripe::objects;
use crate::stripe::reply::Reply;
use axum::extract::{Path, State};
use lastseat_domain::Timestamp;
use serde_json::json;
use std::sync::Arc;

/// `POST /v1/payment_methods`
pub async fn create(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.params.only(&["type", "card", "billing_details", "metadata", "allow_redisplay", "customer"])?;
    let id = from_card(&api, &call, "")?;
    Ok(Reply::ok(json!(objects::method(&id, api.sandbox.now()))))
}

/// `GET /v1/payment_methods/{id}`
pub async fn retrieve(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    let created = api.methods.lock().iter().find(|(made, _)| *made == id).map(|(_, at)| *at);
    let method = objects::method(&id, created.unwrap_or_else(|| api.sandbox.now()));
    method.map(Reply::ok).ok_or_else(|| ApiError::not_found("PaymentMethod", &id, "payment_method"))
}

/// `GET /v1/payment_methods`: those made from cards since the start.
pub async fn list(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[&list::PARAMS[..], &["type", "customer"]].concat())?;
    let newest: Vec<Made> = api.methods.lock().iter().rev().cloned().map(Made).collect();
    list::page(&call.params, &call.path, newest, |Made((id, created))| json!(objects::method(id, *created)))
}

struct Made((String, Timestamp));

impl Listed for Made {
    fn id(&self) -> String {
        self.0.0.clone()
    }

    fn created(&self) -> Timestamp {
        self.0.1
    }
}

/// The method that the call names or brings along; `None` if it does neither.
pub fn of_call(api: &Api, call: &Call) -> Result<Option<String>, ApiError> {
    if let Some(name) = call.params.filled("payment_method") {
        return Ok(Some(name.to_owned()));
    }
    match call.params.filled("payment_method_data[type]") {
        None => Ok(None),
        Some(_) => from_card(api, call, "payment_method_data").map(Some),
    }
}

/// Makes a payment method of the card among the parameters. Its name follows from them, so that a repeated request
/// makes no other.
fn from_card(api: &Api, call: &Call, within: &str) -> Result<String, ApiError> {
    let name = |path: &[&str]| match within {
        "" => format!("{}{}", path.first().unwrap_or(&""), bracketed(path.get(1..).unwrap_or_default())),
        within => format!("{within}{}", bracketed(path)),
    };
    let kind = call.params.required(&name(&["type"]))?;
    if kind != "card" {
        let message =
            format!("The sandbox knows cards only, not payment methods of type '{}'.", kind.chars().take(40).collect::<String>());
        return Err(ApiError::invalid(message).param("type"));
    }
    let (number, token) = (name(&["card", "number"]), name(&["card", "token"]));
    let sent = match call.params.filled(&token) {
        Some(sent) => sent,
        None => call.params.required(&number)?,
    };
    let Some(card) = objects::card_method(sent) else {
        return Err(ApiError::new(
            http::StatusCode::PAYMENT_REQUIRED,
            "card_error",
            "Your card number is incorrect. (Use one of Stripe's test cards.)",
        )
        .code("incorrect_number")
        .param("number"));
    };
    let cause = call.key.clone().unwrap_or_else(|| api.fresh_name("call"));
    let id = objects::made_from_card(card, &format!("{cause} {}", call.fingerprint()));
    api.remember_method(id.clone());
    Ok(id)
}

fn bracketed(path: &[&str]) -> String {
    path.iter().map(|step| format!("[{step}]")).collect()
}
