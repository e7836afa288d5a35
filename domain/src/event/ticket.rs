//! Events of a ticket's stream. A ticket follows from its booking; its stream has only what was done with it.

use crate::Timestamp;
use crate::ids::{BookingId, DeviceId, GateId, SeatId, ShowId, TicketId};
use crate::offline_scan::{ScanConflict, ScanKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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

/// The ticket has admitted its bearer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketAdmitted {
    /// The ticket.
    pub ticket: TicketId,
    /// The show that it admits to.
    pub show: ShowId,
    /// The booking that it is of.
    pub booking: BookingId,
    /// The seat that it is for.
    pub seat: SeatId,
    /// The issue of the code that was scanned.
    pub issue: u32,
    /// How often the booking had been transferred when that code was made.
    pub transfers: u32,
    /// The exchange that had brought the booking the seat; 0 for none.
    pub exchange: u32,
    /// Where it was scanned.
    pub gate: GateId,
    /// The device that scanned it, if it has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// The device's id of the scan; without one, the id of the command.
    pub scan: Uuid,
    /// Subject of the token of the person who scanned it.
    pub by: String,
}

/// Its bearer has gone out, and may come in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketLeft {
    /// The ticket.
    pub ticket: TicketId,
    /// The show that it admits to.
    pub show: ShowId,
    /// The booking that it is of.
    pub booking: BookingId,
    /// The seat that it is for.
    pub seat: SeatId,
    /// Where it was scanned.
    pub gate: GateId,
    /// The device that scanned it, if it has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// The device's id of the scan; without one, the id of the command.
    pub scan: Uuid,
    /// Subject of the token of the person who scanned it.
    pub by: String,
}

/// A device that had nobody to ask has scanned the ticket. Recorded whatever it led to: the bearer has come in, or gone out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketScannedOffline {
    /// The ticket.
    pub ticket: TicketId,
    /// The show that it admits to.
    pub show: ShowId,
    /// The booking that it is of.
    pub booking: BookingId,
    /// The seat that it is for.
    pub seat: SeatId,
    /// The issue of the code that was scanned.
    pub issue: u32,
    /// How often the booking had been transferred when that code was made.
    pub transfers: u32,
    /// The exchange that had brought the booking the seat; 0 for none.
    pub exchange: u32,
    /// In or out.
    pub kind: ScanKind,
    /// Where it was scanned.
    pub gate: GateId,
    /// The device that scanned it.
    pub device: DeviceId,
    /// The device's id of the scan.
    pub scan: Uuid,
    /// When it was scanned, by the device's clock. It counts as made then, but not after this event.
    pub scanned_at: Timestamp,
    /// Subject of the token of the person who sent it.
    pub by: String,
    /// What does not fit, as far as it was known when this was recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<ScanConflict>,
}
