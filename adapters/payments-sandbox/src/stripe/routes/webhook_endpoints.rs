//! `/v1/webhook_endpoints`

use crate::endpoint::{ALL_EVENTS, WebhookEndpoint};
use crate::store::EndpointChange;
use crate::stripe::api::Api;
use crate::stripe::call::Call;
use crate::stripe::error::{ApiError, Handled};
use crate::stripe::list::{self, Listed};
use crate::stripe::objects;
use crate::stripe::params::Params;
use crate::stripe::reply::Reply;
use crate::stripe::webhooks;
use axum::extract::{Path, State};
use lastseat_domain::Timestamp;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// Stripe's limit.
const MOST: usize = 16;
const MAX_EVENT_NAME: usize = 100;

/// `POST /v1/webhook_endpoints`
pub async fn create(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    let params = &call.params;
    params.only(&["url", "enabled_events", "description", "metadata", "api_version", "connect"])?;
    let new = WebhookEndpoint {
        id: name(&api, call.key.as_deref()),
        created: api.sandbox.now(),
        url: address(params.required("url")?)?,
        enabled_events: events(params)?.ok_or_else(|| ApiError::missing("enabled_events"))?,
        secret: secret()?,
        disabled: false,
        deleted: false,
        description: params.filled("description").map(str::to_owned),
        api_version: params.filled("api_version").map(str::to_owned),
        metadata: params.metadata()?,
        params: call.fingerprint(),
    };
    let (id, sent) = (new.id.clone(), new.params);
    let before = api.sandbox.webhook_endpoint(&id);
    if before.is_none() && api.sandbox.webhook_endpoints().len() >= MOST {
        let message = format!("You have reached the maximum of {MOST} test webhook endpoints.");
        return Err(ApiError::invalid(message));
    }
    if before.as_ref().is_some_and(|before| before.params != sent) {
        let status = http::StatusCode::BAD_REQUEST;
        let message = "Keys for idempotent requests can only be used with the same parameters they were first used with.";
        return Err(ApiError::new(status, "idempotency_error", message));
    }
    let replayed = before.is_some();
    let made = api.change_webhook_endpoint(&call, &id, Box::new(|there| there.is_none().then_some(new))).await?;
    let mut shown = objects::webhook_endpoint(&made);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("secret".to_owned(), json!(made.secret));
    }
    Ok(Reply::ok(shown).replayed(replayed))
}

/// `GET /v1/webhook_endpoints`
pub async fn list(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&list::PARAMS)?;
    let mut all = api.sandbox.webhook_endpoints();
    all.reverse();
    list::page(&call.params, &call.path, all, |endpoint| objects::webhook_endpoint(endpoint))
}

/// `GET /v1/webhook_endpoints/{id}`
pub async fn retrieve(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    let endpoint = api.sandbox.webhook_endpoint(&id).ok_or_else(|| unknown(&id))?;
    Ok(Reply::ok(objects::webhook_endpoint(&endpoint)))
}

/// `POST /v1/webhook_endpoints/{id}`
pub async fn update(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    let params = &call.params;
    params.only(&["url", "enabled_events", "description", "metadata", "disabled"])?;
    let url = params.filled("url").map(address).transpose()?;
    let (events, metadata) = (events(params)?, params.metadata()?);
    let disabled = params.text("disabled").map(|_| params.flag("disabled")).transpose()?;
    let description = params.text("description").map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
    let change: EndpointChange = Box::new(move |there| {
        let mut endpoint = there?.clone();
        endpoint.url = url.unwrap_or(endpoint.url);
        endpoint.enabled_events = events.unwrap_or(endpoint.enabled_events);
        endpoint.disabled = disabled.unwrap_or(endpoint.disabled);
        endpoint.description = description.unwrap_or(endpoint.description);
        endpoint.metadata.extend(metadata);
        endpoint.metadata.retain(|_, value| !value.is_empty());
        Some(endpoint)
    });
    let changed = api.change_webhook_endpoint(&call, &id, change).await?;
    Ok(Reply::ok(objects::webhook_endpoint(&changed)))
}

/// `DELETE /v1/webhook_endpoints/{id}`
pub async fn delete(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[])?;
    let gone = |there: Option<&WebhookEndpoint>| Some(WebhookEndpoint { deleted: true, ..there?.clone() });
    api.change_webhook_endpoint(&call, &id, Box::new(gone)).await?;
    Ok(Reply::ok(json!({ "id": id, "object": "webhook_endpoint", "deleted": true })))
}

impl Api {
    /// Changes an endpoint for this call.
    async fn change_webhook_endpoint(
        &self,
        call: &Call,
        id: &str,
        change: EndpointChange,
    ) -> Result<Arc<WebhookEndpoint>, ApiError> {
        let changed = self.sandbox.change_webhook_endpoint(id, change).await?;
        if call.faults.lost_answer {
            return Err(ApiError::lost());
        }
        changed.ok_or_else(|| unknown(id))
    }
}

fn unknown(id: &str) -> ApiError {
    ApiError::not_found("webhook endpoint", id, "webhook_endpoint")
}

/// The same name for a repeated key.
fn name(api: &Api, key: Option<&str>) -> String {
    let Some(key) = key else { return api.fresh_name("we") };
    format!("we_{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("webhook endpoint of key {key}").as_bytes()).simple())
}

/// A secret that nobody can guess.
#[expect(clippy::disallowed_methods, reason = "as on Stripe's side: the shop never draws it, so no simulation hands it in")]
fn secret() -> Result<String, ApiError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| ApiError::unavailable(format!("there is no randomness: {error}")))?;
    Ok(format!("whsec_{}", Uuid::from_bytes(random).simple()))
}

fn address(url: &str) -> Result<String, ApiError> {
    webhooks::address(url).map_err(|bad| ApiError::invalid(bad.to_string()).code("url_invalid").param("url"))?;
    Ok(url.to_owned())
}

/// `enabled_events`, if it was sent.
fn events(params: &Params) -> Result<Option<Vec<String>>, ApiError> {
    let events = params.list("enabled_events");
    let is_name = |event: &str| {
        event.len() <= MAX_EVENT_NAME && event.bytes().all(|b| b.is_ascii_lowercase() || b"._0123456789".contains(&b))
    };
    match events.iter().find(|event| **event != ALL_EVENTS && !(is_name(event) && event.contains('.'))) {
        Some(wrong) => {
            let wrong: String = wrong.chars().take(MAX_EVENT_NAME).collect();
            let message = format!("Invalid enabled_events: '{wrong}' is no type of event, and only '*' means all of them.");
            Err(ApiError::invalid(message).param("enabled_events"))
        }
        None => Ok((!events.is_empty()).then(|| events.into_iter().map(str::to_owned).collect())),
    }
}

impl Listed for Arc<WebhookEndpoint> {
    fn id(&self) -> String {
        self.id.clone()
    }

    fn created(&self) -> Timestamp {
        self.created
    }
}
