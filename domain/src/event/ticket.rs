//! Events of a ticket's stream. A ticket follows from its booking; its stream has only what was done with it.

use crate::ids::{BookingId, SeatId, TicketId};
use serde::{Deserialize, Serialize};

/// A ticket is issued again. Its codes until now are void.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketReissued {
    /// The ticket.
    pub ticket: TicketId,
    /// The booking that it is of.
    pub booking: BookingId,
    /// The seat that it is for.
    pub seat: SeatId,
    /// Number of the issue that is valid from here on. The first is 0 and has no event.
    pub issue: u32,
    /// Subject of the token of the person who requested it.
    pub by: String,
}
