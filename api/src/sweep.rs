//! Reads the gateway's payments from time to time, to find what no webhook reported.
//!
//! Webhooks get lost, those that wait when a process ends among them, and a node may have none. So each pass lists a part
//! of what the gateway has. Where a payment has got further there than in the log, its booking is checked: a
//! reservation is found before its hold ends. What went wrong later (`doubts.rs`) is reported: in rounds of
//! many passes, all payments are read, however old they are.

mod doubts;
mod round_robin;
mod rule;
mod unreadable;

pub use doubts::{Compare, Comparison};

use crate::metrics::{Metrics, SweepPass};
use crate::webhooks::Payments;
use doubts::{Doubts, Found, Reported};
use futures::StreamExt;
use futures::future::BoxFuture;
use lastseat_domain::ports::payments::{GatewayFault, PaymentRecord, UnreadableRecord};
use lastseat_domain::ports::{Clock, PaymentRecords};
use lastseat_domain::{BookingId, IntentId, Timestamp};
use lastseat_projections::{BookingView, ProjectionError};
use round_robin::RoundRobin;
use rule::{is_doubtful, is_unreported};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use unreadable::Unreadable;

/// Intents older than the longest hold with its extension (twice 24 h) are no longer in progress.
const WINDOW: chrono::TimeDelta = chrono::TimeDelta::hours(48);
/// Pages of the newest intents in each pass.
const NEWEST: usize = 3;
/// Older pages in each pass, from where the pass before stopped.
const OLDER: usize = 2;
/// Pages in each pass of the round through all payments, unless more was found in it than a pass compares. After one
/// round the next begins.
const ALL: usize = 3;
/// Bookings that are checked in one pass, so that the rest of the gateway's rate limit is left to buyers.
const CHECKED: usize = 100;
const AT_ONCE: usize = 8;

/// The bookings that payments are for, as the log has them. `None`: it has none.
pub type Bookings = Arc<dyn Fn(&PaymentRecord) -> BoxFuture<'static, Result<Option<BookingView>, ProjectionError>> + Send + Sync>;

/// What a sweep works with.
pub struct Sweep {
    pub records: Arc<dyn PaymentRecords>,
    pub payments: Arc<dyn Payments>,
    pub compare: Comparison,
    pub bookings: Bookings,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    /// Time between two passes.
    pub every: Duration,
}

/// Where the next pass goes on.
#[derive(Debug, Default)]
struct Progress {
    /// The last intent of the older pages that were read.
    older: Option<IntentId>,
    /// The last intent of the round through all payments that was read.
    all: Option<IntentId>,
    next: RoundRobin<BookingId>,
    reported: Reported,
    unreadable: Unreadable,
}

