//! `/v1/payment_intents`

use super::items::{self, Kind};
use super::limits;
use super::methods::of_call;
use crate::details::{CaptureMethod, Extras, Update};
use crate::items::ItemKind;
use crate::machine::Command;
use crate::record::Record;
use crate::stripe::api::{Api, Done};
use crate::stripe::call::{Call, Role};
use crate::stripe::error::{ApiError, Handled};
use crate::stripe::expand;
use crate::stripe::list;
use crate::stripe::objects::{self, Named};
use axum::extract::{Path, State};
use lastseat_domain::{BookingId, Currency, Money};
use std::sync::Arc;

/// What may be sent with a new intent or a confirmation; most of it is taken and not used.
const COMMON: &[&str] = &[
    "payment_method",
    "payment_method_data",
    "payment_method_options",
    "allowed_payment_method_types",
    "payment_method_types",
    "payment_method_configuration",
    "return_url",
    "off_session",
    "setup_future_usage",
    "shipping",
    "receipt_email",
    "mandate",
    "mandate_data",
    "radar_options",
    "error_on_requires_action",
    "use_stripe_sdk",
    "confirmation_method",
    "confirmation_token",
    "capture_method",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "excluded_payment_method_types",
    "amount_details",
    // Of Stripe.js.
    "expected_payment_method_type",
    "client_context",
    "referrer",
    "client_attribution_metadata",
];

const OF_A_NEW_ONE: &[&str] = &[
    "amount",
    "currency",
    "confirm",
    "description",
    "metadata",
    "automatic_payment_methods",
    "customer",
    "on_behalf_of",
    "transfer_data",
    "transfer_group",
    "application_fee_amount",
    "payment_details",
];

static INTENTS: Kind = Kind {
    kind: ItemKind::Intent,
    what: "payment_intent",
    param: "intent",
    find: |id| match objects::find(id)? {
        Named::Intent(intent) => Some((intent, 1)),
        _ => None,
    },
    id: |record, _| record.id.to_string(),
    render: |call, record, _| Some(Api::view(call, record)),
};

/// `POST /v1/payment_intents`
pub async fn create(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    let params = &call.params;
    params.only(&[COMMON, OF_A_NEW_ONE].concat())?;
    let amount = params.integer("amount")?.ok_or_else(|| ApiError::missing("amount"))?;
    let amount = Money { value: amount, currency: currency(params.required("currency")?)? };
    limits::check(amount)?;
    let metadata = params.metadata()?;
    let of_booking: Option<BookingId> = metadata.get("lastseat_booking").and_then(|text| text.parse().ok());
    let booking = of_booking.unwrap_or_else(|| {
        let name = call.key.clone().unwrap_or_else(|| api.fresh_name("call"));
        BookingId::from_key("not lastseat's", &name)
    });
    let extras = Extras {
        foreign: of_booking.is_none(),
        description: params.filled("description").map(str::to_owned),
        capture: capture_method(params.filled("capture_method"))?,
        payment_method: of_call(&api, &call)?,
        confirm: params.flag("confirm")?,
        return_url: params.filled("return_url").map(str::to_owned),
        ..Extras::default()
    };
    let confirmed = extras.confirm;
    if confirmed && extras.payment_method.is_none() {
        return Err(no_method());
    }
    let done = api.perform(&call, Command::Create { booking, amount, metadata }, extras).await?;
    shown(&api, &call, done, confirmed).await
}

/// `GET /v1/payment_intents`
pub async fn list(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[&list::PARAMS[..], &["customer"]].concat())?;
    items::page(&api, &call, &INTENTS).await
}

/// `GET /v1/payment_intents/{id}`
pub async fn retrieve(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    let record = permitted(&api, &call, &id).await?;
    expand::answer(&api, &call, Api::view(&call, &record), Some(&record)).await
}

/// `POST /v1/payment_intents/{id}`
pub async fn update(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[COMMON, OF_A_NEW_ONE].concat())?;
    let record = api.find(&id).await?;
    let amount = call.params.integer("amount")?;
    if let Some(value) = amount {
        limits::check(Money { value, ..record.amount })?;
    }
    let update = Update {
        description: call.params.text("description").map(str::to_owned),
        metadata: call.params.metadata()?,
        amount,
        payment_method: of_call(&api, &call)?,
    };
    let done = api.perform(&call, Command::Update { intent: record.id.clone(), update }, Extras::default()).await?;
    shown(&api, &call, done, false).await
}

