//! Tickets and their scans.

use lastseat_domain::{DeviceId, Timestamp};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What was done with a ticket.
#[derive(Debug, Default)]
pub(crate) struct TicketFact {
    /// Number of its last issue.
    pub issue: u32,
    /// The issues after the first, with their times.
    pub reissued: Vec<(u32, Timestamp)>,
    /// Its scans, in the log's order.
    pub scans: Vec<ScanFact>,
}

/// A scan of a ticket.
#[derive(Debug)]
pub(crate) struct ScanFact {
    pub is_entry: bool,
    pub is_offline: bool,
    /// When it counts as made.
    pub at: Timestamp,
    pub recorded_at: Timestamp,
    pub device: Option<DeviceId>,
    pub scan: Uuid,
}

impl TicketFact {
    /// The last scan by time, of those before `until` if that is given.
    pub fn last_scan(&self, until: Option<Timestamp>) -> Option<&ScanFact> {
        let known = self.scans.iter().filter(|scan| until.is_none_or(|until| scan.at <= until));
        known.fold(None, |last: Option<&ScanFact>, scan| match last {
            Some(last) if last.at > scan.at => Some(last),
            _ => Some(scan),
        })
    }

    /// The first scan after a moment.
    pub fn next_scan(&self, after: Timestamp) -> Option<&ScanFact> {
        let later = self.scans.iter().filter(|scan| scan.at > after);
        later.fold(None, |first: Option<&ScanFact>, scan| match first {
            Some(first) if first.at <= scan.at => Some(first),
            _ => Some(scan),
        })
    }

    /// Scans by what they are.
    pub fn count_scans<'a>(tickets: impl Iterator<Item = &'a Self>) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::from([("entries", 0), ("exits", 0), ("offline", 0), ("double_entries", 0)]);
        let mut count = |name| *counts.entry(name).or_default() += 1;
        for ticket in tickets {
            let mut by_time: Vec<&ScanFact> = ticket.scans.iter().collect();
            by_time.sort_by_key(|scan| scan.at);
            let mut was_entry = false;
            for scan in by_time {
                count(if scan.is_entry { "entries" } else { "exits" });
                if scan.is_offline {
                    count("offline");
                }
                if was_entry && scan.is_entry {
                    count("double_entries");
                }
                was_entry = scan.is_entry;
            }
        }
        counts
    }

    /// Whether a device's scan with this id was there already.
    pub fn record(&mut self, scan: ScanFact) -> bool {
        let same = |known: &ScanFact| known.device.is_some() && known.device == scan.device && known.scan == scan.scan;
        let again = self.scans.iter().any(same);
        self.scans.push(scan);
        again
    }

    pub fn is_inside(&self) -> bool {
        self.last_scan(None).is_some_and(|scan| scan.is_entry)
    }

    /// When its last scan was recorded: who has read it since knows who is inside.
    pub fn known_since(&self) -> Option<Timestamp> {
        self.scans.iter().map(|scan| scan.recorded_at).max()
    }
}
