//! What can happen. An [`Event`] is a fact in the log; it is never changed and never taken back,
//! only followed by another.
//!
//! Stored as JSON under its variant's name (see [`crate::codec`]); the golden files in
//! `domain/golden` freeze that form.

use crate::Timestamp;
use crate::ids::{BookingId, BuyerId, CategoryId, IntentId, SeatId, ShowId, VoucherId};
use crate::money::{Currency, Money};
use crate::show::{Area, Reward};
use serde::{Deserialize, Serialize};

macro_rules! events {
    ($($name:ident),* $(,)?) => {
        /// Every fact that lastseat records, by the name it is stored under.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event {
            $(#[doc = concat!("See [`struct@", stringify!($name), "`].")] $name($name),)*
        }

        impl Event {
            /// The name that the event is stored under.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// All names, in the order of this file.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The body as JSON text.
            ///
            /// # Errors
            /// Only if the serializer fails, which for these types means out of memory.
            pub fn to_json(&self) -> serde_json::Result<String> {
                match self { $(Self::$name(body) => serde_json::to_string(body),)* }
            }

            /// Reads the body of an event of the current schema version.
            ///
            /// # Errors
            /// `None` inside if the name is not ours; `Err` if the body does not have its form.
            pub fn from_json(name: &str, body: &str) -> serde_json::Result<Option<Self>> {
                match name {
                    $(stringify!($name) => serde_json::from_str(body).map(|b| Some(Self::$name(b))),)*
                    _ => Ok(None),
                }
            }
        }

        $(impl From<$name> for Event {
            fn from(body: $name) -> Self { Self::$name(body) }
        })*
    };
}

events!(
    // show
    ShowScheduled,
    SalesPaused,
    SalesResumed,
    ShowCancelled,
    // seat
    SeatLocked,
    SeatReleased,
    SeatBooked,
    // booking
    BookingOpened,
    HoldExtended,
    PaymentStarted,
    PaymentActionRequired,
    PaymentDeclined,
    PaymentAuthorised,
    BookingCommitted,
    PaymentCaptured,
    BookingAborted,
    PaymentVoided,
    PaymentFlagged,
    RefundRequested,
    PaymentRefunded,
    // loyalty
    PointsEarned,
    PointsRevoked,
    VoucherIssued,
    VoucherRevoked,
    VoucherRedeemed,
);

/// A show goes on sale: its plan, its prices, its limits. Nothing of it changes later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowScheduled {
    /// The show.
    pub show: ShowId,
    /// What people call it.
    pub title: String,
    /// Currency of every price.
    pub currency: Currency,
    /// Price of one seat in minor units, by category.
    pub categories: Vec<Category>,
    /// Rows of labelled seats, and unlabelled areas.
    pub areas: Vec<Area>,
    /// Most seats in one booking.
    pub max_seats_per_booking: u32,
    /// Most seats, held and booked together, of one buyer; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seats_per_buyer: Option<u32>,
    /// Seconds a hold lasts; an extension, allowed once, adds as many again.
    pub hold_seconds: u32,
    /// First moment of the sale; open at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_opens_at: Option<Timestamp>,
    /// First moment after the sale; never ends if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_closes_at: Option<Timestamp>,
    /// What a booking of three or more seats may win. Empty: no such vouchers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewards: Vec<Reward>,
}

/// A price category of a show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its id.
    pub category: CategoryId,
    /// Price of one seat, minor units.
    pub price: i64,
}

/// No new holds until resumed; bookings already open go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesPaused {
    /// The show.
    pub show: ShowId,
}

/// Holds are taken again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesResumed {
    /// The show.
    pub show: ShowId,
}

/// The show will not take place. No more holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowCancelled {
    /// The show.
    pub show: ShowId,
}

/// A booking has a seat to itself until the booking ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatLocked {
    /// The owner.
    pub booking: BookingId,
    /// Who is buying.
    pub buyer: BuyerId,
    /// Price in minor units of the show's currency, from the show's plan.
    pub price: i64,
    /// When the booking's hold ends unless extended or paid. For people: the seat itself does not
    /// expire, the booking does.
    pub expires_at: Timestamp,
}

/// A seat is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatReleased {
    /// Who had it.
    pub booking: BookingId,
    /// Why.
    pub reason: AbortReason,
}

/// A seat is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatBooked {
    /// The owner.
    pub booking: BookingId,
}

/// A seat and its price at the time of the hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedSeat {
    /// The seat.
    pub seat: SeatId,
    /// Minor units.
    pub price: i64,
}

/// What a caller's idempotent request looked like, so that its repeat is known after a restart.
/// Both are hashes: nothing that the caller sent is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFingerprint {
    /// Hash of caller and idempotency key.
    pub key: String,
    /// Hash of the body.
    pub body: String,
}

