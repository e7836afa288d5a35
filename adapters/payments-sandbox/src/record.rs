//! What the sandbox knows about an intent, and how it says no. Names are Stripe's.

use super::decline::Decline;
use super::details::Details;
use lastseat_domain::{BookingId, IntentId, Money, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How long a card's authorisation lasts.
const AUTHORISATION_LASTS: chrono::TimeDelta = chrono::TimeDelta::days(7);

/// A payment intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `pi_sandbox_` and the booking in hex; further intents of the same booking end in `_2`, `_3`…
    pub id: IntentId,
    /// The booking it was created for.
    pub booking: BookingId,
    /// What it is for.
    pub amount: Money,
    pub status: Status,
    /// When it was created.
    pub created: Timestamp,
    /// The method it was confirmed with; none after a decline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// Why the last method was declined, until one is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_decline: Option<Decline>,
    /// Minor units taken; 0 until captured.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub captured: i64,
    /// Minor units of each refund, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<i64>,
    /// What the creator attached beside the booking; carried, not read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What only Stripe's API shows.
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

impl Record {
    /// Until when an authorisation can be captured.
    #[must_use]
    pub fn capture_before(&self) -> Option<Timestamp> {
        let authorised = self.details.charges.last().filter(|charge| charge.decline.is_none())?.at;
        authorised.checked_add_signed(AUTHORISATION_LASTS).filter(|_| self.status == Status::RequiresCapture)
    }

    /// Minor units returned so far.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        self.refunds.iter().fold(0_i64, |sum, refund| sum.saturating_add(*refund))
    }

    /// What lets the buyer's browser confirm the intent. It follows from the id: this is play money, and the
    /// file then needs no secret.
    #[must_use]
    pub fn client_secret(&self) -> String {
        format!("{}_secret_{}", self.id, uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, self.id.as_str().as_bytes()).simple())
    }

    /// Minor units that are taken and not returned: what the buyer has paid.
    #[must_use]
    pub fn kept(&self) -> i64 {
        self.captured.saturating_sub(self.refunded())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

/// State of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Created, or the last method was declined.
    RequiresPaymentMethod,
    /// The buyer has to authenticate at the bank's page.
    RequiresAction,
    /// Authorised.
    RequiresCapture,
    /// Captured, in full or in part.
    Succeeded,
    /// Cancelled.
    Canceled,
}

impl Status {
    /// Stripe's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresAction => "requires_action",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The gateway refuses: the request can't be done, now or ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({})", code.as_str())]
pub struct Refusal {
    /// Stripe's code.
    pub code: Code,
    /// The parameter at fault, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// For people.
    pub message: String,
}

/// Code of a [`Refusal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No such intent, or no such payment method.
    ResourceMissing,
    /// The intent is in a state in which this can't be done.
    PaymentIntentUnexpectedState,
    /// All of it was refunded before.
    ChargeAlreadyRefunded,
    /// More than was authorised, or than is left to refund.
    AmountTooLarge,
    /// Not a positive number of minor units.
    ParameterInvalidInteger,
    /// The idempotency key was used for another request.
    IdempotencyError,
    /// The authorisation has ended before the capture.
    ChargeExpiredForCapture,
    /// A server error that was asked for: the step may be done or not.
    ApiError,
}

impl Code {
    /// Stripe's name. (`idempotency_error` is a type of error there, without a code.)
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ResourceMissing => "resource_missing",
            Self::PaymentIntentUnexpectedState => "payment_intent_unexpected_state",
            Self::ChargeAlreadyRefunded => "charge_already_refunded",
            Self::AmountTooLarge => "amount_too_large",
            Self::ParameterInvalidInteger => "parameter_invalid_integer",
            Self::IdempotencyError => "idempotency_error",
            Self::ChargeExpiredForCapture => "charge_expired_for_capture",
            Self::ApiError => "api_error",
        }
    }
}
