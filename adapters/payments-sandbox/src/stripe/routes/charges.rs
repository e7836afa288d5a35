//! `/v1/charges`, `/v1/disputes`

use super::items::{self, Kind};
use crate::details::Extras;
use crate::items::ItemKind;
use crate::machine::Command;
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
    kind: ItemKind::Charge,
    what: "charge",
    param: "id",
    find: |id| match objects::find(id)? {
        Named::Charge(intent, number) => Some((intent, number)),
        _ => None,
    },
    id: objects::charge_id,
    render: |_, record, number| objects::charge(record, number),
};

/// An intent has at most one.
static DISPUTES: Kind = Kind {
    kind: ItemKind::Dispute,
    what: "dispute",
    param: "dispute",
    find: |id| match objects::find(id)? {
        Named::Dispute(intent) => Some((intent, 1)),
        _ => None,
    },
    id: |record, _| objects::dispute_id(record),
    render: |_, record, number| objects::dispute(record).filter(|_| number == 1),
};

/// `GET /v1/charges`
pub async fn list(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[&list::PARAMS[..], &["payment_intent", "customer"]].concat())?;
    match call.params.filled("payment_intent") {
        None => items::page(&api, &call, &CHARGES).await,
        Some(intent) => items::page_of(&api, &call, &CHARGES, intent).await,
    }
}

/// `GET /v1/charges/{id}`
pub async fn retrieve(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    items::retrieve(&api, &call, &CHARGES, &id).await
}

/// `GET /v1/disputes`
pub async fn list_disputes(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[&list::PARAMS[..], &["payment_intent", "charge"]].concat())?;
    let (intent, charge) = (call.params.filled("payment_intent"), call.params.filled("charge"));
    let Some(charge) = charge else {
        return match intent {
            None => items::page(&api, &call, &DISPUTES).await,
            Some(intent) => items::page_of(&api, &call, &DISPUTES, intent).await,
        };
    };
    // The dispute of an intent is about its last charge. Any other charge has none, and its list is empty.
    let (of, number) = (CHARGES.find)(charge).unzip();
    let record = match of.filter(|of| intent.is_none_or(|intent| of.as_str() == intent)) {
        Some(of) => api.sandbox.find(&of).await?,
        None => None,
    };
    let disputed = record.filter(|record| number == Some(record.charges().len()));
    items::page_of(&api, &call, &DISPUTES, disputed.as_ref().map_or("", |record| record.id.as_str())).await
}

/// `GET /v1/disputes/{id}`
pub async fn retrieve_dispute(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    items::retrieve(&api, &call, &DISPUTES, &id).await
}

/// `POST /v1/disputes/{id}/close`
pub async fn close_dispute(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[])?;
    let unknown = || ApiError::not_found("dispute", &id, "dispute");
    let Some(Named::Dispute(intent)) = objects::find(&id) else { return Err(unknown()) };
    let record = api.sandbox.find(&intent).await?.ok_or_else(unknown)?;
    objects::dispute(&record).ok_or_else(unknown)?;
    let Done { record, replayed } = api.perform(&call, Command::CloseDispute { intent }, Extras::default()).await?;
    Ok(expand::answer(&api, &call, json!(objects::dispute(&record)), Some(&record)).await?.replayed(replayed))
}