/// `POST /v1/payment_intents/{id}/confirm`
pub async fn confirm(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.params.only(COMMON)?;
    let record = permitted(&api, &call, &id).await?;
    let sent = of_call(&api, &call)?.or_else(|| record.details.attached.clone());
    let payment_method = sent.ok_or_else(no_method)?;
    let extras = Extras { return_url: call.params.filled("return_url").map(str::to_owned), ..Extras::default() };
    let command = Command::Confirm { intent: record.id.clone(), payment_method };
    let done = api.perform(&call, command, extras).await?;
    shown(&api, &call, done, true).await
}

/// `POST /v1/payment_intents/{id}/capture`
pub async fn capture(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&[
        "amount_to_capture",
        "metadata",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "final_capture",
    ])?;
    let amount = call.params.integer("amount_to_capture")?;
    let intent = api.find(&id).await?.id.clone();
    let done = api.perform(&call, Command::Capture { intent, amount }, Extras::default()).await?;
    shown(&api, &call, done, false).await
}

/// `POST /v1/payment_intents/{id}/cancel`
pub async fn cancel(State(api): State<Arc<Api>>, Path(id): Path<String>, call: Call) -> Handled {
    call.server_only()?;
    call.params.only(&["cancellation_reason"])?;
    let reason = call.params.filled("cancellation_reason");
    if reason.is_some_and(|reason| !["duplicate", "fraudulent", "requested_by_customer", "abandoned"].contains(&reason)) {
        let message = "Invalid cancellation_reason: must be one of duplicate, fraudulent, requested_by_customer, or abandoned";
        return Err(ApiError::invalid(message).param("cancellation_reason"));
    }
    let intent = api.find(&id).await?.id.clone();
    let extras = Extras { reason: reason.map(str::to_owned), ..Extras::default() };
    let done = api.perform(&call, Command::Cancel { intent }, extras).await?;
    shown(&api, &call, done, false).await
}

/// The intent after a command. A declined confirmation is an error that carries it.
async fn shown(api: &Api, call: &Call, done: Done, confirmed: bool) -> Handled {
    let Done { record, replayed } = done;
    if let Some(decline) = record.last_decline.filter(|_| confirmed) {
        return Err(objects::declined(&record, decline, Api::view(call, &record)).replayed(replayed));
    }
    Ok(expand::answer(api, call, Api::view(call, &record), Some(&record)).await?.replayed(replayed))
}

/// The intent, if this caller may see it: a browser shows its client secret.
async fn permitted(api: &Api, call: &Call, id: &str) -> Result<Arc<Record>, ApiError> {
    let record = api.find(id).await?;
    let secret = call.params.filled("client_secret");
    match (call.role, secret) {
        (Role::Server, None) => Ok(record),
        (_, Some(secret)) if secret == record.client_secret() => Ok(record),
        (Role::Browser, None) => call.server_only().map(|()| record),
        (_, Some(_)) => {
            let message = format!("The client_secret provided does not match any associated PaymentIntent on this account: {id}");
            Err(ApiError::invalid(message).code("payment_intent_invalid_parameter").param("client_secret"))
        }
    }
}

fn no_method() -> ApiError {
    let message = "You cannot confirm this PaymentIntent because it's missing a payment method. Send payment_method, or update the \
                   PaymentIntent with one first.";
    ApiError::invalid(message).code("payment_intent_unexpected_state").param("payment_method")
}

fn currency(code: &str) -> Result<Currency, ApiError> {
    Currency::new(&code.to_ascii_uppercase()).map_err(|_| {
        let code: String = code.chars().take(20).collect();
        ApiError::invalid(format!("Invalid currency: {code}. Send a three-letter ISO code in lower case.")).param("currency")
    })
}

fn capture_method(name: Option<&str>) -> Result<CaptureMethod, ApiError> {
    match name {
        None | Some("automatic" | "automatic_async") => Ok(CaptureMethod::Automatic),
        Some("manual") => Ok(CaptureMethod::Manual),
        Some(_) => {
            let message = "Invalid capture_method: must be one of automatic, automatic_async, or manual";
            Err(ApiError::invalid(message).param("capture_method"))
        }
    }
}
