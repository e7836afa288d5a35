//! What is counted, and its rendering as Prometheus text.
//!
//! Every counter exists from the start, so that counting is one atomic addition and no label is
//! looked up while a request waits. Nothing here is global: two servers in one process count apart.

mod latency;

use crate::limits::Policy;
use crate::problem::Code;
use latency::Latency;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

macro_rules! commands {
    ($($name:ident = $label:literal),* $(,)?) => {
        /// A command of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Command {
            $(#[doc = $label] $name,)*
        }

        impl Command {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its label.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

commands! {
    Hold = "hold",
    Pay = "pay",
    Extend = "extend",
    Cancel = "cancel",
    Refund = "refund",
    ScheduleShow = "schedule_show",
    PauseSales = "pause_sales",
    ResumeSales = "resume_sales",
    CancelShow = "cancel_show",
    RedeemVoucher = "redeem_voucher",
    Authenticate = "authenticate",
}

const OUTCOMES: usize = Code::ALL.len() + 1;

/// The counters.
pub struct Metrics {
    /// By command and outcome; outcome 0 is a success, the others are the codes in their order.
    answers: Vec<AtomicU64>,
    latency: Latency,
    replays: AtomicU64,
    /// By policy.
    limited: [AtomicU64; Policy::ALL.len()],
    limited_alone: AtomicU64,
    listeners: AtomicI64,
}

impl Default for Metrics {
    fn default() -> Self {
        let cells = Command::ALL.len() * OUTCOMES;
        Self {
            answers: (0..cells).map(|_| AtomicU64::new(0)).collect(),
            latency: Latency::default(),
            replays: AtomicU64::new(0),
            limited: Default::default(),
            limited_alone: AtomicU64::new(0),
            listeners: AtomicI64::new(0),
        }
    }
}

/// What is measured at the moment of asking.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// Whether the server takes requests.
    pub ready: bool,
    /// Commands under way.
    pub in_flight: u64,
    /// Last position of the log, if it can be told.
    pub head: Option<u64>,
    /// Last position in the read model.
    pub read_model: u64,
    /// Actors awake.
    pub actors: u64,
    /// Events that the write side has not seen yet.
    pub engine_lag: u64,
    /// Bookings that are not at rest.
    pub unfinished: u64,
    /// Reasons why the server works with less than it should.
    pub degraded: u64,
    /// Whether the seat guard answers, as far as is known.
    pub guard_answers: bool,
    /// Times that the seat guard did not answer when it was needed.
    pub guard_failures: u64,
    /// Views, and how many positions each is behind the log.
    pub views: Vec<(&'static str, u64)>,
    /// Answers kept for their repeats.
    pub answers_kept: u64,
    /// Bytes that they take.
    pub answers_bytes: u64,
}

/// Somebody who listens to a stream, counted until dropped.
pub struct Listener(Arc<Metrics>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Counts an answer to a command, and how long it took.
    pub fn answered(&self, command: Command, problem: Option<Code>, took: Duration) {
        self.latency.took(command, took);
        let outcome = problem.map_or(0, |code| code as usize + 1);
        if let Some(cell) = self.answers.get(command as usize * OUTCOMES + outcome) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an answer that was given before.
    pub fn replayed(&self) {
        self.replays.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that was refused for a limit.
    pub fn limited(&self, policy: Policy) {
        if let Some(cell) = self.limited.get(policy as usize) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a request for which the limits that all nodes share could not be asked.
    pub fn limited_by_this_node_alone(&self) {
        self.limited_alone.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a listener for as long as the returned value lives.
    #[must_use]
    pub fn listener(self: &Arc<Self>) -> Listener {
        self.listeners.fetch_add(1, Ordering::Relaxed);
        Listener(Arc::clone(self))
    }

    /// Everything as Prometheus text.
    #[must_use]
    pub fn render(&self, gauges: &Gauges) -> String {
        let mut text = String::with_capacity(4096);
        family(&mut text, "lastseat_commands_total", "counter", "Answers to commands, by command and outcome.");
        for (command, cells) in Command::ALL.iter().zip(self.answers.chunks(OUTCOMES)) {
            let outcomes = std::iter::once("ok").chain(Code::ALL.iter().map(|c| c.text()));
            for (outcome, cell) in outcomes.zip(cells) {
                let count = cell.load(Ordering::Relaxed);
                // A success is shown from the start, so that its rate is known before the first one.
                if count > 0 || outcome == "ok" {
                    let command = command.label();
                    line(&mut text, &format!("lastseat_commands_total{{command=\"{command}\",outcome=\"{outcome}\"}}"), count);
                }
            }
        }
        self.latency.render(&mut text);
        family(&mut text, "lastseat_rate_limited_total", "counter", "Requests refused for a rate limit, by policy.");
        for (policy, cell) in Policy::ALL.iter().zip(&self.limited) {
            line(
                &mut text,
                &format!("lastseat_rate_limited_total{{policy=\"{}\"}}", policy.name()),
                cell.load(Ordering::Relaxed),
            );
        }
        let refused: u64 = self.answers.chunks(OUTCOMES).flat_map(|c| c.iter().skip(1)).map(|c| c.load(Ordering::Relaxed)).sum();
        let lag = gauges.head.map(|head| head.saturating_sub(gauges.read_model));
        let listeners = u64::try_from(self.listeners.load(Ordering::Relaxed)).unwrap_or(0);
        for (name, kind, help, value) in [
            ("lastseat_refusals_total", "counter", "Commands that were answered with a problem.", Some(refused)),
            (
                "lastseat_idempotent_replays_total",
                "counter",
                "Answers given again under an Idempotency-Key.",
                Some(self.replays.load(Ordering::Relaxed)),
            ),
            (
                "lastseat_shared_limits_unavailable_total",
                "counter",
                "Requests that only this node's limits were asked about.",
                Some(self.limited_alone.load(Ordering::Relaxed)),
            ),
            ("lastseat_ready", "gauge", "Whether the server takes requests.", Some(u64::from(gauges.ready))),
            ("lastseat_commands_in_flight", "gauge", "Commands under way.", Some(gauges.in_flight)),
            ("lastseat_log_position", "gauge", "Position of the last event in the log.", gauges.head),
            ("lastseat_read_model_position", "gauge", "Position of the last event in the read model.", Some(gauges.read_model)),
            ("lastseat_read_model_lag", "gauge", "Events that the read model has not seen yet.", lag),
            ("lastseat_engine_lag", "gauge", "Events that the write side has not seen yet.", Some(gauges.engine_lag)),
            (
                "lastseat_unfinished_bookings",
                "gauge",
                "Bookings held, being paid for or being cleared away.",
                Some(gauges.unfinished),
            ),
            ("lastseat_degraded", "gauge", "Reasons why the server works with less than it should.", Some(gauges.degraded)),
            ("lastseat_event_log_up", "gauge", "Whether the event log answers.", Some(u64::from(gauges.head.is_some()))),
            ("lastseat_seat_guard_up", "gauge", "Whether the seat guard answers.", Some(u64::from(gauges.guard_answers))),
            (
                "lastseat_seat_guard_failures_total",
                "counter",
                "Times that the seat guard did not answer when it was needed.",
                Some(gauges.guard_failures),
            ),
            ("lastseat_actors", "gauge", "Actors awake.", Some(gauges.actors)),
            ("lastseat_stream_clients", "gauge", "Clients that listen to a seat stream.", Some(listeners)),
            ("lastseat_idempotency_answers", "gauge", "Answers kept for their repeats.", Some(gauges.answers_kept)),
            ("lastseat_idempotency_bytes", "gauge", "Bytes that the kept answers take.", Some(gauges.answers_bytes)),
        ] {
            if let Some(value) = value {
                family(&mut text, name, kind, help);
                line(&mut text, name, value);
            }
        }
        family(&mut text, "lastseat_view_lag", "gauge", "Positions that a view is behind the log.");
        for (view, lag) in &gauges.views {
            line(&mut text, &format!("lastseat_view_lag{{view=\"{view}\"}}"), *lag);
        }
        text
    }
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string can't fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

fn line(text: &mut String, series: &str, value: u64) {
    let _ = writeln!(text, "{series} {value}");
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
        let listener = metrics.listener();
        metrics.limited(Policy::Address);
        let text = metrics.render(&Gauges { head: Some(10), read_model: 7, guard_failures: 4, ..Gauges::default() });
        for line in [
            "lastseat_commands_total{command=\"hold\",outcome=\"ok\"} 1",
            "lastseat_commands_total{command=\"hold\",outcome=\"seat_unavailable\"} 2",
            "lastseat_commands_total{command=\"authenticate\",outcome=\"outcome_unknown\"} 1",
            "lastseat_commands_total{command=\"pay\",outcome=\"ok\"} 0",
            "lastseat_refusals_total 3",
            "lastseat_command_seconds_count{command=\"hold\"} 3",
            "lastseat_rate_limited_total{policy=\"caller\"} 0",
            "lastseat_rate_limited_total{policy=\"address\"} 1",
            "lastseat_read_model_lag 3",
            "lastseat_stream_clients 1",
            "lastseat_event_log_up 1",
            "lastseat_seat_guard_up 0",
            "lastseat_seat_guard_failures_total 4",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        drop(listener);
        let text = metrics.render(&Gauges::default());
        assert!(text.contains("lastseat_stream_clients 0") && !text.contains("lastseat_log_position"));
        assert!(text.contains("lastseat_event_log_up 0"));
    }
}
