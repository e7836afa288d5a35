//! What is measured when metrics are read.

use super::text::{family, sample, single};
use crate::deliveries::EndpointStatus;
use lastseat_domain::ports::event_log::LogReport;

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
    /// Events that the write side has not seen yet.
    pub engine_lag: u64,
    /// Bookings that are held, being paid for or being cleaned up.
    pub unfinished: u64,
    /// Sold bookings that are not paid, and whose authorisation is about to end.
    pub uncaptured: u64,
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
    /// Bytes that connections keep for slow clients.
    pub connection_bytes: u64,
    /// Connections that were closed because those were too many.
    pub connections_cut: u64,
}

impl Gauges {
    pub(super) fn render(&self, text: &mut String) {
        let lag = self.head.map(|head| head.saturating_sub(self.read_model));
        for (name, help, value) in [
            ("lastseat_ready", "Whether the server takes requests.", Some(u64::from(self.ready))),
            ("lastseat_commands_in_flight", "Commands being executed.", Some(self.in_flight)),
            ("lastseat_log_position", "Position of the last event in the log.", self.head),
            ("lastseat_read_model_position", "Position of the last event in the read model.", Some(self.read_model)),
            ("lastseat_read_model_lag", "Events that the read model has not seen yet.", lag),
            ("lastseat_engine_lag", "Events that the write side has not seen yet.", Some(self.engine_lag)),
            ("lastseat_unfinished_bookings", "Bookings held, being paid for or being cleaned up.", Some(self.unfinished)),
            ("lastseat_captures_due", "Sold bookings not paid, whose authorisation ends within 24 h.", Some(self.uncaptured)),
            ("lastseat_degraded", "Reasons why the server works with less than it should.", Some(self.degraded)),
            ("lastseat_event_log_up", "Whether the event log answers.", Some(u64::from(self.head.is_some()))),
            ("lastseat_log_append_limit", "Appends that may be in flight to an EventStoreDB.", Some(self.log.append_limit)),
            ("lastseat_log_appends_in_flight", "Appends sent to it and not answered.", Some(self.log.appends_in_flight)),
            ("lastseat_log_appends_waiting", "Appends that wait for their turn.", Some(self.log.appends_waiting)),
            ("lastseat_seat_guard_up", "Whether the seat guard answers.", Some(u64::from(self.guard_answers))),
            ("lastseat_actors", "Actors in memory.", Some(self.actors)),
            ("lastseat_idempotency_answers", "Answers stored for their repeats.", Some(self.answers_kept)),
            ("lastseat_idempotency_bytes", "Bytes that the stored answers take.", Some(self.answers_bytes)),
            ("lastseat_connection_bytes", "Bytes that are kept for slow clients.", Some(self.connection_bytes)),
        ] {
            if let Some(value) = value {
                single(text, name, "gauge", help, value);
            }
        }
        let help = "Times that the seat guard did not answer when it was needed.";
        single(text, "lastseat_seat_guard_failures_total", "counter", help, self.guard_failures);
        let help = "Times that an EventStoreDB found a live subscription too slow. Nothing is lost.";
        single(text, "lastseat_slow_subscriptions_total", "counter", help, self.log.slow_subscriptions);
        let help = "Times that calls were suspended because the event log answered nothing.";
        single(text, "lastseat_log_suspensions_total", "counter", help, self.log.suspensions);
        let help = "Log lines that could not be written and were dropped.";
        single(text, "lastseat_log_lines_dropped_total", "counter", help, self.log_lines_dropped);
        let help = "Connections closed because slow clients kept too much memory.";
        single(text, "lastseat_connections_cut_total", "counter", help, self.connections_cut);
        self.render_endpoints(text);
        family(text, "lastseat_view_lag", "gauge", "Positions that a view is behind the log.");
        for (view, lag) in &self.views {
            sample(text, &format!("lastseat_view_lag{{view=\"{view}\"}}"), *lag);
        }
    }
    fn render_endpoints(&self, text: &mut String) {
        let of_each = |text: &mut String, name: &str, kind: &str, help: &str, value: fn(&EndpointStatus) -> u64| {
            family(text, name, kind, help);
            for (endpoint, status) in &self.endpoints {
                sample(text, &format!("{name}{{endpoint=\"{endpoint}\"}}"), value(status));
            }
        };
        let help = "Messages to the shop's endpoints that were taken.";
        of_each(text, "lastseat_webhook_messages_taken_total", "counter", help, |status| status.taken);
        let help = "Tries to send a message to an endpoint that failed.";
        of_each(text, "lastseat_webhook_tries_failed_total", "counter", help, |status| status.failed);
        let help = "Messages that an endpoint did not take for three days.";
        of_each(text, "lastseat_webhook_messages_given_up_total", "counter", help, |status| status.given_up);
        let help = "Messages that this node has to send to an endpoint.";
        of_each(text, "lastseat_webhook_messages_waiting", "gauge", help, |status| status.waiting);
    }
}
