//! Counts what the server does, for Prometheus.
//!
//! What happens while a request waits is an addition to a series that was looked up before. What is known only when somebody
//! asks is written then ([`Gauges`]). Nothing is global: two servers in one process count separately.

mod answers;
mod calls;
mod commands;
mod gauges;
mod mails;
mod process;
mod reports;
mod samples;
mod shows;
mod snapshots;
mod webhooks;

pub use calls::{Calls, Dependency, span};
pub use commands::Command;
pub use gauges::Gauges;
pub use mails::MailOutcome;
pub use reports::SweepPass;
pub use shows::ShowGauges;
pub use webhooks::WebhookOutcome;

use crate::limits::policy::Policy;
use crate::problem::Code;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use lastseat_engine::BusyCause;
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use samples::Samples;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

type Label = [(&'static str, &'static str); 1];

/// The text formats that monitoring systems read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.0, with exemplars: traces of requests that took so long.
    OpenMetrics,
}

impl Format {
    /// What a client wants that sends this `Accept`.
    #[must_use]
    pub fn wanted(accept: Option<&str>) -> Self {
        let open = accept.is_some_and(|accept| accept.contains("application/openmetrics-text"));
        if open { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// As they were read for the one who asks.
    gauges: Arc<AsRead>,
    answers: answers::Answers,
    calls: Calls,
    replays: Counter,
    fast_refusals: Counter,
    busy: Family<Label, Counter>,
    limited: Family<Label, Counter>,
    shared_limits_unavailable: Counter,
    stream_clients: Gauge,
    webhooks: webhooks::Webhooks,
    mails: mails::Mails,
    reports: reports::Reports,
    snapshots: snapshots::Snapshots,
}

/// What is known only when somebody asks.
#[derive(Debug, Default)]
struct AsRead(Mutex<Gauges>);

impl Collector for AsRead {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut samples = Samples(encoder);
        self.0.lock().encode(&mut samples)?;
        process::encode(&mut samples)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        process::register_build(&mut registry);
        let gauges = Arc::<AsRead>::default();
        registry.register_collector(Box::new(Arc::clone(&gauges)));
        let metrics = Self {
            answers: answers::Answers::register(&mut registry),
            calls: Calls::register(&mut registry),
            webhooks: webhooks::Webhooks::register(&mut registry),
            mails: mails::Mails::register(&mut registry),
            reports: reports::Reports::register(&mut registry),
            snapshots: snapshots::Snapshots::register(&mut registry),
            registry,
            gauges,
            replays: Counter::default(),
            fast_refusals: Counter::default(),
            busy: Family::default(),
            limited: Family::default(),
            shared_limits_unavailable: Counter::default(),
            stream_clients: Gauge::default(),
        };
        metrics.registered()
    }
}

/// A client that reads a stream, counted until this is dropped.
pub struct StreamClient(Arc<Metrics>);

impl Drop for StreamClient {
    fn drop(&mut self) {
        self.0.stream_clients.dec();
    }
}

impl Metrics {
    /// With what this file registers.
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        let help = "Answers given again under an Idempotency-Key";
        registry.register("lastseat_idempotent_replays", help, self.replays.clone());
        let help = "Holds of taken seats that were refused without the router";
        registry.register("lastseat_fast_refusals", help, self.fast_refusals.clone());
        registry.register("lastseat_rate_limited", "Requests refused for a rate limit, by policy", self.limited.clone());
        let help = "Commands answered `busy`, by what there was too much of";
        registry.register("lastseat_busy", help, self.busy.clone());
        let help = "Requests that only this node's limits were applied to";
        registry.register("lastseat_shared_limits_unavailable", help, self.shared_limits_unavailable.clone());
        registry.register("lastseat_stream_clients", "Clients that read a seat stream", self.stream_clients.clone());
        // All from the start, so that the first of its kind is an increase.
        Policy::ALL.iter().for_each(|policy| drop(self.limited.get_or_create(&[("policy", policy.name())])));
        BusyCause::ALL.iter().for_each(|cause| drop(self.busy.get_or_create(&[("cause", cause.label())])));
        self
    }

