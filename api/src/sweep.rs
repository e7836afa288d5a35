//! Looks at the gateway's newest payments from time to time, for those that no webhook reported.
//!
//! Webhooks get lost, and a node may have none. So each pass lists what the gateway has and looks at the bookings
//! whose payment has got further there than in the log: a reservation is found before its hold ends.

use crate::metrics::{Metrics, SweepPass};
use crate::webhooks::Payments;
use futures::StreamExt;
use lastseat_domain::ports::payments::{GatewayFault, IntentStatus, PaymentRecord, UnreadableRecord};
use lastseat_domain::ports::{Clock, PaymentRecords};
use lastseat_domain::{BookingId, IntentId, Timestamp};
use lastseat_projections::{BookingStatus, BookingView};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Intents older than the longest hold with its extension (twice 24 h) are no longer under way.
const WINDOW: chrono::TimeDelta = chrono::TimeDelta::hours(48);
/// Pages of the newest intents in each pass.
const NEWEST: usize = 3;
/// Older pages in each pass, from where the pass before stopped.
const OLDER: usize = 2;
/// Bookings that are looked at in one pass, so that the rest of the gateway's rate limit is left to buyers.
const LOOKED_AT: usize = 100;
const AT_ONCE: usize = 8;
/// Payments that can't be understood and are named in a line of the log.
const NAMED: usize = 20;

/// The bookings as the log has them.
pub type Bookings = Arc<dyn Fn(BookingId) -> Option<Arc<BookingView>> + Send + Sync>;

/// What a sweep works with.
pub struct Sweep {
    pub records: Arc<dyn PaymentRecords>,
    pub payments: Arc<dyn Payments>,
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
    /// The last booking that was looked at.
    last: Option<BookingId>,
}

impl Progress {
    /// As many of these bookings, which are in order, as one pass looks at, after those of the pass before: some may need a look in every
    /// pass, and would keep the others from their turn.
    fn turn(&mut self, mut found: Vec<BookingId>) -> Vec<BookingId> {
        let next = found.partition_point(|booking| Some(*booking) <= self.last);
        found.rotate_left(next);
        found.truncate(LOOKED_AT);
        self.last = found.last().copied();
        found
    }
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
        let Part { mut found, mut unreadable, end } = self.read(None, NEWEST, oldest).await?;
        // The older pages begin where the newest end, and then go on by themselves.
        let from = if end.is_some() { progress.older.take().or(end) } else { None };
        if from.is_some() {
            let older = self.read(from, OLDER, oldest).await?;
            found.extend(older.found);
            unreadable.extend(older.unreadable);
            progress.older = older.end;
        }
        report(&unreadable);
        found.sort_unstable();
        found.dedup();
        let found_in_all = found.len();
        let turn = progress.turn(found);
        let pass = SweepPass { found: found_in_all, looked_at: turn.len(), unreadable: unreadable.len() };
        futures::stream::iter(turn)
            .for_each_concurrent(AT_ONCE, |booking| async move {
                tracing::info!(%booking, "a payment has got further at the gateway than in the log; looking at it");
                self.payments.look_at(booking).await;
            })
            .await;
        Ok(pass)
    }

    /// Reads so many pages after `before`.
    async fn read(&self, before: Option<IntentId>, pages: usize, oldest: Timestamp) -> Result<Part, GatewayFault> {
        let mut part = Part { end: before, ..Part::default() };
        for _ in 0..pages {
            let page = self.records.list(part.end.as_ref()).await?;
            for record in page.records.iter().filter(|record| record.created >= oldest) {
                part.found.extend(record.booking.filter(|booking| is_unreported(record, (self.bookings)(*booking).as_deref())));
            }
            part.unreadable.extend(page.unreadable);
            let is_over = page.records.last().is_some_and(|last| last.created < oldest);
            part.end = page.next.filter(|_| !is_over);
            if part.end.is_none() {
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
    unreadable: Vec<UnreadableRecord>,
    /// The last intent, if older ones follow that may be under way.
    end: Option<IntentId>,
}

/// Names them in one line. Whether money has moved there, only a person can find out.
fn report(unreadable: &[UnreadableRecord]) {
    let Some(first) = unreadable.first() else { return };
    let names: Vec<&str> = unreadable.iter().take(NAMED).map(UnreadableRecord::name).collect();
    tracing::error!(
        payments = unreadable.len(),
        intents = names.join(", "),
        why = %first.why,
        "payments at the gateway can't be understood; look at them there"
    );
}

/// Whether the gateway has got further than the log. What a person looks at already, and bookings that are not in
/// the log, are for `payments reconcile`.
fn is_unreported(record: &PaymentRecord, booking: Option<&BookingView>) -> bool {
    use BookingStatus as B;
    let Some(booking) = booking.filter(|booking| !booking.flagged) else { return false };
    match record.status {
        IntentStatus::RequiresCapture | IntentStatus::Succeeded => {
            matches!(booking.status, B::Held | B::Paying | B::ActionRequired)
                || (booking.status == B::Aborted && record.status == IntentStatus::RequiresCapture)
        }
        IntentStatus::Canceled => matches!(booking.status, B::Paying | B::ActionRequired),
        IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresAction(_) | IntentStatus::Processing => false,
    }
}

#[cfg(test)]
mod tests;
