//! Scans of a ticket at the entrance.

use crate::Timestamp;
use crate::ids::{DeviceId, GateId};
use crate::offline_scan::{ScanConflict, ScanKind};
use uuid::Uuid;

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
    /// When it counts as made.
    pub at: Timestamp,
    /// When, by the device's clock, if it was made offline.
    pub scanned_at: Option<Timestamp>,
    /// Where.
    pub gate: GateId,
    /// What did not fit when it was recorded. Nothing, if it was decided online.
    pub conflicts: Vec<ScanConflict>,
}
