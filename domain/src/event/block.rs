//! Events of a block's stream: seats that are out of the open sale, for a reason.

use super::booking::RequestFingerprint;
use crate::access_code::AccessCodeHash;
use crate::ids::{BlockId, ChannelId, SeatId, ShowId};
use serde::{Deserialize, Serialize};

/// Seats are out of the open sale. They were blocked before this event or together with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockOpened {
    /// The block.
    pub block: BlockId,
    /// The show that all its seats are for.
    pub show: ShowId,
    /// The seats, sorted.
    pub seats: Vec<SeatId>,
    /// Why, for staff.
    pub reason: String,
    /// The channel that may buy from it; nobody may without a channel or an access code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// Hash of the code that lets its holder buy from it. The code itself is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_code: Option<AccessCodeHash>,
    /// Subject of the caller's token.
    pub by: String,
    /// The request, if it had an idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestFingerprint>,
}

/// The block has ended, and this is final: its seats are to be unblocked. Seats that a booking has bought from it
/// stay that booking's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockLifted {
    /// The block.
    pub block: BlockId,
    /// The show of its seats.
    pub show: ShowId,
    /// Why.
    pub reason: LiftReason,
    /// Subject of the caller's token; for a block that was never opened, the name of the process that closed it.
    pub by: String,
}

/// Why a block has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiftReason {
    /// Somebody requested it.
    Requested,
    /// Seats were blocked for it, but it never opened: its node crashed, or a booking had one of the seats.
    Fenced,
}
