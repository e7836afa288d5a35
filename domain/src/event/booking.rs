//! Events of a booking's stream: the hold, the payment, the decision and the refund.

use super::show::is_zero;
use crate::Timestamp;
use crate::access_code::AccessCodeHash;
use crate::ids::{BookingId, BuyerId, ChannelId, IntentId, PriceTypeId, SeatId, ShowId, VoucherHash};
use crate::money::Money;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A seat with its price at the time of the hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedSeat {
    /// The seat.
    pub seat: SeatId,
    /// Minor units of the show's currency.
    pub price: i64,
    /// Which of its category's prices this is; `None` if the category has one price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_type: Option<PriceTypeId>,
    /// The show's fee for this seat, in minor units; not part of `price`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fee: i64,
}

impl PricedSeat {
    /// A seat at the only price of its category, without a fee.
    #[must_use]
    pub fn new(seat: SeatId, price: i64) -> Self {
        Self { seat, price, price_type: None, fee: 0 }
    }
}

/// What the shop that sells wants to find a booking by. It stays in the log for ever, so it must not be
/// personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopData {
    /// The shop's own number of this sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Anything else, as names and values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl ShopData {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Hashes of a request with an `Idempotency-Key`, so that its repeat is recognised after a restart.
/// The key and the body themselves are not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFingerprint {
    /// Hash of the caller and the idempotency key.
    pub key: String,
    /// Hash of the body.
    pub body: String,
}

/// Seats are held. From here on the seats and their prices are fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingOpened {
    /// The booking.
    pub booking: BookingId,
    /// The show that all its seats are for.
    pub show: ShowId,
    /// Revision of the event in the show's stream that has the prices of this booking: `ShowScheduled` is 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub show_revision: u64,
    /// The buyer.
    pub buyer: BuyerId,
    /// The seats, sorted, with their prices.
    pub seats: Vec<PricedSeat>,
    /// The show's fee for a booking, in minor units.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fee: i64,
    /// Sum of prices and fees.
    pub amount: Money,
    /// When the hold ends unless it is extended or paid for.
    pub expires_at: Timestamp,
    /// Where it is sold; `None` for the show's open sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// Hash of the access code that it was held with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_code: Option<AccessCodeHash>,
    /// The voucher that it was held with, because that opens blocks. It is paid for with this voucher or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<VoucherHash>,
    /// What the shop that sells wants to find it by.
    #[serde(default, skip_serializing_if = "ShopData::is_empty")]
    pub shop: ShopData,
    /// The request, if it had an idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestFingerprint>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_first(revision: &u64) -> bool {
    *revision == 0
}

/// The hold lasts longer. At most once for a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldExtended {
    /// The booking.
    pub booking: BookingId,
    /// The new deadline.
    pub expires_at: Timestamp,
}

/// How a booking is paid for at the till: without the payment gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tender {
    /// Notes and coins, or the till's own card reader.
    Cash,
    /// A bill that the buyer pays later.
    Invoice,
    /// It is given away: nothing is charged.
    Complimentary,
}

/// The payment gateway is about to be called. Written before the call, so that a crash in between
/// is noticed. With a tender, staff have taken the payment themselves and no gateway is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentStarted {
    /// The booking.
    pub booking: BookingId,
    /// Number of this confirmation of the payment intent, from 1.
    pub attempt: u32,
    /// The gateway's name for the payment method; `None` if the buyer chooses one in the gateway's own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// How it is paid for at the till; `None` if the gateway takes the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tender: Option<Tender>,
    /// Where the bank's page sends the buyer afterwards, if the shop named a page. In the log because a repeat of the request to
    /// the gateway, by whichever node, must name the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
    /// The request, if it had an idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestFingerprint>,
}

/// The buyer has to act before the payment can go on: confirm it with their bank (3-D Secure), or finish it in
/// the gateway's own form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentActionRequired {
    /// The booking.
    pub booking: BookingId,
    /// The attempt that the gateway answered.
    pub attempt: u32,
    /// The booking's payment intent.
    pub intent: IntentId,
    /// The page where the buyer confirms; `None` for the gateway's own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The gateway declined. The hold goes on, and the buyer may try another payment method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentDeclined {
    /// The booking.
    pub booking: BookingId,
    /// The attempt that the gateway answered.
    pub attempt: u32,
    /// The booking's payment intent, if one was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<IntentId>,
    /// The gateway's code, such as `card_declined`.
    pub code: String,
}

