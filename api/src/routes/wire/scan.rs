//! Scans of tickets in an answer.

use lastseat_domain::{DeviceId, GateId, ScanConflict, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What does not fit about a scan.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ScanConflict)]
pub enum ScanConflictJson {
    /// The ticket let in two people: this is the other entry, before or after this one.
    #[schema(title = "A double entry")]
    DoubleEntry {
        /// When.
        #[schema(value_type = String, format = DateTime)]
        at: Timestamp,
        /// Where.
        #[schema(value_type = String, example = "north")]
        gate: GateId,
        /// The device that scanned it, if it has said so.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = String, example = "scanner-8", nullable = false)]
        device: Option<DeviceId>,
        /// The device's id of the scan.
        scan: Uuid,
    },
    /// Somebody went out, and nobody was inside with the ticket.
    #[schema(title = "An exit without an entry")]
    ExitWithoutEntry,
    /// Somebody came in with a code that was void then.
    #[schema(title = "A void code")]
    TicketVoid {
        /// Why: as `ticket_void` says it, or `show_cancelled`.
        #[schema(value_type = String, example = "refunded")]
        reason: &'static str,
    },
    /// The device names a time that had not come yet.
    #[schema(title = "A clock that is ahead")]
    ClockAhead,
}

impl From<ScanConflict> for ScanConflictJson {
    fn from(conflict: ScanConflict) -> Self {
        match conflict {
            ScanConflict::DoubleEntry { at, gate, device, scan } => Self::DoubleEntry { at, gate, device, scan },
            ScanConflict::ExitWithoutEntry => Self::ExitWithoutEntry,
            ScanConflict::Void { reason } => Self::TicketVoid { reason: reason.name() },
            ScanConflict::ClockAhead => Self::ClockAhead,
        }
    }
}
