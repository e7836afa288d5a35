//! Counts what follows from the payment gateway's reports: failed refunds, and the sweep.

use super::text::{family, sample, single};
use lastseat_domain::Timestamp;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// What a pass of the sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepPass {
    /// Bookings whose payment has got further at the gateway than in the log.
    pub found: usize,
    /// Those of them that were checked.
    pub checked: usize,
    /// Payments that can't be understood, as far as they were read since the round through all payments before.
    pub unreadable: usize,
}

#[derive(Debug, Default)]
pub(super) struct Reports {
    refunds_failed: AtomicU64,
    passes: AtomicU64,
    passes_failed: AtomicU64,
    found: AtomicU64,
    checked: AtomicU64,
    wrong: AtomicU64,
    not_compared: AtomicU64,
    /// As of the last pass.
    unreadable: AtomicU64,
    /// Seconds since 1970; 0 before the first.
    last_pass: AtomicI64,
}

impl Reports {
    pub(super) fn refund_failed(&self) {
        self.refunds_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn found_wrong(&self) {
        self.wrong.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn not_compared(&self, payments: usize) {
        self.not_compared.fetch_add(payments as u64, Ordering::Relaxed);
    }

    pub(super) fn swept(&self, pass: SweepPass, is_done: bool, now: Timestamp) {
        let SweepPass { found, checked, unreadable } = pass;
        self.found.fetch_add(found as u64, Ordering::Relaxed);
        self.checked.fetch_add(checked as u64, Ordering::Relaxed);
        self.unreadable.store(unreadable as u64, Ordering::Relaxed);
        if is_done {
            self.passes.fetch_add(1, Ordering::Relaxed);
            self.last_pass.store(now.timestamp(), Ordering::Relaxed);
        } else {
            self.passes_failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn render(&self, text: &mut String) {
        let of = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        let help = "Reports of the payment gateway that a refund has failed.";
        single(text, "lastseat_refunds_failed_total", "counter", help, of(&self.refunds_failed));
        let help = "Passes of the sweep over the gateway's payments, by outcome.";
        family(text, "lastseat_payments_sweep_passes_total", "counter", help);
        for (outcome, cell) in [("done", &self.passes), ("failed", &self.passes_failed)] {
            sample(text, &format!("lastseat_payments_sweep_passes_total{{outcome=\"{outcome}\"}}"), of(cell));
        }
        let help = "Bookings whose payment had got further at the gateway than in the log.";
        single(text, "lastseat_payments_sweep_found_total", "counter", help, of(&self.found));
        let help = "Bookings that the sweep checked.";
        single(text, "lastseat_payments_sweep_looked_at_total", "counter", help, of(&self.checked));
        let help =
            "Payments that went wrong later and that the sweep found: once each, and again after 10,000 others or a restart.";
        single(text, "lastseat_payments_sweep_wrong_total", "counter", help, of(&self.wrong));
        let help = "Payments that the sweep could not compare with their bookings in several passes; its next round tries again.";
        single(text, "lastseat_payments_sweep_not_compared_total", "counter", help, of(&self.not_compared));
        let help =
            "Payments at the gateway that the sweep can't understand; one that it can counts no more after its next round.";
        single(text, "lastseat_payments_sweep_unreadable", "gauge", help, of(&self.unreadable));
        let help = "When the last completed pass of the sweep ended; 0 before the first.";
        let last = u64::try_from(self.last_pass.load(Ordering::Relaxed)).unwrap_or(0);
        single(text, "lastseat_payments_sweep_last_timestamp_seconds", "gauge", help, last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_and_failed_refunds_are_counted() {
        let reports = Reports::default();
        let at = |seconds| Timestamp::from_timestamp(seconds, 0).unwrap();
        reports.swept(SweepPass { found: 120, checked: 100, unreadable: 7 }, true, at(1_000));
        reports.swept(SweepPass { found: 20, checked: 20, unreadable: 4 }, true, at(1_030));
        // It failed, and did something before.
        reports.swept(SweepPass { found: 1, checked: 1, unreadable: 3 }, false, at(1_060));
        reports.refund_failed();
        reports.found_wrong();
        reports.not_compared(2);
        let mut text = String::new();
        reports.render(&mut text);
        for line in [
            "lastseat_refunds_failed_total 1",
            "lastseat_payments_sweep_passes_total{outcome=\"done\"} 2",
            "lastseat_payments_sweep_passes_total{outcome=\"failed\"} 1",
            "lastseat_payments_sweep_found_total 141",
            "lastseat_payments_sweep_looked_at_total 121",
            "lastseat_payments_sweep_wrong_total 1",
            "lastseat_payments_sweep_not_compared_total 2",
            "lastseat_payments_sweep_unreadable 3",
            "lastseat_payments_sweep_last_timestamp_seconds 1030",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
