//! A snapshot: what a node's write side knows from the log up to a position, as a value. A start from it reads only
//! the events after that position.
//!
//! It only saves time. [`Snapshot::check`] compares it with the log, and gives a [`CheckedSnapshot`] only if the log
//! has the snapshot's landmark. Without one, the caller reads the whole log.
//!
//! The seat tables and the filter of known bookings may be newer than the position: they are copied while this node
//! goes on selling, and hold its own appends before the log's follower has read them. The landmark is therefore not
//! older than anything in the snapshot. Reading the events after the position again changes nothing in them.

use crate::known_bookings::FilterSnapshot;
use crate::reactors::pending_bookings::PendingSnapshot;
use crate::show_registry::{ActiveShow, ActiveShowSnapshot};
use crate::uncaptured::Authorisation;
use lastseat_domain::event::PlanDrawn;
use lastseat_domain::picture::ShowPicture;
use lastseat_domain::plan::PlanBook;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::landmark::Landmark;
use lastseat_domain::ports::event_log::{LogFault, Position};
use lastseat_domain::{ShowId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a node's write side knows from the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    /// Events up to here are in it, and the next start reads those after it.
    pub position: Position,
    /// An event that is not older than anything in the snapshot. A log without it is another log.
    pub landmark: Landmark,
    pub taken_at: Timestamp,
    /// Whether its log appends to several streams at once: what has to be remembered depends on it.
    pub(crate) atomic: bool,
    pub(crate) shows: Vec<ActiveShowSnapshot>,
    /// Events that lead to the plans. A snapshot without them is of a log that has none: a program that knew no plans
    /// knew other events, and its snapshots are not used.
    #[serde(default)]
    pub(crate) plans: Vec<PlanDrawn>,
    /// Without the bytes. Absent where plans are.
    #[serde(default)]
    pub(crate) pictures: BTreeMap<ShowId, Arc<ShowPicture>>,
    pub(crate) known_bookings: FilterSnapshot,
    pub(crate) state: FollowerState,
}

/// The part that is true at exactly the position, so only the log's follower can take it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FollowerState {
    pub pending: PendingSnapshot,
    pub sold: crate::buyers::SoldSeats,
    pub uncaptured: Vec<Authorisation>,
}

/// A snapshot that its log confirms.
pub struct CheckedSnapshot {
    pub(crate) position: Position,
    pub(crate) landmark: Landmark,
    pub(crate) shows: Vec<ActiveShow>,
    pub(crate) plans: PlanBook,
    pub(crate) pictures: BTreeMap<ShowId, Arc<ShowPicture>>,
    pub(crate) known_bookings: FilterSnapshot,
    pub(crate) state: FollowerState,
}

/// Why a snapshot can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotDoubt {
    /// Its log says so, or it contradicts itself. In words that complete "the snapshot is not used: …".
    #[error("{0}")]
    Unusable(String),
    /// The log could not be asked.
    #[error(transparent)]
    Log(#[from] LogFault),
}

impl Snapshot {
    /// Raised whenever the form of what is stored changes, or what the engine makes of an event.
    pub const SCHEMA: u32 = 12;

    /// Compares it with the log that it is to be used with.
    ///
    /// # Errors
    /// [`SnapshotDoubt`].
    pub async fn check(self, log: &dyn EventLog) -> Result<CheckedSnapshot, SnapshotDoubt> {
        let landmark = &self.landmark;
        if self.atomic != log.atomic_across_streams() {
            let doubt = "it was taken of an embedded log, and this one is a cluster's, or the other way round";
            return Err(SnapshotDoubt::Unusable(doubt.to_owned()));
        }
        if !landmark.is_in(log).await? {
            let head = log.head().await?;
            return Err(SnapshotDoubt::Unusable(if head < landmark.position {
                format!("it needs the log up to position {}, and the log ends at {head}", landmark.position)
            } else {
                format!("the log does not have its landmark, {landmark}")
            }));
        }
        self.consistent().map_err(SnapshotDoubt::Unusable)
    }

    /// What can be seen without the log.
    pub(crate) fn consistent(self) -> Result<CheckedSnapshot, String> {
        let Self { position, landmark, shows, plans, pictures, known_bookings, state, .. } = self;
        known_bookings.check()?;
        state.pending.check()?;
        let plans = PlanBook::of(&plans);
        let shows = shows.into_iter().map(|show| show.restore(&plans)).collect::<Result<_, _>>()?;
        Ok(CheckedSnapshot { position, landmark, shows, plans, pictures, known_bookings, state })
    }

    /// How many shows it has.
    #[must_use]
    pub fn shows(&self) -> usize {
        self.shows.len()
    }

    /// How many bookings it has with something left to be done.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.state.pending.unfinished()
    }
}
