//! What a payment gateway reports, who reads it, and what it leads to.

use async_trait::async_trait;
use lastseat_domain::ports::payments::GatewayFault;
use lastseat_domain::{BookingId, IntentId, Timestamp};

/// A notification whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The gateway's name for it.
    pub id: String,
    /// What it is about, such as `payment_intent.amount_capturable_updated`.
    pub kind: String,
    pub intent: Option<IntentId>,
    pub booking: Option<BookingId>,
    /// Whether it says that a refund has failed: no money went back.
    pub refund_failed: bool,
}

/// Why a notification is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// The signature is missing, wrong or too old.
    Signature,
    /// It is signed, and no notification.
    Unreadable,
    /// It is about test payments, and this server takes real money, or the other way round.
    OtherMode,
    /// Too many are waiting.
    Busy,
}

/// Checks and reads the notifications of one gateway.
pub trait WebhookReader: Send + Sync + 'static {
    /// Reads a body, if its signature is right.
    ///
    /// # Errors
    /// [`NotTaken`].
    fn read(&self, signature: &str, body: &[u8], now: Timestamp) -> Result<Notification, NotTaken>;
}

/// What a notification leads to.
#[async_trait]
pub trait Payments: Send + Sync + 'static {
    /// The booking that an intent pays for: the one whose events name it. Only if none does, the one that the
    /// gateway's metadata name: `named` by the notification, or else asked for. People can change and clear those.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn booking_of(&self, intent: &IntentId, named: Option<BookingId>) -> Result<BookingId, GatewayFault>;

    /// Looks at a booking: asks the gateway, and goes on from there.
    async fn look_at(&self, booking: BookingId);
}
