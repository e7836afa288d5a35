//! `/v1/refunds`

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
use lastseat_domain::{IntentId, Timestamp};
use serde_json::json;
use std::cmp::Reverse;
use std::sync::Arc;

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
    Ok(expand::answer(&api, &call, json!(refund), Some(&record))?.replayed(replayed))
}

/// `GET /v1/refunds/{id}`
pub async fn retrieve(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    let unknown = || ApiError::not_found("refund", &id, "refund");
    let Some(Named::Refund(intent, number)) = objects::find(&id) else { return Err(unknown()) };
    let record = api.sandbox.intent(&intent).ok_or_else(unknown)?;
    let refund = objects::refund(&record, number).ok_or_else(unknown)?;
    expand::answer(&api, &call, refund, Some(&record))
}

/// `GET /v1/refunds`
pub async fn list(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[&list::PARAMS[..], &["payment_intent", "charge"]].concat())?;
    let of = of_call(&call)?;
    let records = api.newest().into_iter().filter(|record| of.as_ref().is_none_or(|intent| record.id == *intent));
    let mut all: Vec<Item> = records
        .flat_map(|record| {
            let refunds: Vec<_> = objects::refunds(&record).collect();
            refunds.into_iter().map(move |(number, at)| Item { record: Arc::clone(&record), number, at })
        })
        .collect();
    all.sort_by_cached_key(|item| Reverse((item.at, item.record.id.to_string(), item.number)));
    let mut reply = list::page(&call.params, &call.path, all, |item| json!(objects::refund(&item.record, item.number)))?;
    reply.body = expand::expand(&api, &call, reply.body, None)?;
    Ok(reply)
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

struct Item {
    record: Arc<Record>,
    number: usize,
    at: Timestamp,
}

impl Listed for Item {
    fn id(&self) -> String {
        objects::refund_id(&self.record, self.number)
    }

    fn created(&self) -> Timestamp {
        self.at
    }
}
