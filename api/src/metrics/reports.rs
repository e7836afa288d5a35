//! Counts what follows from the payment gateway's reports: failed refunds, and the sweep.

use lastseat_domain::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

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
    refunds_failed: Counter,
    passes: Family<[(&'static str, &'static str); 1], Counter>,
    found: Counter,
    checked: Counter,
    wrong: Counter,
    not_compared: Counter,
    /// As of the last pass.
    unreadable: Gauge,
    /// Seconds since 1970; 0 before the first.
    last_pass: Gauge,
}

impl Reports {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let reports = Self::default();
        let mut counter = |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        let help = "Reports of the payment gateway that a refund has failed";
        counter("lastseat_refunds_failed", help, &reports.refunds_failed);
        let help = "Bookings whose payment had got further at the gateway than in the log";
        counter("lastseat_payments_sweep_found", help, &reports.found);
        counter("lastseat_payments_sweep_looked_at", "Bookings that the sweep checked", &reports.checked);
        let help =
            "Payments that went wrong later and that the sweep found: once each, and again after 10,000 others or a restart";
        counter("lastseat_payments_sweep_wrong", help, &reports.wrong);
        let help = "Payments that the sweep could not compare with their bookings in several passes; its next round tries again";
        counter("lastseat_payments_sweep_not_compared", help, &reports.not_compared);
        let help = "Passes of the sweep over the gateway's payments, by outcome";
        registry.register("lastseat_payments_sweep_passes", help, reports.passes.clone());
        // All from the start, so that the first of its kind is an increase.
        for is_done in [true, false] {
            drop(reports.pass(is_done));
        }
        let help = "Payments at the gateway that the sweep can't understand; one that it can counts no more after its next round";
        registry.register("lastseat_payments_sweep_unreadable", help, reports.unreadable.clone());
        let help = "When the last completed pass of the sweep ended; 0 before the first";
        registry.register("lastseat_payments_sweep_last_timestamp_seconds", help, reports.last_pass.clone());
        reports
    }

    fn pass(&self, is_done: bool) -> Counter {
        self.passes.get_or_create_owned(&[("outcome", if is_done { "done" } else { "failed" })])
    }

    pub(super) fn refund_failed(&self) {
        self.refunds_failed.inc();
    }

    pub(super) fn found_wrong(&self) {
        self.wrong.inc();
    }

    pub(super) fn not_compared(&self, payments: usize) {
        self.not_compared.inc_by(payments as u64);
    }

    pub(super) fn swept(&self, pass: SweepPass, is_done: bool, now: Timestamp) {
        let SweepPass { found, checked, unreadable } = pass;
        self.found.inc_by(found as u64);
        self.checked.inc_by(checked as u64);
        self.unreadable.set(i64::try_from(unreadable).unwrap_or(i64::MAX));
        self.pass(is_done).inc();
        if is_done {
            self.last_pass.set(now.timestamp());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::prometheus_text::encode;

    #[test]
    fn passes_and_failed_refunds_are_counted() {
        let mut registry = Registry::default();
        let reports = Reports::register(&mut registry);
        let at = |seconds| Timestamp::from_timestamp(seconds, 0).unwrap();
        reports.swept(SweepPass { found: 120, checked: 100, unreadable: 7 }, true, at(1_000));
        reports.swept(SweepPass { found: 20, checked: 20, unreadable: 4 }, true, at(1_030));
        // It failed, and did something before.
        reports.swept(SweepPass { found: 1, checked: 1, unreadable: 3 }, false, at(1_060));
        reports.refund_failed();
        reports.found_wrong();
        reports.not_compared(2);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
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
