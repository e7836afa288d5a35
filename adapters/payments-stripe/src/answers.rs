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
/// Where a refund's metadata say which of its booking's refunds it is.
pub(crate) const REFUND_NUMBER: &str = "lastseat_refund";
/// Code of the refusal of a request that contradicts an earlier one with the same key.
pub(crate) const IDEMPOTENCY_ERROR: &str = "idempotency_error";

/// Why there is no result. No `Debug` of what Stripe sent: an intent has a client secret.
pub(crate) enum Failure {
    /// Certainly not done; the same request may be sent again.
    NotDone(String),
    /// Done or not: no answer, or none that can be understood.
    Unknown(String),
    /// Stripe failed (5xx). The answer is stored under its key; whether the step happened is another question.
    ServerError { why: String, replayed: bool },
    /// Stripe failed (5xx) and asks for the same request again, under the same key.
    Overloaded(String),
    /// The payment method was declined, for that reason. The intent is as it is now.
    Declined { reason: String, intent: Box<IntentObject> },
    /// It can't be done, now or ever.
    Refused { status: u16, code: String, message: String },
}

/// What an answer says.
pub(crate) enum Reply<T> {
    Done(T),
    Failed(Failure),
    /// The same request may be sent again. If that is given up, it has failed in that way.
    Busy {
        retry_after: Option<Duration>,
        failure: Failure,
    },
}

impl Failure {
    /// As the engine sees it.
    pub(crate) fn into_fault(self) -> GatewayFault {
        match self {
            // An overloaded Stripe is reported after a look that shows that nothing was done.
            Self::NotDone(why) | Self::Overloaded(why) => GatewayFault::Unavailable(why),
            Self::Unknown(why) | Self::ServerError { why, .. } => GatewayFault::OutcomeUnknown(why),
            Self::Declined { reason, .. } => {
                GatewayFault::Refused { code: reason, message: "the bank does not take it".to_owned() }
            }
            Self::Refused { code, message, .. } => GatewayFault::Refused { code, message },
        }
    }