/// The money is reserved, but not taken yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentAuthorised {
    /// The booking.
    pub booking: BookingId,
    /// The attempt that the gateway answered.
    pub attempt: u32,
    /// The booking's payment intent.
    pub intent: IntentId,
    /// What the gateway reserved; equals the booking's amount.
    pub amount: Money,
    /// Until when it can be taken, if the gateway says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_before: Option<Timestamp>,
}

/// The decision: the seats belong to this buyer. Everything that is still missing (marking the seats
/// as booked, taking the money) is completed, not undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingCommitted {
    /// The booking.
    pub booking: BookingId,
}

/// The money is taken. The booking is confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentCaptured {
    /// The booking.
    pub booking: BookingId,
    /// The booking's payment intent.
    pub intent: IntentId,
    /// What was taken; equals the booking's amount.
    pub amount: Money,
    /// Made with the event, so that nobody knew it before the payment: the booking's reward is drawn by it. Events of
    /// earlier versions have none, and theirs was drawn by the booking's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw: Option<Uuid>,
}

impl PaymentCaptured {
    /// What the booking's reward is drawn by.
    #[must_use]
    pub fn drawn_by(&self) -> Uuid {
        self.draw.unwrap_or(self.booking.0)
    }
}

/// Why a booking ended without seats, or why a seat was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbortReason {
    /// The hold's time ran out.
    Expired,
    /// The buyer cancelled.
    Cancelled,
    /// Another booking got one of the seats first.
    SeatLost,
    /// Seats were locked, but the booking never opened because of a crash. Recovery closed it.
    Fenced,
    /// Committed, but the gateway's authorisation was no longer valid when the money was to be taken.
    CaptureFailed,
    /// The show was cancelled.
    ShowCancelled,
    /// The booking was moved to other seats. Only on seats.
    Exchanged,
    /// Confirmed, then refunded. Only on seats: the booking itself ends with `PaymentRefunded` or
    /// `PaymentReturnedElsewhere`.
    Refunded,
}

/// The booking has ended without a sale, and this is final. Its seats are to be released and its
/// payment intent cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingAborted {
    /// The booking.
    pub booking: BookingId,
    /// Why.
    pub reason: AbortReason,
}

/// The payment intent of an aborted booking is cancelled: the buyer was not charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentVoided {
    /// The booking.
    pub booking: BookingId,
    /// The booking's payment intent.
    pub intent: IntentId,
}

/// lastseat can't find out the outcome of the payment. A person has to look at the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFlagged {
    /// The booking.
    pub booking: BookingId,
    /// What is unknown, for that person.
    pub reason: String,
}

/// What a person found out about a flagged payment. A third outcome has an event of its own,
/// [`PaymentReturnedElsewhere`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewOutcome {
    /// The cause is gone: the booking goes on where it stopped.
    Continue,
    /// The payment of the ended booking is settled at the gateway, by hand: nothing is left to cancel.
    Settled,
    /// The partial refund that the gateway refused is not made: the booking goes on with all its seats.
    Abandoned,
}

/// A person has looked at a flagged payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentReviewed {
    /// The booking.
    pub booking: BookingId,
    /// What follows from it.
    pub outcome: ReviewOutcome,
    /// What they found, in their words.
    pub reason: String,
    /// Subject of the manager's token.
    pub by: String,
}

/// Staff requested the refund of a confirmed booking. Written before the gateway is called, so
/// that the refund is completed after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRequested {
    /// The booking.
    pub booking: BookingId,
    /// Subject of the staff member's token.
    pub by: String,
}

/// The money was returned. The seats are released next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRefunded {
    /// The booking.
    pub booking: BookingId,
    /// The booking's payment intent.
    pub intent: IntentId,
    /// What was returned: what was taken and not returned in parts before.
    pub amount: Money,
}

/// A person has found out that the refund can't be made and that the buyer has the money back by another
/// way: their bank returned it after a dispute, or it was transferred. The seats are released next. After
/// [`PaymentRefunded`] they are already: that refund was accepted, and failed later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentReturnedElsewhere {
    /// The booking.
    pub booking: BookingId,
    /// What the buyer has back: what was taken and not returned in parts, or the amount of the partial refund.
    pub amount: Money,
    /// The number of the partial refund that it replaces: one that was refused, or was made and has failed since. `None`:
    /// the whole booking's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<u32>,
    /// How they got it, in the person's words.
    pub reason: String,
    /// Subject of the manager's token.
    pub by: String,
}
