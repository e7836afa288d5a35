//! Counts the snapshots of the write side.

use super::samples::whole;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, Default)]
pub(super) struct Snapshots {
    by_outcome: Family<[(&'static str, &'static str); 1], Counter>,
    failed_last: AtomicBool,
    position: Gauge,
    /// Seconds since 1970; 0 before the first.
    taken_at: Gauge,
}

impl Snapshots {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let snapshots = Self::default();
        let help = "Attempts to store a snapshot of the write side, by outcome";
        registry.register("lastseat_snapshots", help, snapshots.by_outcome.clone());
        // Both from the start, so that the first of its kind is an increase.
        for outcome in ["stored", "failed"] {
            drop(snapshots.of(outcome));
        }
        let help = "Log position of the newest snapshot; 0 without one";
        registry.register("lastseat_snapshot_position", help, snapshots.position.clone());
        let help = "When the newest snapshot was taken; 0 without one";
        registry.register("lastseat_snapshot_timestamp_seconds", help, snapshots.taken_at.clone());
        snapshots
    }

    fn of(&self, outcome: &'static str) -> Counter {
        self.by_outcome.get_or_create_owned(&[("outcome", outcome)])
    }

    /// One is stored, or was loaded at the start.
    pub(super) fn has(&self, position: Position, taken_at: Timestamp) {
        self.position.set(whole(position.0));
        self.taken_at.set(taken_at.timestamp());
        self.failed_last.store(false, Ordering::Relaxed);
    }

    pub(super) fn stored(&self) {
        self.of("stored").inc();
    }

    pub(super) fn failed(&self) {
        self.of("failed").inc();
        self.failed_last.store(true, Ordering::Relaxed);
    }

    pub(super) fn failed_last(&self) -> bool {
        self.failed_last.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::prometheus_text::encode;

    #[test]
    fn the_newest_snapshot_is_named_and_failures_are_counted() {
        let mut registry = Registry::default();
        let snapshots = Snapshots::register(&mut registry);
        snapshots.stored();
        snapshots.has(Position(700), Timestamp::from_timestamp(1_000, 0).unwrap());
        snapshots.failed();
        assert!(snapshots.failed_last());
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
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
