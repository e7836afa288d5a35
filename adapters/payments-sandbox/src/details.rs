//! What Stripe's API shows of an intent beyond what the payment port needs.

use super::decline::Decline;
use lastseat_domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Charges that are remembered of one intent. Further attempts overwrite the last one.
const MAX_CHARGES: usize = 100;

/// Every field has a default, so that what older versions stored stays readable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Created without a booking in its metadata; [`super::Record::booking`] is made up then.
    #[serde(skip_serializing_if = "is_default")]
    pub foreign: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub capture: CaptureMethod,
    /// A payment method that waits to be confirmed.
    #[serde(skip_serializing_if = "is_default")]
    pub attached: Option<String>,
    /// Where the bank's page sends the buyer afterwards.
    #[serde(skip_serializing_if = "is_default")]
    pub return_url: Option<String>,
    /// Every attempt that reached the bank, oldest first.
    #[serde(skip_serializing_if = "is_default")]
    pub charges: Vec<ChargeNote>,
    /// About the refund of the same index in [`super::Record::refunds`].
    #[serde(skip_serializing_if = "is_default")]
    pub refunds: Vec<RefundNote>,
    #[serde(skip_serializing_if = "is_default")]
    pub canceled: Option<Cancellation>,
    /// When the buyer disputed the charge at their bank.
    #[serde(skip_serializing_if = "is_default")]
    pub disputed: Option<Timestamp>,
    /// Whether the shop has accepted that, which ends it.
    #[serde(skip_serializing_if = "is_default")]
    pub dispute_lost: bool,
}

impl Details {
    pub(super) fn is_empty(&self) -> bool {
        is_default(self)
    }

    pub(super) fn note_charge(&mut self, note: ChargeNote) {
        if self.charges.len() >= MAX_CHARGES {
            self.charges.pop();
        }
        self.charges.push(note);
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// When the money is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMethod {
    /// With a call of its own.
    #[default]
    Manual,
    /// With the confirmation.
    Automatic,
}

/// An attempt to charge a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeNote {
    pub at: Timestamp,
    pub payment_method: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub decline: Option<Decline>,
}

/// What a refund's creator said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundNote {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "is_default")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub metadata: BTreeMap<String, String>,
}

impl RefundNote {
    /// Of a refund that nothing is known about.
    pub(super) fn unknown(at: Timestamp) -> Self {
        Self { at, reason: None, metadata: BTreeMap::new() }
    }
}

/// When and why an intent was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "is_default")]
    pub reason: Option<String>,
}

/// What only Stripe's API sends with a command. The default is what lastseat's own port sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// Of a new intent: it is nobody's booking.
    pub foreign: bool,
    pub description: Option<String>,
    pub capture: CaptureMethod,
    /// Of a new intent: the method to confirm it with.
    pub payment_method: Option<String>,
    /// Of a new intent: try the payment method at once.
    pub confirm: bool,
    pub return_url: Option<String>,
    /// Of a refund or cancellation.
    pub reason: Option<String>,
    /// Of a refund.
    pub metadata: BTreeMap<String, String>,
}

/// A change of an intent that charges nothing. What is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Update {
    pub description: Option<String>,
    /// Added to what is there; an empty value removes the entry.
    pub metadata: BTreeMap<String, String>,
    /// Minor units; only while nothing is authorised.
    pub amount: Option<i64>,
    pub payment_method: Option<String>,
}