/// A hold: seats, price and deadline are fixed from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingOpened {
    /// The booking.
    pub booking: BookingId,
    /// The show.
    pub show: ShowId,
    /// Who is buying.
    pub buyer: BuyerId,
    /// The seats in sorted order, and their prices.
    pub seats: Vec<PricedSeat>,
    /// Sum of the prices.
    pub amount: Money,
    /// When the hold ends unless extended or paid.
    pub expires_at: Timestamp,
    /// The request, if it carried an idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestFingerprint>,
}

/// The hold lasts longer. At most once for a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldExtended {
    /// The booking.
    pub booking: BookingId,
    /// The new deadline.
    pub expires_at: Timestamp,
}

/// The gateway is about to be asked. Written before it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentStarted {
    /// The booking.
    pub booking: BookingId,
    /// From 1; every confirmation of the intent has a number of its own.
    pub attempt: u32,
    /// The gateway's name for the payment method.
    pub payment_method: String,
    /// The request, if it carried an idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestFingerprint>,
}

/// The buyer has to do something at their bank (3-D Secure) before the payment can go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentActionRequired {
    /// The booking.
    pub booking: BookingId,
    /// Which attempt.
    pub attempt: u32,
    /// The gateway's intent.
    pub intent: IntentId,
    /// Where to send the buyer.
    pub url: String,
}

/// The gateway said no; the hold lives on, another method may be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentDeclined {
    /// The booking.
    pub booking: BookingId,
    /// Which attempt.
    pub attempt: u32,
    /// The gateway's intent, if it got as far as having one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<IntentId>,
    /// The gateway's code, such as `card_declined`.
    pub code: String,
}

/// The money is reserved, not yet taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentAuthorised {
    /// The booking.
    pub booking: BookingId,
    /// Which attempt.
    pub attempt: u32,
    /// The gateway's intent.
    pub intent: IntentId,
    /// What the gateway reserved; equals the booking's amount.
    pub amount: Money,
}

/// The decision: these seats are this buyer's. Everything after it is rolled forward.
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
    /// The gateway's intent.
    pub intent: IntentId,
    /// What was taken; equals the booking's amount.
    pub amount: Money,
}

/// Why a booking ended without seats, or a seat was freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbortReason {
    /// The hold's time was over.
    Expired,
    /// The buyer cancelled.
    Cancelled,
    /// Another booking had one of the seats.
    SeatLost,
    /// Seats were locked but the booking never opened (a crash in between); closed by the recoverer.
    Fenced,
    /// Committed, but the gateway's authorisation was gone when it came to capture.
    CaptureFailed,
    /// The show was cancelled.
    ShowCancelled,
    /// Confirmed, then given back by an admin. Seats only: the booking ends with `PaymentRefunded`.
    Refunded,
}

/// The booking is over without a sale, for ever; its seats are to be freed, its intent cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingAborted {
    /// The booking.
    pub booking: BookingId,
    /// Why.
    pub reason: AbortReason,
}

/// The intent of an aborted booking is cancelled: the buyer was not charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentVoided {
    /// The booking.
    pub booking: BookingId,
    /// The gateway's intent.
    pub intent: IntentId,
}

/// lastseat can't find out what became of the payment; a person has to look at the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFlagged {
    /// The booking.
    pub booking: BookingId,
    /// What is not known, for people.
    pub reason: String,
}

/// An admin wants a confirmed booking undone. Written before the gateway is asked, so that a crash
/// in between is rolled forward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRequested {
    /// The booking.
    pub booking: BookingId,
    /// Subject of the admin's token.
    pub by: String,
}

/// The money went back. The seats follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRefunded {
    /// The booking.
    pub booking: BookingId,
    /// The gateway's intent.
    pub intent: IntentId,
    /// What was returned; equals what was captured.
    pub amount: Money,
}

/// A confirmed booking was counted on the buyer's loyalty account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsEarned {
    /// The booking that was counted.
    pub booking: BookingId,
    /// Its show.
    pub show: ShowId,
    /// Seats of the booking.
    pub seats: u32,
    /// Points for them.
    pub points: u32,
}

/// A counted booking was refunded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsRevoked {
    /// The booking.
    pub booking: BookingId,
    /// Seats no longer counted.
    pub seats: u32,
    /// Points taken back.
    pub points: u32,
}

/// What a voucher was issued for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoucherCause {
    /// A booking of three or more seats.
    Booking,
    /// Every ten seats over time.
    Milestone,
}

/// A reward, issued once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherIssued {
    /// The voucher; derived from booking and cause, so a replay issues the same.
    pub voucher: VoucherId,
    /// Whose payment led to it.
    pub booking: BookingId,
    /// Who owns it.
    pub buyer: BuyerId,
    /// What for.
    pub cause: VoucherCause,
    /// What it is good for, from the show's reward table.
    pub reward: String,
}

/// A voucher was taken back, unredeemed, because its booking was refunded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherRevoked {
    /// The voucher.
    pub voucher: VoucherId,
    /// The refunded booking.
    pub booking: BookingId,
}

/// A voucher was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherRedeemed {
    /// The voucher.
    pub voucher: VoucherId,
}
