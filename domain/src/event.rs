//! All events. An [`Event`] is a fact in the log: it is never changed or removed, only followed by
//! others.
//!
//! An event is stored as JSON under its variant's name (see [`crate::codec`]); the files in
//! `domain/golden` keep that form from changing. To add an event: write its struct in the file of the
//! stream that it belongs to, add its name to the list below, add a golden file, and say what it
//! does in the `evolve` of its aggregate, in the audit, in [`SeatState`](crate::SeatState) if buyers
//! see it on a seat, and in the kinds of messages to the shop if the shop should hear of it. "A new
//! type of event" in docs/EVENTS.md is the whole list, and says what older nodes do.

use crate::ids::BookingId;

mod after_sales;
mod block;
mod booking;
mod delivery;
mod discount;
mod loyalty;
mod operations;
mod picture;
mod plan;
mod seat;
mod show;
mod ticket;
mod voucher;

pub use after_sales::*;
pub use block::*;
pub use booking::*;
pub use delivery::*;
pub use discount::*;
pub use loyalty::*;
pub use operations::*;
pub use picture::*;
pub use plan::*;
pub use seat::*;
pub use show::*;
pub use ticket::*;
pub use voucher::*;

macro_rules! events {
    ($($name:ident),* $(,)?) => {
        /// Any event of lastseat.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event {
            $(#[doc = concat!("See [`struct@", stringify!($name), "`].")] $name($name),)*
        }

        impl Event {
            /// The event type under which the log stores it.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// The names of all events.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The body as JSON text.
            ///
            /// # Errors
            /// Only if the serializer fails, which these types never cause.
            pub fn to_json(&self) -> serde_json::Result<String> {
                match self { $(Self::$name(body) => serde_json::to_string(body),)* }
            }

            /// Reads the body of an event of the current schema version. `None` if lastseat has no
            /// event of this name.
            ///
            /// # Errors
            /// The body isn't the JSON of this event.
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
    ShowRevised,
    SalesPaused,
    SalesResumed,
    ShowCancelled,
    ShowRefundsRequested,
    // plan
    PlanDrawn,
    // picture
    ShowPictured,
    ShowPictureRemoved,
    // seat
    SeatLocked,
    SeatReleased,
    SeatBooked,
    SeatBlocked,
    SeatUnblocked,
    // block
    BlockOpened,
    BlockLifted,
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
    PaymentReviewed,
    RefundRequested,
    PaymentRefunded,
    PaymentReturnedElsewhere,
    VoucherApplied,
    VoucherRemoved,
    ExchangeRequested,
    BookingExchanged,
    ExchangeAbandoned,
    BookingTransferred,
    PartialRefundRequested,
    PaymentPartlyRefunded,
    // loyalty
    PointsEarned,
    PointsRevoked,
    VoucherIssued,
    VoucherRevoked,
    VoucherRedeemed,
    // voucher
    VoucherCreated,
    VoucherReserved,
    VoucherFreed,
    VoucherUsed,
    VoucherWithdrawn,
    GoodsHandedOver,
    // ticket
    TicketReissued,
    TicketAdmitted,
    TicketLeft,
    TicketScannedOffline,
    // campaign
    CampaignStarted,
    CampaignCompleted,
    CampaignEndRequested,
    CampaignEnded,
    // webhook
    DeliveriesCheckpointed,
    DeliveryAbandoned,
    DeliveriesReplayed,
    // operations
    LossAccepted,
);

impl Event {
    /// The booking that an event of a booking's stream belongs to; `None` for all other events.
    #[must_use]
    pub fn booking(&self) -> Option<BookingId> {
        Some(match self {
            Self::BookingOpened(e) => e.booking,
            Self::HoldExtended(e) => e.booking,
            Self::PaymentStarted(e) => e.booking,
            Self::PaymentActionRequired(e) => e.booking,
            Self::PaymentDeclined(e) => e.booking,
            Self::PaymentAuthorised(e) => e.booking,
            Self::BookingCommitted(e) => e.booking,
            Self::PaymentCaptured(e) => e.booking,
            Self::BookingAborted(e) => e.booking,
            Self::PaymentVoided(e) => e.booking,
            Self::PaymentFlagged(e) => e.booking,
            Self::PaymentReviewed(e) => e.booking,
            Self::RefundRequested(e) => e.booking,
            Self::PaymentRefunded(e) => e.booking,
            Self::PaymentReturnedElsewhere(e) => e.booking,
            Self::VoucherApplied(e) => e.booking,
            Self::VoucherRemoved(e) => e.booking,
            Self::ExchangeRequested(e) => e.booking,
            Self::BookingExchanged(e) => e.booking,
            Self::ExchangeAbandoned(e) => e.booking,
            Self::BookingTransferred(e) => e.booking,
            Self::PartialRefundRequested(e) => e.booking,
            Self::PaymentPartlyRefunded(e) => e.booking,
            _ => return None,
        })
    }
}
