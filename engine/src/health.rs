//! What the engine's tasks report about themselves.

use crate::status::RecoverySummary;
use lastseat_domain::{CampaignId, ShowId};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(crate) struct Health {
    /// Position up to which the follower has applied the log.
    pub followed: AtomicU64,
    /// Events that it has applied since the start.
    pub applied: AtomicU64,
    /// Bookings that are not finished.
    pub unfinished: AtomicUsize,
    /// Why the log can't be followed, if so.
    pub follower_fault: Mutex<Option<String>>,
    /// Why the follower skipped an event, if it did.
    pub skipped_event: Mutex<Option<String>>,
    /// Cancelled when a task that should run as long as the engine has ended, or the actors' supervisor:
    /// a defect.
    pub task_ended: CancellationToken,
    /// Bookings of each show that is refunded whose own refund could not be requested when this node tried last.
    pub failed_refunds: Mutex<BTreeMap<ShowId, usize>>,
    /// Campaigns that can't be finished here: their codes follow from another secret.
    pub foreign_campaigns: Mutex<BTreeSet<CampaignId>>,
    /// What recovery did, once it is finished.
    pub recovery: Mutex<Option<RecoverySummary>>,
}
