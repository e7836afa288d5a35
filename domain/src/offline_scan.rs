//! What the event of a scan that was made offline has beside the code: in or out, and what does not fit.

use crate::Timestamp;
use crate::ids::{DeviceId, GateId};
use crate::void_ticket::VoidTicket;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Whether the bearer comes in or goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanKind {
    /// Comes in.
    Entry,
    /// Goes out, and may come in again.
    Exit,
}

impl ScanKind {
    /// The stable name, part of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Exit => "exit",
        }
    }
}

/// What does not fit about a scan. It happened all the same: the device had nobody to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ScanConflict {
    /// By the times of the scans, the ticket let in two people, and nobody went out in between.
    DoubleEntry {
        /// When the other one came in, before or after this one.
        at: Timestamp,
        /// Where.
        gate: GateId,
        /// The device that scanned it, if it has said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<DeviceId>,
        /// The other scan.
        scan: Uuid,
    },
    /// Somebody went out with it, and nobody was inside with it.
    ExitWithoutEntry,
    /// Somebody came in with a code that was void then.
    Void {
        /// Why.
        reason: VoidTicket,
    },
    /// The device names a time that had not come yet when the scan was recorded. The time of the recording counts.
    ClockAhead,
}
