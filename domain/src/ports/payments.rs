//! The payment gateway, in Stripe's terms: one PaymentIntent a booking, captured by hand.
//!
//! Every call that changes something carries an idempotency key: the same key gets the first call's
//! answer again and has no second effect. Adapters take the keys from
//! [`idempotency_keys`](super::idempotency_keys), so no caller can invent one.
//!
//! What a new payment provider needs is listed in docs/ARCHITECTURE.md, "Where to look".

use crate::ids::{BookingId, IntentId};
use crate::money::Money;
use async_trait::async_trait;

/// Code of a refusal: the gateway does not know the payment method.
pub const UNKNOWN_PAYMENT_METHOD: &str = "resource_missing";

/// Code of a decline for which the gateway gives no reason.
pub const DECLINED: &str = "card_declined";

/// State of an intent. Names are Stripe's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntentStatus {
    /// Created, or the last method was declined.
    RequiresPaymentMethod,
    /// The buyer has to confirm with their bank first.
    RequiresAction {
        /// The page where they do.
        url: String,
    },
    /// The gateway is working on it.
    Processing,
    /// Authorised: the money is reserved.
    RequiresCapture,
    /// Captured: the money is taken.
    Succeeded,
    /// Cancelled: the reservation has ended, and nothing can be taken any more.
    Canceled,
}

/// A payment intent as the gateway has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its name.
    pub id: IntentId,
    /// The booking it was created for, from the intent's metadata.
    pub booking: BookingId,
    /// What it is for.
    pub amount: Money,
    /// Its state.
    pub status: IntentStatus,
    /// Code of the last decline ([`DECLINED`], `insufficient_funds`, …) while
    /// `RequiresPaymentMethod` after one.
    pub last_decline: Option<String>,
    /// Minor units returned so far.
    pub refunded: i64,
}

/// The gateway didn't do it, or it is unknown whether it did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayFault {
    /// Certainly not done; the same call may be repeated.
    #[error("the payment gateway is unavailable: {0}")]
    Unavailable(String),
    /// Time-out or broken connection: done or not. Repeat under the same key, or retrieve.
    #[error("the payment gateway's answer was lost: {0}")]
    OutcomeUnknown(String),
    /// The gateway refuses, and will again (unknown payment method, intent in another state).
    #[error("the payment gateway refuses: {message} ({code})")]
    Refused {
        /// Stripe's code, such as [`UNKNOWN_PAYMENT_METHOD`] or `payment_intent_unexpected_state`.
        code: String,
        /// The gateway's explanation.
        message: String,
    },
}

/// Takes money. Amounts come from the log, never from a client.
#[async_trait]
pub trait PaymentGateway: Send + Sync + 'static {
    /// The intent of a booking, created on the first call. Key: the booking.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn create(&self, booking: BookingId, amount: Money) -> Result<Intent, GatewayFault>;

    /// Tries a payment method. A decline is an answer (see [`Intent::last_decline`]), not a fault.
    /// Key: the booking and the attempt.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn confirm(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
    ) -> Result<Intent, GatewayFault>;

    /// The intent as it is now.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault>;

    /// Takes the reserved money, all of it. Key: the booking.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault>;

    /// Cancels the reservation; succeeds if it is already cancelled. Key: the booking.
    ///
    /// # Errors
    /// [`GatewayFault`]; `Refused` if it was captured.
    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault>;

    /// Returns all that was captured. Key: the booking.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn refund(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault>;
}
