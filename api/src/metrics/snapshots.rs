//! Counts the snapshots of the write side.

use super::text::{family, sample, single};
use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(super) struct Snapshots {
    stored: AtomicU64,
    failed: AtomicU64,
    failed_last: AtomicBool,
    position: AtomicU64,
    /// Seconds since 1970; 0 before the first.
    taken_at: AtomicI64,
}

impl Snapshots {
    /// One is stored, or was loaded at the start.
    pub(super) fn has(&self, position: Position, taken_at: Timestamp) {
        self.position.store(position.0, Ordering::Relaxed);
        self.taken_at.store(taken_at.timestamp(), Ordering::Relaxed);
        self.failed_last.store(false, Ordering::Relaxed);
    }

    pub(super) fn stored(&self) {
        self.stored.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.failed_last.store(true, Ordering::Relaxed);
    }

    pub(super) fn failed_last(&self) -> bool {
        self.failed_last.load(Ordering::Relaxed)
    }

    pub(super) fn render(&self, text: &mut String) {
        let of = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        let help = "Attempts to store a snapshot of the write side, by outcome.";
        family(text, "lastseat_snapshots_total", "counter", help);
        for (outcome, cell) in [("stored", &self.stored), ("failed", &self.failed)] {
            sample(text, &format!("lastseat_snapshots_total{{outcome=\"{outcome}\"}}"), of(cell));
        }
        let help = "Log position of the newest snapshot; 0 without one.";
        single(text, "lastseat_snapshot_position", "gauge", help, of(&self.position));
        let help = "When the newest snapshot was taken; 0 without one.";
        let taken = u64::try_from(self.taken_at.load(Ordering::Relaxed)).unwrap_or(0);
        single(text, "lastseat_snapshot_timestamp_seconds", "gauge", help, taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_snapshot_is_named_and_failures_are_counted() {
        let snapshots = Snapshots::default();
        snapshots.stored();
        snapshots.has(Position(700), Timestamp::from_timestamp(1_000, 0).unwrap());
        snapshots.failed();
        assert!(snapshots.failed_last());
        let mut text = String::new();
        snapshots.render(&mut text);
        for line in [
            "lastseat_snapshots_total{outcome=\"stored\"} 1",
            "lastseat_snapshots_total{outcome=\"failed\"} 1",
            "lastseat_snapshot_position 700",
            "lastseat_snapshot_timestamp_seconds 1000",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
