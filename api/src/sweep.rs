//! Looks at the gateway's payments from time to time, for what no webhook reported.
//!
//! Webhooks get lost, those that wait when a process ends among them, and a node may have none. So each pass lists a part
//! of what the gateway has. Where a payment has got further there than in the log, its booking is looked at: a
//! reservation is found before its hold ends. What went wrong later (`doubts.rs`) is reported: in turn, all payments
//! are read, however old they are.

mod doubts;
mod rule;
mod turn;

pub use doubts::{Compare, Comparison};

use crate::metrics::{Metrics, SweepPass};
use crate::webhooks::Payments;
use doubts::{Doubts, Reported};
use futures::StreamExt;
use futures::future::BoxFuture;
use lastseat_domain::ports::payments::{GatewayFault, PaymentRecord, UnreadableRecord};
use lastseat_domain::ports::{Clock, PaymentRecords};
use lastseat_domain::{BookingId, IntentId, Timestamp};
use lastseat_projections::BookingView;
use rule::{is_doubtful, is_unreported};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use turn::Turn;

/// Intents older than the longest hold with its extension (twice 24 h) are no longer under way.
const WINDOW: chrono::TimeDelta = chrono::TimeDelta::hours(48);
/// Pages of the newest intents in each pass.
const NEWEST: usize = 3;
/// Older pages in each pass, from where the pass before stopped.
const OLDER: usize = 2;
/// Pages in each pass of the way through all of them, which has no end.
const ALL: usize = 3;
/// Bookings that are looked at in one pass, so that the rest of the gateway's rate limit is left to buyers.
const LOOKED_AT: usize = 100;
const AT_ONCE: usize = 8;
/// Payments that can't be understood and are named in a line of the log.
const NAMED: usize = 20;

/// The bookings that payments are for, as the log has them. `None`: it has none.
pub type Bookings = Arc<dyn Fn(&PaymentRecord) -> BoxFuture<'static, Option<BookingView>> + Send + Sync>;

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
    /// The last one of the way through all pages.
    all: Option<IntentId>,
    looks: Turn<BookingId>,
    reported: Reported,
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
                    if let Err(fault) = &done {
                        tracing::warn!(%fault, "the gateway's payments could not be listed; the next look is soon");
                    }
                    self.metrics.swept(done.ok(), self.clock.now());
                }
                () = stop.cancelled() => return,
            }
        }
    }

    async fn pass(&self, progress: &mut Progress) -> Result<SweepPass, GatewayFault> {
        let oldest = self.clock.now() - WINDOW;
        let mut seen = self.read(None, NEWEST, oldest, oldest).await?;
        // The older pages begin where the newest end, and then go on by themselves; so does the way through all.
        let (next, all_young) = (seen.next.take(), !seen.is_over);
        let older = next.clone().filter(|_| all_young).map(|next| progress.older.take().unwrap_or(next));
        if let Some(from) = older {
            let older = self.read(Some(from), OLDER, oldest, oldest).await?;
            progress.older = older.next.clone().filter(|_| !older.is_over);
            seen.extend(older);
        }
        if let Some(from) = next.map(|next| progress.all.take().unwrap_or(next)) {
            let all = self.read(Some(from), ALL, oldest, Timestamp::MIN_UTC).await?;
            progress.all.clone_from(&all.next);
            seen.extend(all);
        }
        report(&seen.unreadable);
        seen.found.sort_unstable();
        seen.found.dedup();
        let found = seen.found.len();
        let turn = progress.looks.take(seen.found, LOOKED_AT);
        let pass = SweepPass { found, looked_at: turn.len(), unreadable: seen.unreadable.len() };
        futures::stream::iter(turn)
            .for_each_concurrent(AT_ONCE, |booking| async move {
                tracing::info!(%booking, "a payment has got further at the gateway than in the log; looking at it");
                self.payments.look_at(booking).await;
            })
            .await;
        let doubts = Doubts { compare: &*self.compare, records: &*self.records, metrics: &self.metrics };
        doubts.clear_up(seen.doubtful, &mut progress.reported).await;
        Ok(pass)
    }

    /// Reads so many pages after `before`, and none after the first payment that is older than `until`. Those older
    /// than `oldest` are not under way.
    async fn read(
        &self,
        before: Option<IntentId>,
        pages: usize,
        oldest: Timestamp,
        until: Timestamp,
    ) -> Result<Part, GatewayFault> {
        let mut part = Part { next: before, ..Part::default() };
        for _ in 0..pages {
            let page = self.records.list(part.next.as_ref()).await?;
            part.is_over = page.records.last().is_some_and(|last| last.created < until);
            for record in page.records {
                let Some(booking) = (self.bookings)(&record).await else { continue };
                if record.created >= oldest && is_unreported(&record, &booking, self.clock.now()) {
                    part.found.push(booking.booking);
                }
                if is_doubtful(&record, &booking) {
                    part.doubtful.push(PaymentRecord { booking: Some(booking.booking), ..record });
                }
            }
            part.unreadable.extend(page.unreadable);
            part.next = page.next;
            if part.is_over || part.next.is_none() {
                break;
            }
        }
        Ok(part)
    }
}

/// What some pages have.
#[derive(Default)]
struct Part {
    /// The bookings to look at.
    found: Vec<BookingId>,
    /// Payments to compare with their bookings.
    doubtful: Vec<PaymentRecord>,
    unreadable: HashSet<UnreadableRecord>,
    /// The last intent, if others follow.
    next: Option<IntentId>,
    /// Whether it ends with payments that are older than wanted.
    is_over: bool,
}

impl Part {
    /// Some payments may be in both.
    fn extend(&mut self, other: Self) {
        self.found.extend(other.found);
        self.doubtful.extend(other.doubtful);
        self.unreadable.extend(other.unreadable);
    }
}

/// Names them in one line. Whether money has moved there, only a person can find out.
fn report(unreadable: &HashSet<UnreadableRecord>) {
    let Some(first) = unreadable.iter().next() else { return };
    let names: Vec<&str> = unreadable.iter().take(NAMED).map(UnreadableRecord::name).collect();
    tracing::error!(
        payments = unreadable.len(),
        intents = names.join(", "),
        why = %first.why,
        "payments at the gateway can't be understood; look at them there"
    );
}

#[cfg(test)]
mod tests;
