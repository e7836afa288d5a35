//! `/v1/charges`, `/v1/disputes`

use super::items::{self, Kind};
use crate::details::Extras;
use crate::machine::Command;
use crate::record::Record;
use crate::stripe::api::{Api, Done};
use crate::stripe::call::Call;
use crate::stripe::error::{ApiError, Handled};
use crate::stripe::expand;
use crate::stripe::list;
use crate::stripe::objects::{self, Named};
use axum::extract::{Path, State};
use serde_json::json;
use std::sync::Arc;

static CHARGES: Kind = Kind {
    what: "charge",
    param: "id",
    find: |id| match objects::find(id)? {
        Named::Charge(intent, number) => Some((intent, number)),
        _ => None,
    },
    all: |record| (1..).zip(objects::charges(record).iter().map(|note| note.at)).collect(),
    id: objects::charge_id,
    render: objects::charge,
};

/// An intent has at most one.
static DISPUTES: Kind = Kind {
    what: "dispute",
    param: "dispute",
    find: |id| match objects::find(id)? {
        Named::Dispute(intent) => Some((intent, 1)),
        _ => None,
    },
    all: |record| record.details.disputed.map(|at| (1, at)).into_iter().collect(),
    id: |record, _| objects::dispute_id(record),
    render: |record, _| objects::dispute(record),
};

/// `GET /v1/charges`
pub async fn list(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[&list::PARAMS[..], &["payment_intent", "customer"]].concat())?;
    items::page(&api, &call, &CHARGES, |record| is_of(&call, record))
}

/// `GET /v1/charges/{id}`
pub async fn retrieve(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    items::retrieve(&api, &call, &CHARGES, &id)
}

/// `GET /v1/disputes`
pub async fn list_disputes(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[&list::PARAMS[..], &["payment_intent", "charge"]].concat())?;
    let charge = call.params.filled("charge");
    let has_charge = |record: &Record| charge.is_none_or(|id| objects::charge_id(record, objects::charges(record).len()) == id);
    items::page(&api, &call, &DISPUTES, |record| is_of(&call, record) && has_charge(record))
}

/// `GET /v1/disputes/{id}`
pub async fn retrieve_dispute(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    items::retrieve(&api, &call, &DISPUTES, &id)
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

/// Whether it is the intent that the parameters name, if they do.
fn is_of(call: &Call, record: &Record) -> bool {
    call.params.filled("payment_intent").is_none_or(|id| record.id.as_str() == id)
}
