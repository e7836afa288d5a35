//! Events of a seat's stream.

use super::booking::AbortReason;
use crate::Timestamp;
use crate::ids::{BlockId, BookingId, BuyerId};
use serde::{Deserialize, Serialize};

/// A booking holds the seat, until the booking's own stream says that it has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatLocked {
    /// The booking that owns the seat from here on.
    pub booking: BookingId,
    /// The buyer of that booking.
    pub buyer: BuyerId,
    /// Price in minor units of the show's currency, from the show's plan.
    pub price: i64,
    /// When the hold ends unless it is extended or paid for. For display only: the seat doesn't
    /// expire, its booking does.
    pub expires_at: Timestamp,
    /// The block that the booking took it from, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockId>,
    /// The exchange that it is locked for, by its number in the booking; 0 for the hold that opened the booking.
    #[serde(default, skip_serializing_if = "is_hold")]
    pub exchange: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_hold(exchange: &u32) -> bool {
    *exchange == 0
}

/// The seat is available again, or back in its block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatReleased {
    /// The booking that owned it.
    pub booking: BookingId,
    /// Why that booking no longer does.
    pub reason: AbortReason,
    /// The block that the booking had taken it from: it is back there, also if that block was lifted meanwhile. Then
    /// `SeatUnblocked` follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockId>,
}

/// The seat is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatBooked {
    /// The booking that owns it.
    pub booking: BookingId,
    /// The block that the booking took it from, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockId>,
    /// The exchange that the booking has it by, as in [`SeatLocked`].
    #[serde(default, skip_serializing_if = "is_hold")]
    pub exchange: u32,
}

/// The seat is out of the open sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatBlocked {
    /// The block that has it.
    pub block: BlockId,
}

/// The seat is available again, because its block was lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatUnblocked {
    /// The block that had it.
    pub block: BlockId,
}
