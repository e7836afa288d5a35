//! What a payment gateway reports by itself.

use crate::ids::{BookingId, IntentId};

/// A notification whose signature is right: a hint to ask the gateway, never a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The gateway's name for it.
    pub id: String,
    /// What it is about, such as `payment_intent.amount_capturable_updated`.
    pub kind: String,
    /// The intent that it is about, if it is about one.
    pub intent: Option<IntentId>,
    /// The booking in the intent's metadata, where the notification has it.
    pub booking: Option<BookingId>,
    /// Whether it says that a refund has failed: no money went back.
    pub refund_failed: bool,
}