    /// Of a request that only looks: whatever happened to it, nothing was done.
    pub(crate) fn into_fault_of_look(self) -> GatewayFault {
        match self {
            Self::Unknown(why) | Self::ServerError { why, .. } => GatewayFault::Unavailable(why),
            other => other.into_fault(),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct IntentObject {
    id: String,
    amount: i64,
    currency: String,
    status: String,
    client_secret: Option<String>,
    metadata: Option<HashMap<String, String>>,
    last_payment_error: Option<ErrorObject>,
    next_action: Option<Value>,
    /// An id, or the charge itself where it was asked for.
    latest_charge: Option<Value>,
    amount_received: Option<i64>,
    created: Option<i64>,
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    message: Option<String>,
    payment_intent: Option<Box<IntentObject>>,
    payment_method: Option<Value>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: ErrorObject,
}

#[derive(Deserialize)]
pub(crate) struct List<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

/// A refund.
#[derive(Deserialize)]
pub(crate) struct RefundObject {
    pub status: Option<String>,
    pub failure_reason: Option<String>,
    pub metadata: Option<HashMap<String, String>>,
}

impl RefundObject {
    /// Whether no money goes back.
    pub(crate) fn failed(&self) -> bool {
        matches!(self.status.as_deref(), Some("failed" | "canceled"))
    }

    /// Whether it is this booking's refund of that number. Refunds made by hand have no number.
    pub(crate) fn is(&self, booking: BookingId, number: u32) -> bool {
        let has = |key: &str, value: String| self.metadata.as_ref().and_then(|all| all.get(key)) == Some(&value);
        has(BOOKING, booking.to_string()) && has(REFUND_NUMBER, number.to_string())
    }
}

/// Sorts an answer.
pub(crate) fn read<T: DeserializeOwned>(answer: &Answer) -> Reply<T> {
    if (200..300).contains(&answer.status) {
        return match serde_json::from_slice(&answer.body) {
            Ok(read) => Reply::Done(read),
            // It was done. The error may quote the answer, which has secrets: its place is enough.
            Err(error) => {
                unknown(format!("an answer of Stripe can't be read (line {}, column {})", error.line(), error.column()))
            }
        };
    }
    let status = answer.status;
    let Ok(ErrorAnswer { error }) = serde_json::from_slice(&answer.body) else {
        // Something on the way answered. Stripe may have got the request nevertheless.
        return unknown(format!("status {status}, and not from Stripe"));
    };
    let reason = error.reason();
    let kind = error.kind.unwrap_or_default();
    let message = error.message.unwrap_or_else(|| format!("status {status}"));
    let code = error.code.unwrap_or_else(|| kind.clone());
    let busy = |failure| Reply::Busy { retry_after: answer.retry_after, failure };
    match (status, error.payment_intent) {
        // Stripe's own text quotes a part of the key.
        (401 | 403, _) => Reply::Failed(Failure::NotDone(key_refused(status))),
        // The other request with this key may do it at any moment.
        _ if code == "idempotency_key_in_use" => busy(Failure::Unknown("Stripe is still working on the same request".to_owned())),
        _ if status == 429 || code == "lock_timeout" => busy(Failure::NotDone(format!("Stripe is too busy: {message}"))),
        (500.., _) if answer.may_repeat => busy(Failure::Overloaded(format!("Stripe failed with status {status}: {message}"))),
        (402, Some(intent)) => Reply::Failed(Failure::Declined { reason, intent }),
        (400..500, _) if kind == IDEMPOTENCY_ERROR => Reply::Failed(Failure::Refused { status, code: kind, message }),
        (400..500, _) => Reply::Failed(Failure::Refused { status, code, message }),
        (500.., _) => {
            let why = format!("Stripe failed with status {status}: {message}");
            Reply::Failed(Failure::ServerError { why, replayed: answer.replayed })
        }
        _ => unknown(format!("status {status}")),
    }
}

fn unknown<T>(why: String) -> Reply<T> {
    Reply::Failed(Failure::Unknown(why))
}

fn key_refused(status: u16) -> String {
    let why = if status == 401 { "does not accept the key" } else { "does not allow the key to do this" };
    format!("Stripe {why}; run `lastseat doctor` and check --stripe-key")
}

impl ErrorObject {
    /// The reason that says most: the bank's where it gave one, else Stripe's.
    fn reason(&self) -> String {
        let bank = self.decline_code.as_deref().filter(|code| *code != "generic_decline");
        bank.or(self.code.as_deref()).unwrap_or(DECLINED).to_owned()
    }
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
            capture_before: self.capture_before().filter(|_| record.status == IntentStatus::RequiresCapture),
            client_secret: self.client_secret.and_then(Secret::new),
            status: record.status,
            captured: record.captured,
            refunded: record.refunded,
        })
    }

    /// As reconciliation sees it, created by lastseat or not.
    ///
    /// # Errors
    /// It can't be understood.
    pub(crate) fn record(&self) -> Result<PaymentRecord, GatewayFault> {
        let strange = |what: String| GatewayFault::OutcomeUnknown(format!("Stripe's intent {} has {what}", self.id));
        let currency = Currency::new(&self.currency.to_ascii_uppercase()).map_err(|error| strange(error.to_string()))?;
        let status = self.status().ok_or_else(|| strange(format!("an unknown status, {}", self.status)))?;
        // A cancelled authorisation has a charge that is `refunded` in full, although no money moved.
        let moved = |value| if status == IntentStatus::Succeeded { from_stripe(value, currency) } else { 0 };
        Ok(PaymentRecord {
            intent: IntentId::new(&self.id).map_err(|error| strange(error.to_string()))?,
            booking: self.metadata.as_ref().and_then(|all| all.get(BOOKING)).and_then(|id| id.parse::<BookingId>().ok()),
            amount: Money { value: from_stripe(self.amount, currency), currency },
            captured: moved(self.amount_received.unwrap_or(0)),
            refunded: moved(self.charge_number("amount_refunded")),
            status,
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

    fn decline(&self) -> Option<String> {
        self.last_payment_error.as_ref().map(ErrorObject::reason)
    }

    /// Whether the last decline was that of this payment method.
    pub(crate) fn declined(&self, method: &str) -> bool {
        let declined = self.last_payment_error.as_ref().and_then(|error| error.payment_method.as_ref());
        declined.and_then(|method| method.get("id")).and_then(Value::as_str) == Some(method)
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
