//! The rules of one seat: free, locked by a booking, booked, or blocked.
//!
//! A seat never expires by itself: it is released only after its booking has ended. So confirming and
//! expiring compete for one revision of the booking's stream, and never here. In the same way it leaves a block only
//! after the block was lifted, or for a booking that names the block: then it returns there when that booking ends.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{AbortReason, Event, SeatBlocked, SeatBooked, SeatLocked, SeatReleased, SeatUnblocked};
use crate::ids::{BlockId, BookingId, BuyerId, SeatId, ShowId};
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
        /// The block that it returns to.
        block: Option<BlockId>,
    },
    /// Sold.
    Booked {
        /// The owner.
        booking: BookingId,
        /// The block that it returns to.
        block: Option<BlockId>,
    },
    /// Out of the open sale.
    Blocked {
        /// The block that has it.
        block: BlockId,
    },
}

impl Seat {
    /// The booking that owns it.
    #[must_use]
    pub fn owner(&self) -> Option<BookingId> {
        match self {
            Self::Free | Self::Blocked { .. } => None,
            Self::Locked { booking, .. } | Self::Booked { booking, .. } => Some(*booking),
        }
    }

    /// Why another booking, or a block, can't have it.
    fn refusal(&self, seat: &SeatId) -> Rejection {
        let (state, free_at) = match self {
            Self::Free => (SeatState::Available, None),
            Self::Locked { expires_at, .. } => (SeatState::Locked, Some(*expires_at)),
            Self::Booked { .. } => (SeatState::Booked, None),
            Self::Blocked { .. } => (SeatState::Unavailable, None),
        };
        Rejection::SeatUnavailable { seat: seat.clone(), state, free_at, position: None }
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
        /// Blocks that the booking may buy from.
        blocks: Vec<BlockId>,
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
    /// Take it out of the open sale.
    Block {
        /// The block.
        block: BlockId,
    },
    /// Its block was lifted, or was opened without it: put it back on sale.
    Unblock {
        /// The block.
        block: BlockId,
    },
}

/// See [`Decider::decide`]. `seat` is named in rejections.
///
/// # Errors
/// `SeatUnavailable` for locking a seat that another booking owns or a block has, and for blocking a seat that is not
/// free; `NotOwner` for booking a seat that the booking doesn't own; `OutOfOrder` for releasing a sold seat for a
/// reason that can't follow a sale.
pub fn decide(seat: &SeatId, state: &Seat, command: SeatCommand) -> Result<Vec<Event>, Rejection> {
    match (state, command) {
        (Seat::Free, SeatCommand::Lock { booking, buyer, price, expires_at, .. }) => {
            Ok(vec![SeatLocked { booking, buyer, price, expires_at, block: None }.into()])
        }
        (Seat::Blocked { block }, SeatCommand::Lock { booking, buyer, price, expires_at, blocks }) if blocks.contains(block) => {
            Ok(vec![SeatLocked { booking, buyer, price, expires_at, block: Some(*block) }.into()])
        }
        (_, SeatCommand::Lock { booking, .. }) if state.owner() == Some(booking) => Ok(vec![]),
        (_, SeatCommand::Lock { .. }) => Err(state.refusal(seat)),

        (Seat::Locked { booking: owner, block, .. }, SeatCommand::Book { booking }) if *owner == booking => {
            Ok(vec![SeatBooked { booking, block: *block }.into()])
        }
        (Seat::Booked { booking: owner, .. }, SeatCommand::Book { booking }) if *owner == booking => Ok(vec![]),
        (_, SeatCommand::Book { .. }) => Err(Rejection::NotOwner { seat: seat.clone() }),

        (Seat::Booked { booking: owner, .. }, SeatCommand::Release { booking, reason })
            if *owner == booking
                && !matches!(reason, AbortReason::CaptureFailed | AbortReason::Refunded | AbortReason::Exchanged) =>
        {
            Err(Rejection::OutOfOrder { step: "Releasing a sold seat without a refund" })
        }
        (
            Seat::Locked { booking: owner, block, .. } | Seat::Booked { booking: owner, block },
            SeatCommand::Release { booking, reason },
        ) if *owner == booking => Ok(vec![SeatReleased { booking, reason, block: *block }.into()]),
        // The booking doesn't own the seat. It has nothing to release, and must not release what
        // another booking owns.
        (_, SeatCommand::Release { .. }) => Ok(vec![]),

        (Seat::Free, SeatCommand::Block { block }) => Ok(vec![SeatBlocked { block }.into()]),
        (Seat::Blocked { block: has }, SeatCommand::Block { block }) if *has == block => Ok(vec![]),
        (_, SeatCommand::Block { .. }) => Err(state.refusal(seat)),
        (Seat::Blocked { block: has }, SeatCommand::Unblock { block }) if *has == block => {
            Ok(vec![SeatUnblocked { block }.into()])
        }
        // A booking has it, and it returns to the block later; or it is not in this block.
        (_, SeatCommand::Unblock { .. }) => Ok(vec![]),
    }
}

/// See [`Decider::evolve`].
#[must_use]
pub fn evolve(state: Seat, event: &Event) -> Seat {
    match event {
        Event::SeatLocked(e) => Seat::Locked { booking: e.booking, expires_at: e.expires_at, block: e.block },
        Event::SeatBooked(e) => Seat::Booked { booking: e.booking, block: e.block },
        Event::SeatReleased(e) => e.block.map_or(Seat::Free, |block| Seat::Blocked { block }),
        Event::SeatBlocked(e) => Seat::Blocked { block: e.block },
        Event::SeatUnblocked(_) => Seat::Free,
        _ => state,
    }
}
