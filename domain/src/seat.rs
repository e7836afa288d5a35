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
        /// The exchange that it is locked for; 0 for the hold that opened the booking.
        exchange: u32,
    },
    /// Sold.
    Booked {
        /// The owner.
        booking: BookingId,
        /// The block that it returns to.
        block: Option<BlockId>,
        /// The exchange that the booking has it by; 0 if it was opened with it.
        exchange: u32,
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
    /// Give it to a sold booking that is to be moved here.
    Take {
        /// The booking.
        booking: BookingId,
        /// The buyer.
        buyer: BuyerId,
        /// Minor units, as the exchange has it.
        price: i64,
        /// Until when that may take; only for display.
        expires_at: Timestamp,
        /// Blocks that it may be taken from.
        blocks: Vec<BlockId>,
        /// The number of the exchange.
        exchange: u32,
    },
    /// The exchange that it was taken for is decided: sell it.
    BookTaken {
        /// The booking.
        booking: BookingId,
        /// The number of the exchange.
        exchange: u32,
    },
    /// The booking has it no more: release it, if it has it by one of these exchanges. A slow worker may come to it
    /// when a later exchange has brought it back.
    GiveUp {
        /// The booking.
        booking: BookingId,
        /// Why.
        reason: AbortReason,
        /// The first and the last of them; 0 for the hold that opened the booking.
        by: (u32, u32),
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
            Ok(vec![SeatLocked { booking, buyer, price, expires_at, block: None, exchange: 0 }.into()])
        }
        (Seat::Blocked { block }, SeatCommand::Lock { booking, buyer, price, expires_at, blocks }) if blocks.contains(block) => {
            Ok(vec![SeatLocked { booking, buyer, price, expires_at, block: Some(*block), exchange: 0 }.into()])
        }
        (_, SeatCommand::Lock { booking, .. }) if state.owner() == Some(booking) => Ok(vec![]),
        (_, SeatCommand::Lock { .. }) => Err(state.refusal(seat)),

        (_, command @ (SeatCommand::Take { .. } | SeatCommand::BookTaken { .. } | SeatCommand::GiveUp { .. })) => {
            decide_exchange(seat, state, command)
        }

        // Not one that is locked for an exchange: a slow worker, to which the booking still is as it was sold, must not sell what
        // that exchange may yet give up.
        (Seat::Locked { booking: owner, block, exchange: 0, .. }, SeatCommand::Book { booking }) if *owner == booking => {
            Ok(vec![SeatBooked { booking, block: *block, exchange: 0 }.into()])
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
            Seat::Locked { booking: owner, block, .. } | Seat::Booked { booking: owner, block, .. },
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

/// What exchanges ask of a seat. Each names its number, because the same booking may give a seat up and take it again: what
/// one exchange has left never passes for a lock of the next, and a slow worker releases no seat that is back.
fn decide_exchange(seat: &SeatId, state: &Seat, command: SeatCommand) -> Result<Vec<Event>, Rejection> {
    match (state, command) {
        (Seat::Free, SeatCommand::Take { booking, buyer, price, expires_at, exchange, .. }) => {
            Ok(vec![SeatLocked { booking, buyer, price, expires_at, block: None, exchange }.into()])
        }
        (Seat::Blocked { block }, SeatCommand::Take { booking, buyer, price, expires_at, blocks, exchange })
            if blocks.contains(block) =>
        {
            Ok(vec![SeatLocked { booking, buyer, price, expires_at, block: Some(*block), exchange }.into()])
        }
        (
            Seat::Locked { booking: owner, exchange: by, .. } | Seat::Booked { booking: owner, exchange: by, .. },
            SeatCommand::Take { booking, exchange, .. },
        ) if *owner == booking && *by == exchange => Ok(vec![]),
        (_, SeatCommand::Take { .. }) => Err(state.refusal(seat)),

        (Seat::Locked { booking: owner, block, exchange: by, .. }, SeatCommand::BookTaken { booking, exchange })
            if *owner == booking && *by == exchange =>
        {
            Ok(vec![SeatBooked { booking, block: *block, exchange }.into()])
        }
        (Seat::Booked { booking: owner, exchange: by, .. }, SeatCommand::BookTaken { booking, exchange })
            if *owner == booking && *by == exchange =>
        {
            Ok(vec![])
        }
        (_, SeatCommand::BookTaken { .. }) => Err(Rejection::NotOwner { seat: seat.clone() }),

        (Seat::Locked { booking: owner, block, exchange, .. }, SeatCommand::GiveUp { booking, reason, by: (first, last) })
            if *owner == booking && (first..=last).contains(exchange) =>
        {
            Ok(vec![SeatReleased { booking, reason, block: *block }.into()])
        }
        // A sold seat is given up for a decided exchange, and for nothing else.
        (Seat::Booked { booking: owner, block, exchange }, SeatCommand::GiveUp { booking, reason, by: (first, last) })
            if *owner == booking && (first..=last).contains(exchange) && reason == AbortReason::Exchanged =>
        {
            Ok(vec![SeatReleased { booking, reason, block: *block }.into()])
        }
        _ => Ok(vec![]),
    }
}

/// See [`Decider::evolve`].
#[must_use]
pub fn evolve(state: Seat, event: &Event) -> Seat {
    match event {
        Event::SeatLocked(e) => {
            Seat::Locked { booking: e.booking, expires_at: e.expires_at, block: e.block, exchange: e.exchange }
        }
        Event::SeatBooked(e) => Seat::Booked { booking: e.booking, block: e.block, exchange: e.exchange },
        Event::SeatReleased(e) => e.block.map_or(Seat::Free, |block| Seat::Blocked { block }),
        Event::SeatBlocked(e) => Seat::Blocked { block: e.block },
        Event::SeatUnblocked(_) => Seat::Free,
        _ => state,
    }
}
