//! What is measured when metrics are read.

use super::samples::{Samples, whole};
use super::shows::ShowGauges;
use crate::deliveries::EndpointStatus;
use lastseat_domain::ports::event_log::LogReport;
use std::fmt;
use std::time::Duration;

#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// Whether the server takes requests.
    pub ready: bool,
    /// Commands being executed.
    pub in_flight: u64,
    /// Last position of the log; none if the log does not answer.
    pub head: Option<u64>,
    /// Last position that the read model has.
    pub read_model: u64,
    /// Actors in memory.
    pub actors: u64,
    /// By kind of actor: messages sent and not handled.
    pub mailboxes: Vec<(&'static str, u64)>,
    /// Events that the write side has not seen yet.
    pub engine_lag: u64,
    /// Bookings that are held, being paid for or being cleaned up.
    pub unfinished: u64,
    /// Sold bookings that are not paid, and whose authorisation is about to end.
    pub uncaptured: u64,
    /// Payments that a person has to look at; none while the views can't be read.
    pub flagged: Option<u64>,
    /// Reasons why the server works with less than it should.
    pub degraded: u64,
    /// Whether the seat guard answers, as far as is known.
    pub guard_answers: bool,
    /// Times that the seat guard did not answer when it was needed.
    pub guard_failures: u64,
    /// What the log counts of itself.
    pub log: LogReport,
    /// Log lines that were dropped since the start.
    pub log_lines_dropped: u64,
    /// Each view's name, and how many positions it is behind the log.
    pub views: Vec<(&'static str, u64)>,
    /// Answers stored for their repeats.
    pub answers_kept: u64,
    /// Bytes that they take.
    pub answers_bytes: u64,
    /// What this node knows of each of the shop's endpoints.
    pub endpoints: Vec<(String, EndpointStatus)>,
    /// How shows sell.
    pub shows: ShowGauges,
    /// Bytes that connections keep for slow clients.
    pub connection_bytes: u64,
    /// Connections that were closed because those were too many.
    pub connections_cut: u64,
}

impl Gauges {
    pub(super) fn encode(&self, samples: &mut Samples<'_>) -> fmt::Result {
        let lag = self.head.map(|head| head.saturating_sub(self.read_model));
        for (name, help, value) in [
            ("lastseat_ready", "Whether the server takes requests", Some(u64::from(self.ready))),
            ("lastseat_commands_in_flight", "Commands being executed", Some(self.in_flight)),
            ("lastseat_log_position", "Position of the last event in the log", self.head),
            ("lastseat_read_model_position", "Position of the last event in the read model", Some(self.read_model)),
            ("lastseat_read_model_lag", "Events that the read model has not seen yet", lag),
            ("lastseat_engine_lag", "Events that the write side has not seen yet", Some(self.engine_lag)),
            ("lastseat_unfinished_bookings", "Bookings held, being paid for or being cleaned up", Some(self.unfinished)),
            ("lastseat_captures_due", "Sold bookings not paid, whose authorisation ends within 24 h", Some(self.uncaptured)),
            ("lastseat_payments_flagged", "Payments that a person has to look at", self.flagged),
            ("lastseat_degraded", "Reasons why the server works with less than it should", Some(self.degraded)),
            ("lastseat_event_log_up", "Whether the event log answers", Some(u64::from(self.head.is_some()))),
            ("lastseat_log_append_limit", "Appends that may be in flight to an EventStoreDB", Some(self.log.append_limit)),
            ("lastseat_log_appends_in_flight", "Appends sent to it and not answered", Some(self.log.appends_in_flight)),
            ("lastseat_log_appends_waiting", "Appends that wait for their turn", Some(self.log.appends_waiting)),
            ("lastseat_seat_guard_up", "Whether the seat guard answers", Some(u64::from(self.guard_answers))),
            ("lastseat_actors", "Actors in memory", Some(self.actors)),
            ("lastseat_idempotency_answers", "Answers stored for their repeats", Some(self.answers_kept)),
            ("lastseat_idempotency_bytes", "Bytes that the stored answers take", Some(self.answers_bytes)),
            ("lastseat_connection_bytes", "Bytes that are kept for slow clients", Some(self.connection_bytes)),
        ] {
            if let Some(value) = value {
                samples.gauge(name, help, value)?;
            }
        }
        let mailboxes = self.mailboxes.iter().map(|(actor, messages)| ([("actor", *actor)], whole(*messages)));
        samples.gauges("lastseat_mailbox_messages", "Messages sent to actors of a kind and not handled", mailboxes)?;
        self.encode_counters(samples)?;
        self.encode_endpoints(samples)?;
        let views = self.views.iter().map(|(view, lag)| ([("view", *view)], whole(*lag)));
        samples.gauges("lastseat_view_lag", "Positions that a view is behind the log", views)?;
        self.shows.encode(samples)
    }

    fn encode_counters(&self, samples: &mut Samples<'_>) -> fmt::Result {
        let help = "Times that the seat guard did not answer when it was needed";
        samples.counter("lastseat_seat_guard_failures", help, self.guard_failures)?;
        let help = "Times that an EventStoreDB found a live subscription too slow. Nothing is lost";
        samples.counter("lastseat_slow_subscriptions", help, self.log.slow_subscriptions)?;
        let help = "Times that calls were suspended because the event log answered nothing";
        samples.counter("lastseat_log_suspensions", help, self.log.suspensions)?;
        let help = "Transactions that the embedded log has made durable, each for all appends that had arrived";
        samples.counter("lastseat_log_commits", help, self.log.commits)?;
        samples.counter("lastseat_log_committed_events", "Events in them", self.log.committed_events)?;
        let seconds = Duration::from_micros(self.log.commit_micros).as_secs_f64();
        samples.counter("lastseat_log_commit_seconds", "Time that they took, to the end of the sync to disk", seconds)?;
        samples.counter("lastseat_log_lines_dropped", "Log lines that could not be written", self.log_lines_dropped)?;
        let help = "Connections closed because slow clients kept too much memory";
        samples.counter("lastseat_connections_cut", help, self.connections_cut)
    }

    fn encode_endpoints(&self, samples: &mut Samples<'_>) -> fmt::Result {
        let of_each = |value: fn(&EndpointStatus) -> u64| {
            self.endpoints.iter().map(move |(endpoint, status)| ([("endpoint", endpoint.as_str())], value(status)))
        };
        let help = "Messages to the shop's endpoints that were taken";
        samples.counters("lastseat_webhook_messages_taken", help, of_each(|status| status.taken))?;
        let help = "Tries to send a message to an endpoint that failed";
        samples.counters("lastseat_webhook_tries_failed", help, of_each(|status| status.failed))?;
        let help = "Messages that an endpoint did not take for three days";
        samples.counters("lastseat_webhook_messages_given_up", help, of_each(|status| status.given_up))?;
        let help = "Messages that this node has to send to an endpoint";
        let waiting = of_each(|status| status.waiting).map(|(labels, many)| (labels, whole(many)));
        samples.gauges("lastseat_webhook_messages_waiting", help, waiting)
    }
}