    /// Measures the calls of the log, the guard and the gateway.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Counts an answer to a command, and how long it took. `trace`: the id of its W3C trace.
    pub fn answered(&self, command: Command, problem: Option<Code>, took: Duration, trace: Option<&str>) {
        self.answers.count(command, problem, took, trace);
    }

    /// Counts an answer `busy`.
    pub fn busy(&self, cause: BusyCause) {
        self.busy.get_or_create(&[("cause", cause.label())]).inc();
    }

    /// Counts an answer that was given again under its idempotency key.
    pub fn replayed(&self) {
        self.replays.inc();
    }

    /// Counts a hold that was refused before the router saw it. It is counted as an answer, too.
    pub fn refused_fast(&self) {
        self.fast_refusals.inc();
    }

    /// Counts a notification of the payment gateway.
    pub fn webhook(&self, outcome: WebhookOutcome) {
        self.webhooks.count(outcome);
    }

    /// Counts a mail.
    pub fn mail(&self, outcome: MailOutcome) {
        self.mails.count(outcome);
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
        self.limited.get_or_create(&[("policy", policy.name())]).inc();
    }

    /// Counts a request that only this node's limits were applied to, because the shared ones were
    /// unavailable.
    pub fn shared_limits_unavailable(&self) {
        self.shared_limits_unavailable.inc();
    }

    /// Counts a client of a stream for as long as the returned value lives.
    #[must_use]
    pub fn stream_client(self: &Arc<Self>) -> StreamClient {
        self.stream_clients.inc();
        StreamClient(Arc::clone(self))
    }

    /// Everything, in this format.
    #[must_use]
    pub fn render(&self, gauges: Gauges, format: Format) -> String {
        *self.gauges.0.lock() = gauges;
        let mut body = String::with_capacity(16 << 10);
        let written = match format {
            Format::Prometheus => prometheus_text::encode(&mut body, &self.registry),
            Format::OpenMetrics => text::encode(&mut body, &self.registry),
        };
        if written.is_err() {
            // Writing to a string can't fail; a label that can't be written could.
            tracing::error!("the metrics could not be written");
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_command_and_outcome() {
        let metrics = Arc::new(Metrics::default());
        metrics.answered(Command::Hold, None, Duration::from_millis(2), None);
        metrics.answered(Command::Hold, Some(Code::SeatUnavailable), Duration::from_millis(2), None);
        metrics.answered(Command::Hold, Some(Code::SeatUnavailable), Duration::from_millis(2), None);
        metrics.answered(Command::Authenticate, Some(Code::OutcomeUnknown), Duration::from_millis(2), None);
        let client = metrics.stream_client();
        metrics.limited(Policy::Address);
        metrics.refused_fast();
        metrics.busy(BusyCause::Append);
        let text =
            metrics.render(Gauges { head: Some(10), read_model: 7, guard_failures: 4, ..Gauges::default() }, Format::Prometheus);
        for line in [
            "lastseat_commands_total{command=\"hold\",outcome=\"ok\"} 1",
            "lastseat_commands_total{command=\"hold\",outcome=\"seat_unavailable\"} 2",
            "lastseat_commands_total{command=\"authenticate\",outcome=\"outcome_unknown\"} 1",
            "lastseat_commands_total{command=\"pay\",outcome=\"ok\"} 0",
            "lastseat_refusals_total{code=\"seat_unavailable\"} 2",
            "lastseat_refusals_total{code=\"outcome_unknown\"} 1",
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
        let text = metrics.render(Gauges::default(), Format::Prometheus);
        assert!(text.contains("lastseat_stream_clients 0") && !text.contains("lastseat_log_position"));
        assert!(text.contains("lastseat_event_log_up 0"));
    }
}