/// Why a pass has not read all that it should have.
#[derive(Debug, thiserror::Error)]
enum ReadFault {
    #[error("the gateway's payments can't be listed: {0}")]
    Gateway(#[from] GatewayFault),
    #[error("the bookings of the gateway's payments can't be read: {0}")]
    Views(#[from] ProjectionError),
}

/// A pass that read a part only, and worked on that.
#[derive(Debug)]
struct Broken {
    pass: SweepPass,
    fault: ReadFault,
}

impl Sweep {
    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut progress = Progress::default();
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                () = stop.cancelled() => return,
            }
            tokio::select! {
                done = self.pass(&mut progress) => {
                    let (pass, is_done) = match done {
                        Ok(pass) => (pass, true),
                        Err(Broken { pass, fault }) => {
                            tracing::warn!(%fault, "a pass over the gateway's payments has failed; the next one continues there");
                            (pass, false)
                        }
                    };
                    self.metrics.swept(pass, is_done, self.clock.now());
                }
                () = stop.cancelled() => return,
            }
        }
    }

    /// On a fault, works on what it has read before that.
    async fn pass(&self, progress: &mut Progress) -> Result<SweepPass, Broken> {
        let mut seen = Seen::default();
        let read = self.read_parts(progress, &mut seen).await;
        progress.unreadable.report(seen.unreadable);
        if seen.is_round_over {
            progress.unreadable.end_round();
        }
        seen.found.sort_unstable();
        seen.found.dedup();
        let found = seen.found.len();
        let next = progress.next.take(seen.found, CHECKED);
        let pass = SweepPass { found, checked: next.len(), unreadable: progress.unreadable.count() };
        futures::stream::iter(next)
            .for_each_concurrent(AT_ONCE, |booking| async move {
                tracing::info!(%booking, "a payment has got further at the gateway than in the log; checking its booking");
                self.payments.look_at(booking).await;
            })
            .await;
        let doubts = Doubts { compare: &*self.compare, records: &*self.records, metrics: &self.metrics };
        let found = Found { repeated: seen.doubtful, of_round: seen.doubtful_of_round, is_whole: read.is_ok() };
        doubts.clear_up(found, &mut progress.reported).await;
        read.map(|()| pass).map_err(|fault| Broken { pass, fault })
    }

    /// Reads the newest pages, some older ones, and some of the round through all payments.
    async fn read_parts(&self, progress: &mut Progress, seen: &mut Seen) -> Result<(), ReadFault> {
        let oldest = self.clock.now() - WINDOW;
        let mut newest = None;
        let all_young = self.read(&mut newest, NEWEST, oldest, oldest, seen).await?;
        // The older pages begin where the newest end, and then go on by themselves; so does the round through all.
        let Some(next) = newest else {
            seen.is_round_over = true;
            return Ok(());
        };
        if all_young {
            progress.older.get_or_insert_with(|| next.clone());
            if !self.read(&mut progress.older, OLDER, oldest, oldest, seen).await? {
                progress.older = None;
            }
        }
        if progress.reported.is_behind() {
            return Ok(());
        }
        progress.all.get_or_insert(next);
        let repeated = seen.doubtful.len();
        let read = self.read(&mut progress.all, ALL, oldest, Timestamp::MIN_UTC, seen).await;
        seen.doubtful_of_round = seen.doubtful.split_off(repeated);
        read?;
        seen.is_round_over = progress.all.is_none();
        Ok(())
    }

    /// Reads so many pages after `cursor`, and none after the first payment that is older than `until`: then it returns
    /// `false`. Those older than `oldest` are not in progress. The cursor moves on with each page that was read to its end,
    /// so that the next pass repeats no more than the page at which this one failed.
    async fn read(
        &self,
        cursor: &mut Option<IntentId>,
        pages: usize,
        oldest: Timestamp,
        until: Timestamp,
        seen: &mut Seen,
    ) -> Result<bool, ReadFault> {
        for _ in 0..pages {
            let page = match self.records.list(cursor.as_ref()).await {
                Ok(page) => page,
                Err(fault) => {
                    // There is no such intent any more, and there won't be.
                    if matches!(fault, GatewayFault::Refused { .. }) {
                        *cursor = None;
                    }
                    return Err(fault.into());
                }
            };
            let is_over = page.records.last().is_some_and(|last| last.created < until);
            seen.unreadable.extend(page.unreadable);
            for record in page.records {
                let Some(booking) = (self.bookings)(&record).await? else { continue };
                if record.created >= oldest && is_unreported(&record, &booking, self.clock.now()) {
                    seen.found.push(booking.booking);
                }
                if is_doubtful(&record, &booking) {
                    seen.doubtful.push(PaymentRecord { booking: Some(booking.booking), ..record });
                }
            }
            *cursor = page.next;
            if is_over {
                return Ok(false);
            }
            if cursor.is_none() {
                break;
            }
        }
        Ok(true)
    }
}

/// What the pages of a pass have. Some payments may be in two parts.
#[derive(Default)]
struct Seen {
    /// The bookings to check.
    found: Vec<BookingId>,
    /// Payments to compare with their bookings, and those that only the round through all payments has read.
    doubtful: Vec<PaymentRecord>,
    doubtful_of_round: Vec<PaymentRecord>,
    unreadable: HashSet<UnreadableRecord>,
    /// Whether all payments were read, in this pass and those before it.
    is_round_over: bool,
}

#[cfg(test)]
mod tests;
