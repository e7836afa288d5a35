//! Snapshots of the write side: the one that a start loads, and those that are stored from time to time, after so many
//! events, and at an orderly stop.

use super::start_error::StartError;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::metrics::Metrics;
use crate::snapshots::{Loaded, SnapshotFiles, encode};
use chrono::TimeDelta;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::Clock;
use lastseat_engine::{BoxOffice, Ports, Settings};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Time between two looks at how much has happened.
const LOOK_EVERY: TimeDelta = TimeDelta::milliseconds(200);

/// Storing snapshots takes at most one part in so many of the time: a large one, of everything that was ever sold, is
/// stored less often than is configured.
const SHARE: i32 = 20;

/// The write side, from the newest snapshot that the log confirms. A log line says what that took: it is what a restart
/// costs.
pub(super) async fn open_box_office(
    data: &DataDir,
    ports: Ports,
    settings: Settings,
    metrics: &Metrics,
) -> Result<BoxOffice, StartError> {
    let (log, clock) = (Arc::clone(&ports.log), Arc::clone(&ports.clock));
    let ms = |since: Timestamp| (clock.now() - since).num_milliseconds();
    let started = clock.now();
    let loaded = SnapshotFiles::at(data.snapshots()).load_at_start(&*log).await?;
    let load_ms = ms(started);
    let (snapshot, position) = match loaded {
        Some(Loaded { snapshot, position, taken_at, .. }) => {
            metrics.snapshot_loaded(position, taken_at);
            (Some(snapshot), Some(position))
        }
        None => (None, None),
    };
    let reading = clock.now();
    let box_office = BoxOffice::open_from(ports, settings, snapshot).await?;
    tracing::info!(
        snapshot = position.map(tracing::field::display),
        load_ms,
        events = box_office.applied(),
        read_ms = ms(reading),
        "the write side has caught up with the log"
    );
    Ok(box_office)
}

/// Stores snapshots until it is stopped.
pub(super) struct SnapshotKeeper {
    stop: CancellationToken,
    running: JoinHandle<Keeper>,
}

/// The means to store a snapshot, and what was stored last.
struct Keeper {
    box_office: BoxOffice,
    files: SnapshotFiles,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    every: TimeDelta,
    events: u64,
    /// Events that were applied when the last one was taken.
    stored_events: u64,
    /// When that was tried last.
    tried_at: Timestamp,
    /// How long that took.
    took: TimeDelta,
}

impl SnapshotKeeper {
    pub(super) fn start(
        config: &Config,
        data: &DataDir,
        box_office: &BoxOffice,
        clock: &Arc<dyn Clock>,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let mut keeper = Keeper {
            box_office: box_office.clone(),
            files: SnapshotFiles::at(data.snapshots()),
            clock: Arc::clone(clock),
            metrics: Arc::clone(metrics),
            every: TimeDelta::from_std(config.snapshot_every).unwrap_or(TimeDelta::MAX),
            events: config.snapshot_events as u64,
            stored_events: 0,
            tried_at: clock.now(),
            took: TimeDelta::zero(),
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let running = tokio::spawn(async move {
            while stopped.run_until_cancelled(keeper.clock.sleep_until(keeper.clock.now() + LOOK_EVERY)).await.is_some() {
                if keeper.is_due() {
                    keeper.store().await;
                }
            }
            keeper
        });
        Self { stop, running }
    }

    /// Stores the last one, unless nothing has happened or it takes longer than `patience`.
    pub(super) async fn stop(self, patience: Duration) {
        self.stop.cancel();
        let last = async {
            if let Ok(mut keeper) = self.running.await
                && keeper.box_office.applied() > keeper.stored_events
            {
                keeper.store().await;
            }
        };
        if tokio::time::timeout(patience.max(Duration::from_secs(1)), last).await.is_err() {
            tracing::warn!("no snapshot was stored at the stop; the next start reads more of the log");
        }
    }
}

impl Keeper {
    fn is_due(&self) -> bool {
        let events = self.box_office.applied().saturating_sub(self.stored_events);
        let waited = self.clock.now() - self.tried_at;
        // After a failure, the time is waited for in any case.
        let failed = self.metrics.snapshot_failed_last();
        events > 0 && waited >= self.took * SHARE && (waited >= self.every || events >= self.events && !failed)
    }

    async fn store(&mut self) {
        self.tried_at = self.clock.now();
        let applied = self.box_office.applied();
        match self.try_store().await {
            Ok(()) => self.stored_events = applied,
            Err(why) => {
                self.metrics.snapshot_failed();
                tracing::warn!("no snapshot could be stored; a restart would read more of the log: {why}");
            }
        }
        self.took = self.clock.now() - self.tried_at;
    }

    async fn try_store(&self) -> Result<(), String> {
        let Some(snapshot) = self.box_office.take_snapshot().await.map_err(|fault| fault.to_string())? else { return Ok(()) };
        let (position, taken_at, files) = (snapshot.position, snapshot.taken_at, self.files.clone());
        // Encoding a million seats takes a while, and so does a disk.
        let stored = tokio::task::spawn_blocking(move || files.store(&encode(&snapshot)?)).await;
        stored.map_err(|error| error.to_string())??;
        self.metrics.snapshot_stored(position, taken_at);
        tracing::debug!(%position, ms = (self.clock.now() - self.tried_at).num_milliseconds(), "a snapshot was stored");
        Ok(())
    }
}
