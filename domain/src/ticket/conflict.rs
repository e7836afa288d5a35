//! What does not fit about the scans of a ticket that were made offline.
//!
//! Devices that could not ask the server scan on, and send what they have scanned later, in whatever order. So the scans of
//! a ticket are put in order by the time of each scan, and of two at the same time the one that was recorded first comes first.
//! In this order somebody is inside after an entry and nobody after an exit: an entry that follows an entry is a second
//! person on one ticket, and an exit that follows none has no entry.

use super::scan::Scan;
use crate::Timestamp;
use crate::offline_scan::{ScanConflict, ScanKind};
use chrono::TimeDelta;

/// How far a device's clock may be ahead of the server's before that is noted.
pub const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// When a scan counts as made: as its device says, but not after it was recorded.
#[must_use]
pub fn counts_at(scanned_at: Timestamp, recorded_at: Timestamp) -> Timestamp {
    scanned_at.min(recorded_at)
}

/// Whether a device names a time that had not come yet.
#[must_use]
pub fn is_ahead(scanned_at: Timestamp, recorded_at: Timestamp) -> bool {
    scanned_at - recorded_at > CLOCK_SKEW
}

/// The last scan by time: it says whether somebody is inside. Of the scans in the log's order.
#[must_use]
pub fn last_by_time(scans: &[Scan]) -> Option<&Scan> {
    // Of several at the same time, this is the last.
    scans.iter().max_by_key(|scan| scan.at)
}

/// What does not fit about a further scan at this time, if these, in the log's order, are known. Each double entry names the
/// other one, whichever was recorded first.
#[must_use]
pub fn of_scan(scans: &[Scan], kind: ScanKind, at: Timestamp) -> Vec<ScanConflict> {
    let before = scans.iter().filter(|scan| scan.at <= at).max_by_key(|scan| scan.at);
    // Of several at the same time, this is the first.
    let after = scans.iter().filter(|scan| scan.at > at).min_by_key(|scan| scan.at);
    match kind {
        ScanKind::Entry => before.into_iter().chain(after).filter_map(second_person).collect(),
        ScanKind::Exit if before.is_none_or(|scan| scan.kind == ScanKind::Exit) => vec![ScanConflict::ExitWithoutEntry],
        ScanKind::Exit => vec![],
    }
}

/// The double entry of an entry beside this scan, if it is one.
fn second_person(other: &Scan) -> Option<ScanConflict> {
    (other.kind == ScanKind::Entry).then(|| ScanConflict::DoubleEntry {
        at: other.at,
        gate: other.gate.clone(),
        device: other.id.device.clone(),
        scan: other.id.scan,
    })
}

/// The entries of a ticket that let in a second person, each with the one before it, by time.
#[must_use]
pub fn double_entries(scans: &[Scan]) -> Vec<(&Scan, &Scan)> {
    let mut by_time: Vec<&Scan> = scans.iter().collect();
    // Stable: of two at the same time the one that was recorded first stays first.
    by_time.sort_by_key(|scan| scan.at);
    let pairs = by_time.iter().zip(by_time.iter().skip(1));
    let both = |(first, second): &(&&Scan, &&Scan)| first.kind == ScanKind::Entry && second.kind == ScanKind::Entry;
    pairs.filter(both).map(|(first, second)| (*first, *second)).collect()
}
