//! The rules of one seat: free, locked by a booking, or booked.
//!
//! A seat never expires by itself: it is released only after its booking has ended. So confirming and
//! expiring compete for one revision of the booking's stream, and never here.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{AbortReason, Event, SeatBooked, SeatLocked, SeatReleased};
use crate::ids::{BookingId, BuyerId, SeatId, ShowId};
use crate::rejection::Rejection;
use crate::seat_state::SeatState;
use crate::stream_name::StreamName;

/// A seat, as its events describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Seat {
    /// It can be locked.
    #[default]
    Free,
    /// Held by a booking.
    Locked {
        /// The owner.
        booking: BookingId,
        /// When the hold ends unless it is extended or paid for. For display, not for decisions.
        expires_at: Timestamp,
    },
    /// Sold.
    Booked {
        /// The owner.
        booking: BookingId,
    },
}

impl Seat {
    /// The booking that owns it.
    #[must_use]
    pub fn owner(&self) -> Option<BookingId> {
        match self {
            Self::Free => None,
            Self::Locked { booking, .. } | Self::Booked { booking } => Some(*booking),
        }
    }
}

/// Identifies a seat among those of all shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SeatKey {
    /// The show that it is sold for.
    pub show: ShowId,
    /// The seat, unique within the show.
    pub seat: SeatId,
}

impl Decider for Seat {
    type Id = SeatKey;
    type State = Self;
    type Command = SeatCommand;

    const LAST_EVENT_SUFFICES: bool = true;

    fn stream(id: &SeatKey) -> StreamName {
        StreamName::seat(&id.show, &id.seat)
    }

    fn initial() -> Self {
        Self::Free
    }

    fn decide(id: &SeatKey, state: &Self, command: SeatCommand) -> Result<Vec<Event>, Rejection> {
        decide(&id.seat, state, command)
    }

    fn evolve(state: Self, event: &Event, _at: Timestamp) -> Self {
        evolve(state, event)
    }
}

/// What can be requested of a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeatCommand {
    /// Give it to a booking until that booking ends.
    Lock {
        /// The booking.
        booking: BookingId,
        /// The buyer.
        buyer: BuyerId,
        /// Minor units, from the show's plan.
        price: i64,
        /// End of the hold.
        expires_at: Timestamp,
    },
    /// Its booking is committed: sell it.
    Book {
        /// The booking.
        booking: BookingId,
    },
    /// Its booking has ended: release it.
    Release {
        /// The booking.
        booking: BookingId,
        /// Why it has ended.
        reason: AbortReason,
    },
}

/// See [`Decider::decide`]. `seat` is named in rejections.
///
/// # Errors
/// `SeatUnavailable` for locking a seat that another booking owns; `NotOwner` for booking a seat that
/// the booking doesn't own; `OutOfOrder` for releasing a sold seat for a reason that can't follow a
/// sale.
pub fn decide(seat: &SeatId, state: &Seat, command: SeatCommand) -> Result<Vec<Event>, Rejection> {
    match (state, command) {
        (Seat::Free, SeatCommand::Lock { booking, buyer, price, expires_at }) => {
            Ok(vec![SeatLocked { booking, buyer, price, expires_at }.into()])
        }
        (Seat::Locked { booking: owner, .. } | Seat::Booked { booking: owner }, SeatCommand::Lock { booking, .. })
            if *owner == booking =>
        {
            Ok(vec![])
        }
        (Seat::Locked { expires_at, .. }, SeatCommand::Lock { .. }) => Err(Rejection::SeatUnavailable {
            seat: seat.clone(),
            state: SeatState::Locked,
            free_at: Some(*expires_at),
            position: None,
        }),
        (Seat::Booked { .. }, SeatCommand::Lock { .. }) => {
            Err(Rejection::SeatUnavailable { seat: seat.clone(), state: SeatState::Booked, free_at: None, position: None })
        }

        (Seat::Locked { booking: owner, .. }, SeatCommand::Book { booking }) if *owner == booking => {
            Ok(vec![SeatBooked { booking }.into()])
        }
        (Seat::Booked { booking: owner }, SeatCommand::Book { booking }) if *owner == booking => Ok(vec![]),
        (_, SeatCommand::Book { .. }) => Err(Rejection::NotOwner { seat: seat.clone() }),

        (Seat::Booked { booking: owner }, SeatCommand::Release { booking, reason })
            if *owner == booking && !matches!(reason, AbortReason::CaptureFailed | AbortReason::Refunded) =>
        {
            Err(Rejection::OutOfOrder { step: "Releasing a sold seat without a refund" })
        }
        (Seat::Locked { booking: owner, .. } | Seat::Booked { booking: owner }, SeatCommand::Release { booking, reason })
            if *owner == booking =>
        {
            Ok(vec![SeatReleased { booking, reason }.into()])
        }
        // The booking doesn't own the seat. It has nothing to release, and must not release what
        // another booking owns.
        (_, SeatCommand::Release { .. }) => Ok(vec![]),
    }
}

/// See [`Decider::evolve`].
#[must_use]
pub fn evolve(state: Seat, event: &Event) -> Seat {
    match event {
        Event::SeatLocked(e) => Seat::Locked { booking: e.booking, expires_at: e.expires_at },
        Event::SeatBooked(e) => Seat::Booked { booking: e.booking },
        Event::SeatReleased(_) => Seat::Free,
        _ => state,
    }
}
