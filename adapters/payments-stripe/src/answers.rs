//! What Stripe's answers say, read independently of the API's version: only the members that are needed.

use super::amounts::from_stripe;
use super::transport::Answer;
use chrono::DateTime;
use lastseat_domain::ports::payments::{DECLINED, GatewayFault, Intent, IntentStatus, NextAction, PaymentRecord};
use lastseat_domain::{BookingId, Currency, IntentId, Money, Secret, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

/// Where the booking is in an intent's metadata.
pub(crate) const BOOKING: &str = "lastseat_booking";

/// An answer, sorted by what follows from it.
#[derive(Debug)]
pub(crate) enum Reply<T> {
    Done(T),
    /// The payment method was declined. The intent is as it is now.
    Declined(Box<IntentObject>),
    /// It can't be done, now or ever.
    Refused {
        code: String,
        message: String,
    },
    /// It was done, and the answer can't be understood.
    Unreadable(String),
    /// Stripe failed (5xx). The answer is stored under its key; whether the step happened is another question.
    ServerError(String),
    /// Too many requests, or one under the same key is under way. Nothing was done.
    Busy(Option<Duration>),
    /// The key is not accepted for this.
    Denied(String),
}

#[derive(Debug, Deserialize)]
pub(crate) struct IntentObject {
    id: String,
    amount: i64,
    currency: String,
    status: String,
    client_secret: Option<String>,
    #[serde(default)]
    metadata: HashMap<String, String>,
    last_payment_error: Option<ErrorObject>,
    next_action: Option<Value>,
    /// An id, or the charge itself where it was asked for.
    latest_charge: Option<Value>,
    amount_received: Option<i64>,
    created: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
struct ErrorObject {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    message: Option<String>,
    payment_intent: Option<Box<IntentObject>>,
}

#[derive(Debug, Default, Deserialize)]
struct ErrorAnswer {
    #[serde(default)]
    error: ErrorObject,
}

#[derive(Debug, Deserialize)]
pub(crate) struct List<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

/// A refund.
#[derive(Debug, Deserialize)]
pub(crate) struct RefundObject {
    pub status: Option<String>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
}

/// Sorts an answer.
pub(crate) fn read<T: DeserializeOwned>(answer: &Answer) -> Reply<T> {
    if (200..300).contains(&answer.status) {
        return match serde_json::from_slice(&answer.body) {
            Ok(read) => Reply::Done(read),
            Err(error) => Reply::Unreadable(error.to_string()),
        };
    }
    let ErrorAnswer { error } = serde_json::from_slice(&answer.body).unwrap_or_default();
    let kind = error.kind.unwrap_or_default();
    let message = error.message.unwrap_or_else(|| format!("status {}", answer.status));
    let code = error.code.clone().unwrap_or_else(|| kind.clone());
    match answer.status {
        401 | 403 => Reply::Denied(message),
        402 if let Some(intent) = error.payment_intent => Reply::Declined(intent),
        429 => Reply::Busy(answer.retry_after),
        500.. if answer.may_repeat => Reply::Busy(answer.retry_after),
        409 if is_under_way(&code) => Reply::Busy(answer.retry_after),
        400 if is_under_way(&code) => Reply::Busy(answer.retry_after),
        400..500 if kind == "idempotency_error" => Reply::Refused { code: kind, message },
        400..500 => Reply::Refused { code, message },
        _ => Reply::ServerError(format!("status {}: {message}", answer.status)),
    }
}

/// Another request on the same intent, or under the same key, is being worked on.
fn is_under_way(code: &str) -> bool {
    matches!(code, "lock_timeout" | "idempotency_key_in_use")
}

impl IntentObject {
    /// As the engine sees it.
    ///
    /// # Errors
    /// It is not lastseat's, or can't be understood.
    pub(crate) fn view(self) -> Result<Intent, GatewayFault> {
        let foreign = || GatewayFault::Refused {
            code: "foreign_intent".to_owned(),
            message: "the intent names no booking of lastseat in its metadata".to_owned(),
        };
        let record = self.record()?;
        Ok(Intent {
            id: record.intent,
            booking: record.booking.ok_or_else(foreign)?,
            amount: record.amount,
            last_decline: self.decline().filter(|_| record.status == IntentStatus::RequiresPaymentMethod),
            capture_before: self.capture_before(),
            client_secret: self.client_secret.and_then(Secret::new),
            status: record.status,
            captured: record.captured,
            refunded: record.refunded,
        })
    }

    /// As reconciliation sees it, whoever created it.
    ///
    /// # Errors
    /// It can't be understood.
    pub(crate) fn record(&self) -> Result<PaymentRecord, GatewayFault> {
        let strange = |what: String| GatewayFault::OutcomeUnknown(format!("Stripe's intent {} has {what}", self.id));
        let currency = Currency::new(&self.currency.to_ascii_uppercase()).map_err(|error| strange(error.to_string()))?;
        Ok(PaymentRecord {
            intent: IntentId::new(&self.id).map_err(|error| strange(error.to_string()))?,
            booking: self.metadata.get(BOOKING).and_then(|id| id.parse::<BookingId>().ok()),
            amount: Money { value: from_stripe(self.amount, currency), currency },
            status: self.status().ok_or_else(|| strange(format!("an unknown status, {}", self.status)))?,
            captured: from_stripe(self.amount_received.unwrap_or(0), currency),
            refunded: from_stripe(self.charge_number("amount_refunded"), currency),
            disputed: self.charge().and_then(|charge| charge.get("disputed")).and_then(Value::as_bool).unwrap_or(false),
            created: self.created.and_then(|at| DateTime::from_timestamp(at, 0)).unwrap_or_default(),
        })
    }

    fn status(&self) -> Option<IntentStatus> {
        Some(match self.status.as_str() {
            "requires_payment_method" | "requires_confirmation" => IntentStatus::RequiresPaymentMethod,
            "requires_action" => IntentStatus::RequiresAction(self.action()),
            "processing" => IntentStatus::Processing,
            "requires_capture" => IntentStatus::RequiresCapture,
            "succeeded" => IntentStatus::Succeeded,
            "canceled" => IntentStatus::Canceled,
            _ => return None,
        })
    }

    /// A page to visit if there is one; anything else is the business of Stripe's own form.
    fn action(&self) -> NextAction {
        let url = self.next_action.as_ref().and_then(|action| action.pointer("/redirect_to_url/url")).and_then(Value::as_str);
        url.map_or(NextAction::ConfirmClientSide, |url| NextAction::Redirect { url: url.to_owned() })
    }

    /// The reason that says most: the bank's where it gave one, else Stripe's.
    fn decline(&self) -> Option<String> {
        let error = self.last_payment_error.as_ref()?;
        let bank = error.decline_code.as_deref().filter(|code| *code != "generic_decline");
        Some(bank.or(error.code.as_deref()).unwrap_or(DECLINED).to_owned())
    }

    fn charge(&self) -> Option<&Value> {
        self.latest_charge.as_ref().filter(|charge| charge.is_object())
    }

    fn charge_number(&self, member: &str) -> i64 {
        self.charge().and_then(|charge| charge.get(member)).and_then(Value::as_i64).unwrap_or(0)
    }

    fn capture_before(&self) -> Option<Timestamp> {
        let at = self.charge()?.pointer("/payment_method_details/card/capture_before")?.as_i64()?;
        DateTime::from_timestamp(at, 0)
    }
}
