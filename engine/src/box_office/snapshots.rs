//! Takes a snapshot of a box office that goes on selling.

use super::BoxOffice;
use crate::error::Fault;
use crate::reactors::log_follower::SnapshotRequest;
use crate::snapshot::Snapshot;
use chrono::TimeDelta;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

/// How long the log's follower may take to answer, and then to read what this node has written.
const PATIENCE: TimeDelta = TimeDelta::seconds(10);
/// Pause between two looks at how far it is, in milliseconds.
const PAUSE_MS: i64 = 5;

impl BoxOffice {
    /// A snapshot; none while the log has no event of ours. The log's follower pauses for what is under way, and not
    /// for what is sold; seats and filter are copied beside it.
    ///
    /// # Errors
    /// [`Fault`] if the log can't be followed, or if an event of it was skipped: a program that can read that event
    /// must find it.
    pub async fn take_snapshot(&self) -> Result<Option<Snapshot>, Fault> {
        let services = &self.services;
        let Some((last, state)) = self.ask(SnapshotRequest::Take).await? else { return Ok(None) };
        let skipped = services.health.skipped_event.lock().clone();
        if let Some(why) = skipped {
            return Err(Fault::Damaged(format!("an event was skipped: {why}")));
        }
        let (shows, known_bookings) = (services.shows.take_snapshot(), services.known_bookings.take_snapshot());
        // After the shows: it has the plans that they are on.
        let plans = services.shows.plans_snapshot();
        let pictures = services.shows.pictures_snapshot();
        // Both may have what the follower has applied since, and what this node has appended, or read to decide, and the
        // follower has not reached. A log without those events would be another one.
        let newest = services.journal.reported();
        let deadline = services.now() + PATIENCE;
        let landmark = loop {
            match self.ask(SnapshotRequest::Last).await? {
                Some(landmark) if landmark.position.0 >= newest => break landmark,
                _ if services.now() >= deadline => {
                    return Err(Fault::Unavailable("the log's follower is too far behind".to_owned()));
                }
                _ => services.journal.pause(PAUSE_MS).await,
            }
        };
        let (position, taken_at, atomic) = (last.position, services.now(), services.ports.log.atomic_across_streams());
        Ok(Some(Snapshot { position, landmark, taken_at, atomic, shows, plans, pictures, known_bookings, state }))
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<Option<T>>) -> SnapshotRequest) -> Result<Option<T>, Fault> {
        let services = &self.services;
        let (reply, answer) = oneshot::channel();
        let answered = async {
            self.snapshots.send(request(reply)).await.map_err(|_| Fault::Stopping)?;
            answer.await.map_err(|_| Fault::Stopping)
        };
        tokio::select! {
            biased;
            answer = answered => answer,
            () = services.ports.clock.sleep_until(services.now() + PATIENCE) => {
                Err(Fault::Unavailable("the log can't be followed".to_owned()))
            }
        }
    }

    /// Events that the log's follower has applied since this box office was opened.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.services.health.applied.load(Ordering::Relaxed)
    }
}
