//! `/v1/events`

use crate::stripe::api::Api;
use crate::stripe::call::Call;
use crate::stripe::error::{ApiError, Handled};
use crate::stripe::events::Event;
use crate::stripe::list::{self, Listed};
use crate::stripe::reply::Reply;
use axum::extract::{Path, State};
use lastseat_domain::Timestamp;
use std::sync::Arc;

/// `GET /v1/events`
pub async fn list(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[&list::PARAMS[..], &["type", "types", "delivery_success"]].concat())?;
    let (one, some) = (call.params.filled("type"), call.params.list("types"));
    let asked_for = |event: &Arc<Event>| {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(prefix) => event.kind.starts_with(prefix),
            None => event.kind == pattern,
        };
        one.is_none_or(fits) && (some.is_empty() || some.iter().any(|pattern| fits(pattern)))
    };
    let newest = api.events.newest().into_iter().filter(asked_for).collect();
    list::page(&call.params, &call.path, newest, |event| event.render(&call.base))
}

/// `GET /v1/events/{id}`
pub async fn retrieve(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    let event = api.events.newest().into_iter().find(|event| event.id == id);
    event.map(|event| Reply::ok(event.render(&call.base))).ok_or_else(|| ApiError::not_found("event", &id, "id"))
}

impl Listed for Arc<Event> {
    fn id(&self) -> String {
        self.id.clone()
    }

    fn created(&self) -> Timestamp {
        self.at
    }
}
