//! The payment gateway, in Stripe's terms: one PaymentIntent a booking, captured by hand.
//!
//! Every call that changes something carries an idempotency key: the same key gets the first call's
//! answer again and has no second effect. Adapters take the keys from
//! [`idempotency_keys`](super::idempotency_keys), so no caller can invent one.
//!
//! What a new payment provider needs is listed in docs/ARCHITECTURE.md, "Where to look".

use crate::Timestamp;
use crate::ids::{BookingId, IntentId, SeatId, ShowId};
use crate::money::Money;
use crate::secret::Secret;
use async_trait::async_trait;
use std::time::Duration;

mod notification;

pub use notification::Notification;

/// Code of a refusal: the gateway does not know the payment method.
pub const UNKNOWN_PAYMENT_METHOD: &str = "resource_missing";

/// Code of a decline for which the gateway gives no reason.
pub const DECLINED: &str = "card_declined";

/// What a booking's intent is created for. All of it comes from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOrder {
    /// The booking.
    pub booking: BookingId,
    /// What is charged.
    pub amount: Money,
    /// The show, for the people who look at the gateway's own pages.
    pub show: ShowId,
    /// The seats, likewise.
    pub seats: Vec<SeatId>,
}

/// What the buyer has to do before the payment can go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextAction {
    /// Visit this page of their bank.
    Redirect {
        /// Its address.
        url: String,
    },
    /// Choose a method, or finish, in the gateway's own form in their browser, which needs the intent's
    /// client secret.
    ConfirmClientSide,
}

/// Code of a refusal: the idempotency key was used for a request with other parameters.
pub const IDEMPOTENCY_ERROR: &str = "idempotency_error";

/// State of an intent. Names are Stripe's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntentStatus {
    /// Created, or the last method was declined.
    RequiresPaymentMethod,
    /// The buyer has to confirm with their bank first.
    RequiresAction(NextAction),
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
    /// The booking that the intent's metadata name. `None` if they name none: people can clear them at the gateway.
    pub booking: Option<BookingId>,
    /// What it is for.
    pub amount: Money,
    /// Its state.
    pub status: IntentStatus,
    /// Code of the last decline ([`DECLINED`], `insufficient_funds`, …) while
    /// `RequiresPaymentMethod` after one.
    pub last_decline: Option<String>,
    /// With it the buyer's browser can confirm the intent. It never enters the log.
    pub client_secret: Option<Secret>,
    /// Until when an authorisation can be captured, where the gateway says so.
    pub capture_before: Option<Timestamp>,
    /// Minor units taken so far.
    pub captured: i64,
    /// Minor units returned so far.
    pub refunded: i64,
}

impl Intent {
    /// Whether nothing contradicts that it is this booking's. The caller has the intent's id from the booking's own
    /// events, or has just created it, so metadata that name no booking are no contradiction.
    #[must_use]
    pub fn fits(&self, booking: BookingId) -> bool {
        self.booking.is_none_or(|named| named == booking)
    }
}

/// The gateway didn't do it, or it is unknown whether it did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayFault {
    /// Certainly not done; the same call may be repeated.
    #[error("the payment gateway is unavailable: {0}")]
    Unavailable(String),
    /// Certainly not done, and nothing was sent: the gateway has failed to do it just now. A call before the end of this
    /// time sends nothing either.
    #[error("the payment gateway failed; this is tried again in {} s at the earliest", wait.as_secs() + 1)]
    Paused {
        /// How long the pause still lasts.
        wait: Duration,
    },
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

/// Takes money. Amounts come from the log, never from a client. Each call that changes something has an idempotency
/// key of [`idempotency_keys`](super::idempotency_keys), so it may be repeated.
#[async_trait]
pub trait PaymentGateway: Send + Sync + 'static {
    /// The intent of a booking, created on the first call.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault>;

    /// Tries a payment method. A decline is an answer (see [`Intent::last_decline`]), not a fault.
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

    /// Tries a payment method, and has the bank's page send the buyer to `return_url` afterwards. A gateway without such
    /// pages of its own tries the method.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn confirm_returning_to(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
        return_url: &str,
    ) -> Result<Intent, GatewayFault>;

    /// The intent as it is now.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault>;

    /// Takes the reserved money, all of it.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault>;

    /// Cancels the reservation; succeeds if it is already cancelled.
    ///
    /// # Errors
    /// [`GatewayFault`]; `Refused` if it was captured.
    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault>;

    /// Returns `amount` of what was captured. `number` counts the booking's refunds from 1.
    ///
    /// # Errors
    /// [`GatewayFault`]; `Refused` if that much is not left.
    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault>;

    /// How long a new payment would wait for its turn within the gateway's rate limits.
    fn queue_delay(&self) -> Duration {
        Duration::ZERO
    }
}

/// An intent as the gateway lists it, created by lastseat or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRecord {
    /// Its name.
    pub intent: IntentId,
    /// The booking in its metadata; `None` if lastseat did not create it.
    pub booking: Option<BookingId>,
    /// What it is for.
    pub amount: Money,
    /// Its state.
    pub status: IntentStatus,
    /// Minor units taken.
    pub captured: i64,
    /// Minor units returned.
    pub refunded: i64,
    /// Whether the buyer disputes the charge at their bank. In a list, `Open` also where it is decided: see
    /// [`PaymentRecords::dispute`].
    pub dispute: Dispute,
    /// When it was created.
    pub created: Timestamp,
}

/// An intent that the gateway lists and that can't be understood, such as one with a status that was added later. What
/// is not known of it says nothing about its money.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnreadableRecord {
    /// Its name; `None` if even that can't be read.
    pub intent: Option<IntentId>,
    /// The booking in its metadata, if that can be read.
    pub booking: Option<BookingId>,
    /// What can't be understood.
    pub why: String,
}

impl UnreadableRecord {
    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        self.intent.as_ref().map_or("(no id)", IntentId::as_str)
    }
}

/// The buyer's dispute of a charge at their bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dispute {
    /// There is none, or the shop has won it: the money is the shop's.
    #[default]
    None,
    /// It is still to be decided.
    Open,
    /// The shop has lost it: the bank has given the money back to the buyer.
    Lost,
}

/// Part of the list of a gateway's intents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPage {
    /// Newest first.
    pub records: Vec<PaymentRecord>,
    /// Those between them that can't be understood. The caller reports them.
    pub unreadable: Vec<UnreadableRecord>,
    /// The `before` of the next page; `None` if no older ones follow.
    pub next: Option<IntentId>,
}

/// A refund as the gateway has it on record, be it ours or one made by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundRecord {
    /// Which of its booking's refunds it is; `None` if lastseat did not make it.
    pub number: Option<u32>,
    /// Whether no money went back.
    pub failed: bool,
}

/// What the gateway has on record, for reconciliation.
#[async_trait]
pub trait PaymentRecords: Send + Sync + 'static {
    /// At most 100 intents, newest first: those created before `before`, or the newest of all. One that can't be
    /// understood is reported as such and does not keep the others from being listed.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn list(&self, before: Option<&IntentId>) -> Result<RecordPage, GatewayFault>;

    /// All refunds of an intent, those that failed included.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn refunds(&self, intent: &IntentId) -> Result<Vec<RefundRecord>, GatewayFault>;

    /// How the disputes of an intent's charge stand: `Lost` if one was lost, else `Open` if one is to be decided.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn dispute(&self, intent: &IntentId) -> Result<Dispute, GatewayFault>;
}
