//! `/v1/refunds`

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
use lastseat_domain::IntentId;
use serde_json::json;
use std::sync::Arc;

static REFUNDS: Kind = Kind {
    kind: ItemKind::Refund,
    what: "refund",
    param: "refund",
    find: |id| match objects::find(id)? {
        Named::Refund(intent, number) => Some((intent, number)),
        _ => None,
    },
    id: objects::refund_id,
    render: |_, record, number| objects::refund(record, number),
};

/// `POST /v1/refunds`
pub async fn create(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[
        "payment_intent",
        "charge",
        "amount",
        "reason",
        "metadata",
        "reverse_transfer",
        "refund_application_fee",
    ])?;
    let intent = of_call(&call)?.ok_or_else(|| {
        ApiError::invalid("One of the following params should be provided for this request: payment_intent or charge.")
            .code("parameter_missing")
    })?;
    let reason = call.params.filled("reason").map(str::to_owned);
    if reason.as_deref().is_some_and(|reason| !["duplicate", "fraudulent", "requested_by_customer"].contains(&reason)) {
        return Err(
            ApiError::invalid("Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer").param("reason")
        );
    }
    let amount = call.params.integer("amount")?;
    let extras = Extras { reason, metadata: call.params.metadata()?, ..Extras::default() };
    let Done { record, replayed } = api.perform(&call, Command::Refund { intent, amount }, extras).await?;
    let refund = objects::refund(&record, record.refunds.len());
    Ok(expand::answer(&api, &call, json!(refund), Some(&record)).await?.replayed(replayed))
}

/// `GET /v1/refunds/{id}`
pub async fn retrieve(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    items::retrieve(&api, &call, &REFUNDS, &id).await
}

/// `GET /v1/refunds`
pub async fn list(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[&list::PARAMS[..], &["payment_intent", "charge"]].concat())?;
    match of_call(&call)? {
        None => items::page(&api, &call, &REFUNDS).await,
        Some(intent) => items::page_of(&api, &call, &REFUNDS, intent.as_str()).await,
    }
}

/// The intent that the parameters name, or whose charge they name.
fn of_call(call: &Call) -> Result<Option<IntentId>, ApiError> {
    if let Some(id) = call.params.filled("payment_intent") {
        return IntentId::new(id).map(Some).map_err(|_| ApiError::not_found("payment_intent", id, "payment_intent"));
    }
    match call.params.filled("charge") {
        None => Ok(None),
        Some(id) => match objects::find(id) {
            Some(Named::Charge(intent, _)) => Ok(Some(intent)),
            _ => Err(ApiError::not_found("charge", id, "charge")),
        },
    }
}
