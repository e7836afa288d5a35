//! `/v1/charges`, `/v1/disputes`

use crate::details::Extras;
use crate::machine::Command;
use crate::record::Record;
use crate::stripe::api::{Api, Done};
use crate::stripe::call::Call;
use crate::stripe::error::ApiError;
use crate::stripe::error::Handled;
use crate::stripe::expand;
use crate::stripe::list::{self, Listed};
use crate::stripe::objects::{self, Named};
use axum::extract::{Path, State};
use lastseat_domain::Timestamp;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::sync::Arc;

/// `GET /v1/charges`
pub async fn list(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[&list::PARAMS[..], &["payment_intent", "customer"]].concat())?;
    let charges = |record: Arc<Record>| {
        let charges = objects::charges(&record).into_owned();
        (1..).zip(charges).map(move |(number, note)| Item { record: Arc::clone(&record), number, at: note.at }).collect()
    };
    of_intents(&api, &call, charges, |item| json!(objects::charge(&item.record, item.number)))
}

/// `GET /v1/charges/{id}`
pub async fn retrieve(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    let unknown = || ApiError::not_found("charge", &id, "id");
    let Some(Named::Charge(intent, number)) = objects::find(&id) else { return Err(unknown()) };
    let record = api.sandbox.intent(&intent).ok_or_else(unknown)?;
    let charge = objects::charge(&record, number).ok_or_else(unknown)?;
    expand::answer(&api, &call, charge, Some(&record))
}

/// `GET /v1/disputes`
pub async fn list_disputes(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[&list::PARAMS[..], &["payment_intent", "charge"]].concat())?;
    let disputes = |record: Arc<Record>| match record.details.disputed {
        Some(at) => vec![Item { record, number: 0, at }],
        None => Vec::new(),
    };
    of_intents(&api, &call, disputes, |item| json!(objects::dispute(&item.record)))
}

/// `GET /v1/disputes/{id}`
pub async fn retrieve_dispute(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    let unknown = || ApiError::not_found("dispute", &id, "dispute");
    let Some(Named::Dispute(intent)) = objects::find(&id) else { return Err(unknown()) };
    let record = api.sandbox.intent(&intent).ok_or_else(unknown)?;
    let dispute = objects::dispute(&record).ok_or_else(unknown)?;
    expand::answer(&api, &call, dispute, Some(&record))
}

/// `POST /v1/disputes/{id}/close`
pub async fn close_dispute(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[])?;
    let unknown = || ApiError::not_found("dispute", &id, "dispute");
    let Some(Named::Dispute(intent)) = objects::find(&id) else { return Err(unknown()) };
    let record = api.sandbox.intent(&intent).ok_or_else(unknown)?;
    objects::dispute(&record).ok_or_else(unknown)?;
    let Done { record, replayed } = api.perform(&call, Command::CloseDispute { intent }, Extras::default()).await?;
    Ok(expand::answer(&api, &call, json!(objects::dispute(&record)), Some(&record))?.replayed(replayed))
}

/// A page of what intents have: of all, or of the one that the parameters name.
fn of_intents(api: &Api, call: &Call, items: impl Fn(Arc<Record>) -> Vec<Item>, render: impl Fn(&Item) -> Value) -> Handled {
    let of = call.params.filled("payment_intent");
    let charge = call.params.filled("charge");
    let records = api.newest().into_iter().filter(|record| of.is_none_or(|id| record.id.as_str() == id));
    let mut all: Vec<Item> = records.flat_map(items).collect();
    all.retain(|item| charge.is_none_or(|id| objects::charge_id(&item.record, objects::charges(&item.record).len()) == id));
    all.sort_by_cached_key(|item| Reverse((item.at, item.record.id.to_string(), item.number)));
    let mut reply = list::page(&call.params, &call.path, all, render)?;
    reply.body = expand::expand(api, call, reply.body, None)?;
    Ok(reply)
}

/// A charge by its number, or a dispute (number 0).
struct Item {
    record: Arc<Record>,
    number: usize,
    at: Timestamp,
}

impl Listed for Item {
    fn id(&self) -> String {
        match self.number {
            0 => objects::dispute_id(&self.record),
            number => objects::charge_id(&self.record, number),
        }
    }

    fn created(&self) -> Timestamp {
        self.at
    }
}
