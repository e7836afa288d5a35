//! Who reads what a payment gateway reports, and what that leads to.

use async_trait::async_trait;
use lastseat_domain::ports::payments::{GatewayFault, Notification};
use lastseat_domain::{BookingId, IntentId, Timestamp};

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
