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
/// Passes that try to compare what a round has found, until the round goes on without it.
const TRIES: u32 = 5;
/// Payments that one line of the log names.
const NAMED: usize = 20;
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
    waiting: VecDeque<OfRound>,
    /// Each is reported once.
    known: HashSet<(IntentId, Kind)>,
}

/// A payment that no pass reads again before the next round.
#[derive(Debug)]
struct OfRound {
    record: PaymentRecord,
    failed_tries: u32,
}

/// What a pass compares.
struct Next {
    of_round: Vec<OfRound>,
    repeated: Vec<PaymentRecord>,
}

/// What a pass has read.
pub(super) struct Found {
    /// Payments that the next passes read, too.
    pub repeated: Vec<PaymentRecord>,
    /// Those that no pass reads again before the next round.
    pub of_round: Vec<PaymentRecord>,
    /// Whether it could read all that it should have.
    pub is_whole: bool,
}

impl Reported {
    /// Whether the round has to wait: it reads each payment once, so what it has found is compared before it reads on.
    pub fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What a pass compares. Those that are read again and again take turns.
    fn take(&mut self, repeated: Vec<PaymentRecord>, of_round: Vec<PaymentRecord>) -> Next {
        for record in of_round {
            if !self.waiting.iter().any(|waiting| waiting.record.intent == record.intent) {
                self.waiting.push_back(OfRound { record, failed_tries: 0 });
            }
        }
        let mut repeated: HashMap<_, _> = repeated.into_iter().map(|record| (record.intent.clone(), record)).collect();
        let most = COMPARED - repeated.len().min(OF_EACH);
        let of_round: Vec<_> = self.waiting.drain(..self.waiting.len().min(most)).collect();
        of_round.iter().for_each(|next| drop(repeated.remove(&next.record.intent)));
        let turns = self.next.take(repeated.keys().cloned().collect(), COMPARED - of_round.len());
        let repeated = turns.iter().filter_map(|intent| repeated.remove(intent)).collect();
        Next { of_round, repeated }
    }

    /// Lets what could not be compared wait for a later pass, and returns what has failed too often: the round must go on.
    fn put_back(&mut self, failed: Vec<OfRound>) -> Vec<IntentId> {
        let (given_up, again): (Vec<_>, Vec<_>) = failed.into_iter().partition(|failed| failed.failed_tries >= TRIES);
        self.waiting.extend(again);
        given_up.into_iter().map(|failed| failed.record.intent).collect()
    }
}

impl Doubts<'_> {
    /// Compares as many payments as one pass does, and reports those that are wrong.
    pub async fn clear_up(&self, found: Found, reported: &mut Reported) {
        let Next { of_round, repeated } = reported.take(found.repeated, found.of_round);
        let all = of_round.into_iter().map(|next| (next.record, Some(next.failed_tries)));
        let all = all.chain(repeated.into_iter().map(|record| (record, None)));
        let compared = futures::stream::iter(all).map(|(record, failed_tries)| async move {
            let again = failed_tries.map(|failed_tries| OfRound { record: record.clone(), failed_tries });
            self.wrong(record).await.map_err(|why| (again, why))
        });
        let compared: Vec<_> = compared.buffer_unordered(AT_ONCE).collect().await;
        let mut failed = Vec::new();
        let mut last = None;
        for result in compared {
            match result {
                Ok(wrong) => wrong.iter().for_each(|difference| self.report(difference, reported)),
                Err((again, why)) => {
                    failed.extend(again);
                    last = Some(why);
                }
            }
        }
        // While gateway or views can't be read, more tries would only use them up.
        let used = u32::from(found.is_whole);
        failed.iter_mut().for_each(|failed| failed.failed_tries += used);
        let given_up = reported.put_back(failed);
        if let Some(why) = last {
            tracing::debug!(why, "some payments could not be compared; trying again at a later pass");
            self.give_up(&given_up, &why);
        }
    }

    /// Names what the round goes on without.
    fn give_up(&self, payments: &[IntentId], why: &str) {
        self.metrics.not_compared(payments.len());
        for some in payments.chunks(NAMED) {
            let intents: Vec<&str> = some.iter().map(IntentId::as_str).collect();
            tracing::warn!(
                payments = some.len(),
                intents = intents.join(", "),
                why,
                "payments could not be compared with their bookings in {TRIES} passes; the next round tries again, and so does \
                 `lastseat payments reconcile`"
            );
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
