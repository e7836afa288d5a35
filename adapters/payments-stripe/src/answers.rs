//! What an answer of Stripe says about its request: done, refused, failed, or to be sent again.

use super::objects::{ErrorObject, IntentObject};
use super::transport::Answer;
use lastseat_domain::ports::payments::GatewayFault;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Code of the refusal of a request that contradicts an earlier one with the same key.
pub(crate) const IDEMPOTENCY_ERROR: &str = "idempotency_error";

/// Why there is no result. No `Debug` of what Stripe sent: an intent has a client secret.
pub(crate) enum Failure {
    /// Certainly not done; the same request may be sent again.
    NotDone(String),
    /// Done or not: no answer, or none that can be understood.
    Unknown(String),
    /// Stripe failed (5xx); whether the step happened is another question. `replayed`: the answer is stored under the key,
    /// and nothing else will be answered to it.
    ServerError { why: String, replayed: bool },
    /// Stripe failed (5xx) and asks for the same request again, under the same key.
    Overloaded(String),
    /// The payment method was declined, for that reason. The intent is as it is now.
    Declined { reason: String, intent: Box<IntentObject> },
    /// It can't be done. `replayed`: the refusal is stored under the key, and may not be true any more.
    Refused { status: u16, code: String, message: String, replayed: bool },
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
struct ErrorAnswer {
    error: ErrorObject,
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
    let replayed = answer.replayed;
    let busy = |failure| Reply::Busy { retry_after: answer.retry_after, failure };
    match (status, error.payment_intent) {
        // Stripe's own text quotes a part of the key.
        (401 | 403, _) => Reply::Failed(Failure::NotDone(key_refused(status))),
        // The other request with this key may do it at any moment.
        _ if code == "idempotency_key_in_use" => busy(Failure::Unknown("Stripe is still working on the same request".to_owned())),
        _ if status == 429 || code == "lock_timeout" => busy(Failure::NotDone(format!("Stripe is too busy: {message}"))),
        (500.., _) if answer.may_repeat && !replayed => {
            busy(Failure::Overloaded(format!("Stripe failed with status {status}: {message}")))
        }
        (402, Some(intent)) => Reply::Failed(Failure::Declined { reason, intent }),
        (400..500, _) if kind == IDEMPOTENCY_ERROR => Reply::Failed(Failure::Refused { status, code: kind, message, replayed }),
        (400..500, _) => Reply::Failed(Failure::Refused { status, code, message, replayed }),
        (500.., _) => {
            let why = format!("Stripe failed with status {status}: {message}");
            Reply::Failed(Failure::ServerError { why, replayed })
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
