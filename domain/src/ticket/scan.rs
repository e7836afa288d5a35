//! Scans of a ticket at the entrance.

use crate::Timestamp;
use crate::ids::{DeviceId, GateId};
use uuid::Uuid;

/// Whether the bearer comes in or goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanKind {
    /// Comes in.
    Entry,
    /// Goes out, and may come in again.
    Exit,
}

/// What makes a scan known again when it is sent a second time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanId {
    /// The device that made the scan, if it has said so.
    pub device: Option<DeviceId>,
    /// The device's id of the scan; without one, the id of the command.
    pub scan: Uuid,
}

/// A scan that a ticket's stream has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Which one.
    pub id: ScanId,
    /// In or out.
    pub kind: ScanKind,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub gate: GateId,
}
