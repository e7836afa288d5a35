//! Reports what went wrong with a payment after its booking was done with.
//!
//! Finds what a lost webhook would have reported: a refund that failed, money returned by hand, a dispute. Nothing is
//! repaired here. `payments reconcile` says what is left to do.

use super::round_robin::RoundRobin;
use crate::metrics::Metrics;
use crate::reconcile::{Difference, Kind};
use async_trait::async_trait;
use futures::StreamExt;
use lastseat_domain::IntentId;
use lastseat_domain::ports::PaymentRecords;
use lastseat_domain::ports::payments::{Dispute, PaymentRecord};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Payments that are compared in one pass.
const COMPARED: usize = 100;
/// Of these, those of either part of what a pass reads, if both have as many. What one leaves is the other's.
const OF_EACH: usize = COMPARED / 2;
const AT_ONCE: usize = 8;
/// Reports that are remembered. Beyond that they are forgotten, and made again.
const REMEMBERED: usize = 10_000;

/// Compares a payment with its booking.
#[async_trait]
pub trait Compare: Send + Sync + 'static {
    /// Where they differ, as the log has the booking now.
    ///
    /// # Errors
    /// Why the log can't be read.
    async fn differences(&self, record: PaymentRecord) -> Result<Vec<Difference>, String>;

    /// The payment as the gateway has it now.
    ///
    /// # Errors
    /// Why it can't be read.
    async fn read_again(&self, record: &PaymentRecord) -> Result<PaymentRecord, String>;
}

/// What a pass works with.
pub(super) struct Doubts<'a> {
    pub compare: &'a dyn Compare,
    pub records: &'a dyn PaymentRecords,
    pub metrics: &'a Metrics,
}

/// What is remembered from pass to pass.
#[derive(Debug, Default)]
pub(super) struct Reported {
    next: RoundRobin<IntentId>,
    /// Those that the round through all payments has found and no pass has compared yet.
    waiting: VecDeque<PaymentRecord>,
    /// Each is reported once.
    known: HashSet<(IntentId, Kind)>,
}

impl Reported {
    /// Whether the round has to wait: it reads each payment once, so what it has found is compared before it reads on.
    pub fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What a pass compares. Those that are read again and again take turns.
    fn take(&mut self, repeated: Vec<PaymentRecord>, of_round: Vec<PaymentRecord>) -> Vec<PaymentRecord> {
        for record in of_round {
            if !self.waiting.iter().any(|waiting| waiting.intent == record.intent) {
                self.waiting.push_back(record);
            }
        }
        let mut repeated: HashMap<_, _> = repeated.into_iter().map(|record| (record.intent.clone(), record)).collect();
        let most = COMPARED - repeated.len().min(OF_EACH);
        let mut next: Vec<_> = self.waiting.drain(..self.waiting.len().min(most)).collect();
        next.iter().for_each(|record| drop(repeated.remove(&record.intent)));
        let turns = self.next.take(repeated.keys().cloned().collect(), COMPARED - next.len());
        next.extend(turns.iter().filter_map(|intent| repeated.remove(intent)));
        next
    }
}

impl Doubts<'_> {
    /// Compares as many payments as one pass does, and reports those that are wrong. `of_round`: those that no pass reads
    /// again before the next round.
    pub async fn clear_up(&self, repeated: Vec<PaymentRecord>, of_round: Vec<PaymentRecord>, reported: &mut Reported) {
        let next = reported.take(repeated, of_round);
        let compared = futures::stream::iter(next).map(|record| async move {
            let intent = record.intent.clone();
            self.wrong(record).await.unwrap_or_else(|why| {
                tracing::debug!(%intent, why, "a payment could not be compared; trying again at a later pass");
                Vec::new()
            })
        });
        let wrong: Vec<Vec<Difference>> = compared.buffer_unordered(AT_ONCE).collect().await;
        for difference in wrong.into_iter().flatten() {
            self.report(&difference, reported);
        }
    }

    fn report(&self, difference: &Difference, reported: &mut Reported) {
        if reported.known.len() >= REMEMBERED {
            reported.known.clear();
        }
        let Difference { kind, booking, intent, .. } = difference;
        if reported.known.insert((intent.clone(), *kind)) {
            self.metrics.found_wrong();
            let booking = booking.map(tracing::field::display);
            tracing::error!(booking, %intent, "payment gateway and log disagree: {}", difference.in_words());
        }
    }

    /// What is wrong with a payment, seen twice: the log may have been ahead of what the gateway had listed before.
    async fn wrong(&self, record: PaymentRecord) -> Result<Vec<Difference>, String> {
        let dispute = match record.dispute {
            Dispute::None => Dispute::None,
            // A list only says that there was one. While that can't be asked, it counts as open.
            listed => self.records.dispute(&record.intent).await.unwrap_or(listed),
        };
        let record = PaymentRecord { dispute, ..record };
        let first = self.wrong_now(record.clone()).await?;
        if first.is_empty() {
            return Ok(first);
        }
        let again = self.compare.read_again(&record).await?;
        let mut second = self.wrong_now(PaymentRecord { dispute, ..again }).await?;
        second.retain(|second| first.iter().any(|first| first.kind == second.kind));
        Ok(second)
    }

    async fn wrong_now(&self, record: PaymentRecord) -> Result<Vec<Difference>, String> {
        let mut found = self.compare.differences(record).await?;
        found.retain(|difference| difference.wrong);
        Ok(found)
    }
}

/// So that the wiring has one thing to make.
pub type Comparison = Arc<dyn Compare>;
