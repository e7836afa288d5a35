//! What the box office is asked, and what it answers.

use lastseat_domain::booking::Booking;
use lastseat_domain::event::RequestFingerprint;
use lastseat_domain::{AreaId, BookingId, BuyerId, CategoryId, SeatId, ShowId};

/// Which seats a hold is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeatSelection {
    /// These, all or none.
    Seats(Vec<SeatId>),
    /// Any of an unlabelled area.
    Any {
        /// The area.
        area: AreaId,
        /// How many.
        quantity: u32,
    },
    /// The best side by side in a category.
    BestAvailable {
        /// The category.
        category: CategoryId,
        /// How many.
        quantity: u32,
    },
}

impl SeatSelection {
    /// How many seats it asks for.
    #[must_use]
    pub fn quantity(&self) -> u64 {
        match self {
            Self::Seats(seats) => seats.len() as u64,
            Self::Any { quantity, .. } | Self::BestAvailable { quantity, .. } => u64::from(*quantity),
        }
    }
}

/// A hold that is asked for.
#[derive(Debug, Clone)]
pub struct HoldRequest {
    /// The booking to open: new, or [`BookingId::from_key`].
    pub booking: BookingId,
    /// The show.
    pub show: ShowId,
    /// Which seats.
    pub selection: SeatSelection,
    /// Who is buying.
    pub buyer: BuyerId,
    /// The request, if it carried an idempotency key.
    pub request: Option<RequestFingerprint>,
    /// The caller's W3C trace id, if there was one; goes into the events' metadata.
    pub trace: Option<String>,
}

/// An open booking.
#[derive(Debug, Clone)]
pub struct Hold {
    /// The booking.
    pub booking: Booking,
    /// Whether it was opened by an earlier request under the same idempotency key.
    pub replayed: bool,
}

/// A payment that is asked for.
#[derive(Debug, Clone)]
pub struct PayRequest {
    /// The gateway's name for the method; none to go on after the buyer acted at their bank.
    pub payment_method: Option<String>,
    /// The request, if it carried an idempotency key.
    pub request: Option<RequestFingerprint>,
    /// Subject of the caller.
    pub by: String,
    /// The caller's W3C trace id, if there was one; goes into the events' metadata.
    pub trace: Option<String>,
}

/// Where a payment stands. That it was declined is a rejection.
#[derive(Debug, Clone)]
pub enum Paid {
    /// Booked and paid.
    Confirmed(Booking),
    /// The buyer has to act at `url` first, then pay again without a method.
    ActionRequired {
        /// The booking.
        booking: Booking,
        /// Where.
        url: String,
    },
    /// The gateway has not answered yet; the booking goes on by itself.
    Pending(Booking),
}

/// How the engine is doing.
#[derive(Debug, Clone)]
pub struct Status {
    /// Whether it has read the whole log since it started.
    pub ready: bool,
    /// Commands under way.
    pub in_flight: usize,
    /// How far its own reading of the log is behind what it has written, in positions.
    pub lag: u64,
    /// Actors awake.
    pub actors: usize,
    /// Bookings that are held, being paid for, or still being cleared away.
    pub unfinished: usize,
    /// Whether the seat guard answers, as far as is known.
    pub guard_answers: bool,
    /// Times that the seat guard did not answer when it was needed, since the start.
    pub guard_failures: u64,
    /// Why it works with less than it should, in words; empty if all is well.
    pub degraded: Vec<String>,
}
