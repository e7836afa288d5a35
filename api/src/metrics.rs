//! Counts what the server does and renders it as Prometheus text.
//!
//! Every counter exists from the start, so that counting is one atomic addition and no label is
//! looked up while a request waits. Nothing is global: two servers in one process count separately.

mod commands;
mod gauges;
mod latency;
mod reports;
mod snapshots;
mod text;
mod webhooks;

pub use commands::Command;
pub use gauges::Gauges;
pub use reports::SweepPass;
pub use webhooks::WebhookOutcome;

use crate::limits::policy::Policy;
use crate::problem::Code;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use lastseat_engine::BusyCause;
use latency::Latency;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use text::{family, sample, single};

const OUTCOMES: usize = Code::ALL.len() + 1;

pub struct Metrics {
    /// By command and outcome; outcome 0 is a success, the others are the codes in their order.
    answers: Vec<AtomicU64>,
    latency: Latency,
    replays: AtomicU64,
    fast_refusals: AtomicU64,
    /// By cause.
    busy: [AtomicU64; BusyCause::ALL.len()],
    /// By policy.
    limited: [AtomicU64; Policy::ALL.len()],
    shared_limits_unavailable: AtomicU64,
    stream_clients: AtomicI64,
    webhooks: webhooks::Webhooks,
    reports: reports::Reports,
    snapshots: snapshots::Snapshots,
}

impl Default for Metrics {
    fn default() -> Self {
        let cells = Command::ALL.len() * OUTCOMES;
        Self {
            answers: (0..cells).map(|_| AtomicU64::new(0)).collect(),
            latency: Latency::default(),
            replays: AtomicU64::new(0),
            fast_refusals: AtomicU64::new(0),
            busy: Default::default(),
            limited: Default::default(),
            shared_limits_unavailable: AtomicU64::new(0),
            stream_clients: AtomicI64::new(0),
            webhooks: webhooks::Webhooks::default(),
            reports: reports::Reports::default(),
            snapshots: snapshots::Snapshots::default(),
        }
    }
}

/// A client that reads a stream, counted until this is dropped.
pub struct StreamClient(Arc<Metrics>);

