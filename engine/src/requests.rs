//! What callers ask of the box office, and what it answers.

use crate::origin::Origin;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::RequestFingerprint;
use lastseat_domain::{AreaId, BookingId, BuyerId, CategoryId, SeatId, ShowId};

/// Which seats a hold is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeatSelection {
    /// These, all or none.
    Seats(Vec<SeatId>),
    /// Any of an unlabelled area.
    Any { area: AreaId, quantity: u32 },
    /// The best side by side in a category.
    BestAvailable { category: CategoryId, quantity: u32 },
}

impl SeatSelection {
    #[must_use]
    pub fn quantity(&self) -> u64 {
        match self {
            Self::Seats(seats) => seats.len() as u64,
            Self::Any { quantity, .. } | Self::BestAvailable { quantity, .. } => u64::from(*quantity),
        }
    }
}

#[derive(Debug, Clone)]
pub struct HoldRequest {
    /// The booking to open: new, or [`BookingId::from_key`].
    pub booking: BookingId,
    pub show: ShowId,
    pub selection: SeatSelection,
    pub buyer: BuyerId,
    /// The request, if it carried an idempotency key.
    pub fingerprint: Option<RequestFingerprint>,
    /// The caller's W3C trace id, if there was one.
    pub trace: Option<String>,
}

/// An open booking.
#[derive(Debug, Clone)]
pub struct Hold {
    pub booking: Booking,
    /// Whether an earlier request under the same idempotency key opened it.
    pub replayed: bool,
}

#[derive(Debug, Clone)]
pub struct PayRequest {
    /// The gateway's name for the method; none to go on after the buyer acted at their bank.
    pub payment_method: Option<String>,
    /// The request, if it carried an idempotency key.
    pub fingerprint: Option<RequestFingerprint>,
    pub origin: Origin,
}

/// State of a payment. A decline is a rejection.
#[derive(Debug, Clone)]
pub enum Paid {
    /// Booked and paid.
    Confirmed(Booking),
    /// The buyer has to act at `url` first, then pay again without a method.
    ActionRequired { booking: Booking, url: String },
    /// The gateway has not answered yet; the booking process goes on.
    Pending(Booking),
}
