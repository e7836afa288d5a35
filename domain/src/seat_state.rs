//! The state of a seat as buyers and dashboards see it, and what each event changes about it.

use crate::event::Event;
use serde::{Deserialize, Serialize};

/// State of a seat as everybody may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatState {
    /// It can be held.
    Available,
    /// Held by a booking.
    Locked,
    /// Held by a booking whose payment is in progress.
    InProcess,
    /// Sold.
    Booked,
    /// Out of the open sale: blocked, for a reason that only staff may know.
    Unavailable,
}

impl SeatState {
    /// The name that the API uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Locked => "locked",
            Self::InProcess => "in_process",
            Self::Booked => "booked",
            Self::Unavailable => "unavailable",
        }
    }

    /// The state of a seat after an event of the seat's own stream; `None` for other events.
    #[must_use]
    pub fn after_seat_event(event: &Event) -> Option<Self> {
        match event {
            Event::SeatLocked(_) => Some(Self::Locked),
            Event::SeatBooked(_) => Some(Self::Booked),
            Event::SeatReleased(e) if e.block.is_some() => Some(Self::Unavailable),
            Event::SeatReleased(_) | Event::SeatUnblocked(_) => Some(Self::Available),
            Event::SeatBlocked(_) => Some(Self::Unavailable),
            _ => None,
        }
    }

    /// The state of all seats of a booking after an event of the booking's stream; `None` if the
    /// event doesn't change it.
    ///
    /// The buyer's confirmation with their bank is part of the payment. An aborted booking keeps its
    /// seats until each of them is released.
    #[must_use]
    pub fn after_booking_event(event: &Event) -> Option<Self> {
        match event {
            Event::PaymentStarted(_) => Some(Self::InProcess),
            Event::PaymentDeclined(_) => Some(Self::Locked),
            _ => None,
        }
    }
}