impl Drop for StreamClient {
    fn drop(&mut self) {
        self.0.stream_clients.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Counts an answer to a command, and how long it took.
    pub fn answered(&self, command: Command, problem: Option<Code>, took: Duration) {
        self.latency.record(command, took);
        let outcome = problem.map_or(0, |code| code as usize + 1);
        if let Some(cell) = self.answers.get(command as usize * OUTCOMES + outcome) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an answer `busy`.
    pub fn busy(&self, cause: BusyCause) {
        if let Some(cell) = self.busy.get(cause as usize) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an answer that was given again under its idempotency key.
    pub fn replayed(&self) {
        self.replays.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a hold that was refused before the router saw it. It is counted as an answer, too.
    pub fn refused_fast(&self) {
        self.fast_refusals.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a notification of the payment gateway.
    pub fn webhook(&self, outcome: WebhookOutcome) {
        self.webhooks.count(outcome);
    }

    /// Counts a notification of the payment gateway that a refund has failed.
    pub fn refund_failed(&self) {
        self.reports.refund_failed();
    }

    /// Counts a payment that the sweep found to be wrong.
    pub fn found_wrong(&self) {
        self.reports.found_wrong();
    }

    /// Counts payments that the sweep could not compare with their bookings.
    pub fn not_compared(&self, payments: usize) {
        self.reports.not_compared(payments);
    }

    /// Counts a pass of the payments' sweep; `None`: it was broken off.
    pub fn swept(&self, pass: SweepPass, is_done: bool, now: Timestamp) {
        self.reports.swept(pass, is_done, now);
    }

    /// A snapshot of the write side was loaded at the start.
    pub fn snapshot_loaded(&self, position: Position, taken_at: Timestamp) {
        self.snapshots.has(position, taken_at);
    }

    /// Counts a snapshot of the write side.
    pub fn snapshot_stored(&self, position: Position, taken_at: Timestamp) {
        self.snapshots.stored();
        self.snapshots.has(position, taken_at);
    }

    /// Counts a snapshot that could not be stored.
    pub fn snapshot_failed(&self) {
        self.snapshots.failed();
    }

    /// Whether the last one could not be stored.
    pub fn snapshot_failed_last(&self) -> bool {
        self.snapshots.failed_last()
    }

    /// Counts a request that a limit refused.
    pub fn limited(&self, policy: Policy) {
        if let Some(cell) = self.limited.get(policy as usize) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a request that only this node's limits were applied to, because the shared ones were
    /// unavailable.
    pub fn shared_limits_unavailable(&self) {
        self.shared_limits_unavailable.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a client of a stream for as long as the returned value lives.
    #[must_use]
    pub fn stream_client(self: &Arc<Self>) -> StreamClient {
        self.stream_clients.fetch_add(1, Ordering::Relaxed);
        StreamClient(Arc::clone(self))
    }

    /// Everything as Prometheus text.
    #[must_use]
    pub fn render(&self, gauges: &Gauges) -> String {
        let mut text = String::with_capacity(4096);
        self.render_answers(&mut text);
        self.latency.render(&mut text);
        family(&mut text, "lastseat_rate_limited_total", "counter", "Requests refused for a rate limit, by policy.");
        for (policy, cell) in Policy::ALL.iter().zip(&self.limited) {
            let series = format!("lastseat_rate_limited_total{{policy=\"{}\"}}", policy.name());
            sample(&mut text, &series, cell.load(Ordering::Relaxed));
        }
        family(&mut text, "lastseat_busy_total", "counter", "Commands answered `busy`, by what there was too much of.");
        for (cause, cell) in BusyCause::ALL.iter().zip(&self.busy) {
            sample(&mut text, &format!("lastseat_busy_total{{cause=\"{}\"}}", cause.label()), cell.load(Ordering::Relaxed));
        }
        let shared = self.shared_limits_unavailable.load(Ordering::Relaxed);
        let help = "Requests that only this node's limits were applied to.";
        single(&mut text, "lastseat_shared_limits_unavailable_total", "counter", help, shared);
        let clients = u64::try_from(self.stream_clients.load(Ordering::Relaxed)).unwrap_or(0);
        single(&mut text, "lastseat_stream_clients", "gauge", "Clients that read a seat stream.", clients);
        self.webhooks.render(&mut text);
        self.reports.render(&mut text);
        self.snapshots.render(&mut text);
        gauges.render(&mut text);
        text
    }

    fn render_answers(&self, text: &mut String) {
        family(text, "lastseat_commands_total", "counter", "Answers to commands, by command and outcome.");
        for (command, cells) in Command::ALL.iter().zip(self.answers.chunks(OUTCOMES)) {
            let outcomes = std::iter::once("ok").chain(Code::ALL.iter().map(|c| c.text()));
            for (outcome, cell) in outcomes.zip(cells) {
                let count = cell.load(Ordering::Relaxed);
                // Successes are shown from the start, so that their rate is known before the first one.
                if count > 0 || outcome == "ok" {
                    let command = command.label();
                    sample(text, &format!("lastseat_commands_total{{command=\"{command}\",outcome=\"{outcome}\"}}"), count);
                }
            }
        }
        let refused = self.answers.chunks(OUTCOMES).flat_map(|cells| cells.iter().skip(1));
        let refused: u64 = refused.map(|cell| cell.load(Ordering::Relaxed)).sum();
        single(text, "lastseat_refusals_total", "counter", "Commands that were answered with a problem.", refused);
        let replays = self.replays.load(Ordering::Relaxed);
        single(text, "lastseat_idempotent_replays_total", "counter", "Answers given again under an Idempotency-Key.", replays);
        let fast = self.fast_refusals.load(Ordering::Relaxed);
        single(
            text,
            "lastseat_fast_refusals_total",
            "counter",
            "Holds of taken seats that were refused without the router.",
            fast,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_command_and_outcome() {
        let metrics = Arc::new(Metrics::default());
        metrics.answered(Command::Hold, None, Duration::from_millis(2));
        metrics.answered(Command::Hold, Some(Code::SeatUnavailable), Duration::from_millis(2));
        metrics.answered(Command::Hold, Some(Code::SeatUnavailable), Duration::from_millis(2));
        metrics.answered(Command::Authenticate, Some(Code::OutcomeUnknown), Duration::from_millis(2));
        let client = metrics.stream_client();
        metrics.limited(Policy::Address);
        metrics.refused_fast();
        metrics.busy(BusyCause::Append);
        let text = metrics.render(&Gauges { head: Some(10), read_model: 7, guard_failures: 4, ..Gauges::default() });
        for line in [
            "lastseat_commands_total{command=\"hold\",outcome=\"ok\"} 1",
            "lastseat_commands_total{command=\"hold\",outcome=\"seat_unavailable\"} 2",
            "lastseat_commands_total{command=\"authenticate\",outcome=\"outcome_unknown\"} 1",
            "lastseat_commands_total{command=\"pay\",outcome=\"ok\"} 0",
            "lastseat_refusals_total 3",
            "lastseat_fast_refusals_total 1",
            "lastseat_command_seconds_count{command=\"hold\"} 3",
            "lastseat_rate_limited_total{policy=\"caller\"} 0",
            "lastseat_rate_limited_total{policy=\"address\"} 1",
            "lastseat_busy_total{cause=\"append\"} 1",
            "lastseat_busy_total{cause=\"new_hold\"} 0",
            "lastseat_read_model_lag 3",
            "lastseat_stream_clients 1",
            "lastseat_event_log_up 1",
            "lastseat_seat_guard_up 0",
            "lastseat_seat_guard_failures_total 4",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        drop(client);
        let text = metrics.render(&Gauges::default());
        assert!(text.contains("lastseat_stream_clients 0") && !text.contains("lastseat_log_position"));
        assert!(text.contains("lastseat_event_log_up 0"));
    }
}
