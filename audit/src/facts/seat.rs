//! Seats and blocks of seats.

use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{AccessCodeHash, BlockId, BookingId, ChannelId, ShowId, Timestamp};

/// A seat.
#[derive(Debug, Default)]
pub(crate) struct SeatFact {
    pub owner: Option<Owner>,
    pub blocked: Option<Blocked>,
}

/// The block that a seat is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocked {
    pub block: BlockId,
    /// Since when and where.
    pub since: Timestamp,
    pub position: Position,
}

/// A block, as its own stream says.
#[derive(Debug, Default)]
pub(crate) struct BlockFact {
    pub opened: Option<BlockTerms>,
    pub lifted_at: Option<Timestamp>,
}

/// Which seats a block was opened with, and for whom.
#[derive(Debug)]
pub(crate) struct BlockTerms {
    pub show: ShowId,
    /// By the plan's index, sorted.
    pub seats: Box<[u32]>,
    pub channel: Option<ChannelId>,
    pub access_code: Option<AccessCodeHash>,
}

/// Who has a seat.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    pub booking: BookingId,
    pub booked: bool,
    /// The block that it was taken from.
    pub block: Option<BlockId>,
    /// The exchange that it has it by; 0 for the hold that opened it.
    pub exchange: u32,
    /// Deadline as the lock names it.
    pub expires_at: Timestamp,
    /// When and where it was locked.
    pub since: Timestamp,
    pub position: Position,
}

impl SeatFact {
    pub fn is_of(&self, booking: BookingId) -> bool {
        self.owner.is_some_and(|o| o.booking == booking)
    }

    pub fn is_sold_to(&self, booking: BookingId) -> bool {
        self.owner.is_some_and(|o| o.booking == booking && o.booked)
    }

    pub fn state_name(&self) -> &'static str {
        match self.owner {
            None if self.blocked.is_some() => "unavailable",
            None => "available",
            Some(Owner { booked: false, .. }) => "locked",
            Some(Owner { booked: true, .. }) => "booked",
        }
    }
}
