//! One step of what the sandbox remembers, as it is stored.

use super::endpoint::WebhookEndpoint;
use super::record::{Record, Refusal};
use chrono::TimeDelta;
use lastseat_domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// Stripe forgets an idempotency key after a day at the earliest; the sandbox does so at once, to
/// show what depends on it.
pub(super) const KEY_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// What the gateway says: the intent as it is after the command, or no. A decline is an intent with
/// a reason in [`Record::last_decline`].
pub type Answer = Result<Arc<Record>, Refusal>;

/// One step of the gateway's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// The intent as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Arc<Record>>,
    /// The idempotency key that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Answered>,
    /// A webhook endpoint as it is now. Only journals of earlier versions have it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Arc<WebhookEndpoint>>,
}

impl Change {
    /// Nothing has changed by then.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { at, intent: None, answered: None, endpoint: None }
    }
}

/// A used idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The key.
    pub key: String,
    /// Fingerprint of the command it was used for.
    pub params: Uuid,
    /// What was answered.
    pub given: Given,
}

/// The answer under a key, as a [`Change`] holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// The intent of the same change.
    Intent,
    /// An intent as it was then. Only journals of earlier versions have it.
    Then(Arc<Record>),
    /// No.
    Refused(Refusal),
}

/// What is kept under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// When it was answered.
    pub at: Timestamp,
    /// Fingerprint of the command it was used for.
    pub params: Uuid,
    /// The answer.
    pub answer: Answer,
}

impl Kept {
    /// What a change keeps under this key, if it answered it.
    #[must_use]
    pub fn of(change: Change, key: &str) -> Option<Self> {
        let answered = change.answered.filter(|answered| answered.key == key)?;
        let answer = match (answered.given, change.intent) {
            (Given::Intent, Some(record)) | (Given::Then(record), _) => Ok(record),
            (Given::Refused(refusal), _) => Err(refusal),
            // There was no answer, so there is none to repeat.
            (Given::Intent, None) => return None,
        };
        Some(Self { at: change.at, params: answered.params, answer })
    }

    /// Whether it still counts.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now - self.at < KEY_LIFETIME
    }
}
