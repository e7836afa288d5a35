//! The figures of a sale, made of what is known: what is drawn, and what machines read.

use super::model::{Model, Show};
use super::scrape::{Scrape, whole};
use super::seats::Counts;
use super::window::{Latency, Window};
use serde::Serialize;
use std::collections::BTreeMap;

/// All figures. What is not known, or not yet, is absent.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// What rates are of; latencies are of the last minute.
    pub seconds: f64,
    pub server: Server,
    pub sale: Sale,
    pub latency: Latencies,
    pub log: Log,
    pub guard: Dependency,
    pub gateway: Dependency,
    pub work: Work,
    pub shows: Vec<ShowFigures>,
}

/// The process.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Server {
    pub version: Option<String>,
    pub ready: Option<bool>,
    /// Why it is not ready, or works with less than it should.
    pub trouble: Vec<String>,
    pub memory_bytes: Option<u64>,
    /// Processors that it kept busy.
    pub cpu: Option<f64>,
}

/// Events in a second.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sale {
    pub holds_per_second: Option<f64>,
    /// Payments answered with success.
    pub payments_per_second: Option<f64>,
    pub refusals_per_second: Option<f64>,
    /// By the problem's code.
    pub refusals: BTreeMap<String, f64>,
}

/// How long things took.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Latencies {
    /// All commands.
    pub requests: Option<Latency>,
    pub holds: Option<Latency>,
    pub payments: Option<Latency>,
    /// Of the event log, to the end of the sync to disk.
    pub appends: Option<Latency>,
}

/// The event log, and how far its readers are.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Log {
    pub up: Option<bool>,
    /// Events, or bytes of an EventStoreDB's log, that the slowest reader has not seen.
    pub lag: Option<u64>,
    pub appends_waiting: Option<u64>,
    /// Times in the last minute that calls were suspended, because the log answered nothing: its circuit was open.
    pub suspensions: u64,
}

/// Something that the server calls.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Dependency {
    /// Absent where the server does not say.
    pub up: Option<bool>,
    /// Calls in the last minute.
    pub calls: u64,
    /// Those that were not answered.
    pub faults: u64,
    pub latency: Option<Latency>,
}

/// What is under way or waits.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Work {
    pub commands_in_flight: Option<u64>,
    pub pending_bookings: Option<u64>,
    pub captures_due: Option<u64>,
    /// Clients of seat streams; this program is one.
    pub stream_readers: Option<u64>,
    /// Messages that wait for the shop's endpoints.
    pub webhooks_waiting: Option<u64>,
    pub webhook_failures_per_second: Option<f64>,
}

/// A show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShowFigures {
    pub show: String,
    pub title: String,
    pub status: String,
    pub seats: Option<Counts>,
}

impl Figures {
    /// The figures of what is known.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let none = Scrape::default();
        let (scrape, window) = (model.scrape.as_ref().unwrap_or(&none), &model.window);
        Self {
            seconds: rounded(window.seconds()),
            server: server(model, scrape),
            sale: sale(window),
            latency: latencies(window),
            log: log(scrape, window),
            guard: dependency(scrape, window, "seat_guard", Some("lastseat_seat_guard_up")),
            gateway: dependency(scrape, window, "payment_gateway", None),
            work: work(scrape, window),
            shows: model.shows.iter().map(|show| of_show(model, show)).collect(),
        }
    }
}

/// Three places are enough for people, and for machines.
fn rounded(value: f64) -> f64 {
    // The sum of nothing is -0.0, which is no figure to show.
    (value * 1e3).round() / 1e3 + 0.0
}

fn count(scrape: &Scrape, name: &str) -> Option<u64> {
    scrape.value(name, &[]).map(whole)
}

fn flag(scrape: &Scrape, name: &str) -> Option<bool> {
    scrape.value(name, &[]).map(|value| value > 0.0)
}

fn server(model: &Model, scrape: &Scrape) -> Server {
    let checks = model.health.iter().flat_map(|health| &health.checks).filter(|check| !check.ok);
    Server {
        version: scrape.label("lastseat_build_info", "version").map(str::to_owned),
        ready: flag(scrape, "lastseat_ready"),
        trouble: checks.map(|check| format!("{}: {}", check.name, check.detail)).collect(),
        memory_bytes: count(scrape, "process_resident_memory_bytes"),
        cpu: model.window.rate("process_cpu_seconds_total", &[]).map(rounded),
    }
}

fn sale(window: &Window) -> Sale {
    let done = |command| window.rate("lastseat_commands_total", &[("command", command), ("outcome", "ok")]).map(rounded);
    let refusals = window.rates_by("lastseat_refusals_total", "code");
    Sale {
        holds_per_second: done("hold"),
        payments_per_second: done("pay"),
        refusals_per_second: window.rate("lastseat_refusals_total", &[]).map(rounded),
        refusals: refusals.into_iter().map(|(code, rate)| (code, rounded(rate))).collect(),
    }
}

fn latency(window: &Window, name: &str, choice: &[(&str, &str)]) -> Option<Latency> {
    let Latency { p50_ms, p99_ms, beyond, count } = window.latency(name, choice)?;
    Some(Latency { p50_ms: rounded(p50_ms), p99_ms: rounded(p99_ms), beyond, count })
}

fn latencies(window: &Window) -> Latencies {
    let commands = |choice: &[(&str, &str)]| latency(window, "lastseat_command_seconds", choice);
    let append = [("dependency", "event_log"), ("call", "append")];
    Latencies {
        requests: commands(&[]),
        holds: commands(&[("command", "hold")]),
        payments: commands(&[("command", "pay")]),
        appends: latency(window, "lastseat_dependency_call_seconds", &append),
    }
}

fn log(scrape: &Scrape, window: &Window) -> Log {
    let lags = ["lastseat_engine_lag", "lastseat_read_model_lag", "lastseat_view_lag"].map(|name| scrape.greatest(name));
    Log {
        up: flag(scrape, "lastseat_event_log_up"),
        lag: lags.into_iter().flatten().reduce(f64::max).map(whole),
        appends_waiting: count(scrape, "lastseat_log_appends_waiting"),
        suspensions: whole(window.rose("lastseat_log_suspensions_total", &[])),
    }
}

fn dependency(scrape: &Scrape, window: &Window, name: &str, up: Option<&str>) -> Dependency {
    let calls = "lastseat_dependency_call_seconds";
    let rose = |choice: &[(&str, &str)]| whole(window.rose(&format!("{calls}_count"), choice));
    Dependency {
        up: up.and_then(|up| flag(scrape, up)),
        calls: rose(&[("dependency", name)]),
        faults: rose(&[("dependency", name), ("outcome", "fault")]),
        latency: latency(window, calls, &[("dependency", name)]),
    }
}

fn work(scrape: &Scrape, window: &Window) -> Work {
    Work {
        commands_in_flight: count(scrape, "lastseat_commands_in_flight"),
        pending_bookings: count(scrape, "lastseat_unfinished_bookings"),
        captures_due: count(scrape, "lastseat_captures_due"),
        stream_readers: count(scrape, "lastseat_stream_clients"),
        webhooks_waiting: count(scrape, "lastseat_webhook_messages_waiting"),
        webhook_failures_per_second: window.rate("lastseat_webhook_tries_failed_total", &[]).map(rounded),
    }
}

fn of_show(model: &Model, show: &Show) -> ShowFigures {
    let Show { id, title, status } = show.clone();
    ShowFigures { seats: model.counts(&id), show: id, title, status }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::top::model::{Check, Health, Update};
    use crate::limits::policy::Policy;
    use crate::metrics::{Command, Dependency as Called, Format, Gauges, Metrics};
    use crate::problem::Code;
    use std::time::Duration;
    use tokio::time::Instant;

    /// Every figure comes from metrics as this version of the server writes them.
    #[tokio::test]
    async fn the_figures_are_those_of_the_server() {
        let metrics = Metrics::default();
        let gauges = || Gauges {
            ready: true,
            in_flight: 3,
            head: Some(100),
            read_model: 95,
            engine_lag: 2,
            unfinished: 12,
            uncaptured: 1,
            guard_answers: true,
            views: vec![("seats", 7)],
            ..Gauges::default()
        };
        let mut model = Model::default();
        let mut scrape = |at: u64, text: &str| {
            let at = Duration::from_secs(at);
            model.apply(at, Update::Metrics(Scrape::read(at, text).unwrap()));
        };
        scrape(0, &metrics.render(gauges(), Format::Prometheus));
        for _ in 0..30 {
            metrics.answered(Command::Hold, None, Duration::from_millis(4), None);
        }
        for code in [Code::SeatUnavailable, Code::SeatUnavailable, Code::Busy] {
            metrics.answered(Command::Hold, Some(code), Duration::from_millis(4), None);
        }
        metrics.answered(Command::Pay, None, Duration::from_millis(400), None);
        metrics.limited(Policy::Address);
        metrics.calls().count(Called::EventLog, "append", true, Instant::now());
        metrics.calls().count(Called::EventLog, "read_all", true, Instant::now());
        metrics.calls().count(Called::PaymentGateway, "capture", false, Instant::now());
        scrape(2, &metrics.render(gauges(), Format::Prometheus));
        let check = |name: &str, ok| Check { name: name.into(), ok, detail: "no Redis".into() };
        let health = Health { checks: vec![check("event_log", true), check("degraded", false)] };
        model.apply(Duration::ZERO, Update::Health(health));

        let figures = Figures::of(&model);
        let Sale { holds_per_second, payments_per_second, refusals_per_second, refusals } = figures.sale;
        assert_eq!((holds_per_second, payments_per_second, refusals_per_second), (Some(15.0), Some(0.5), Some(1.5)));
        assert_eq!(refusals, BTreeMap::from([("busy".to_owned(), 0.5), ("seat_unavailable".to_owned(), 1.0)]));
        let counts = [&figures.latency.requests, &figures.latency.holds, &figures.latency.payments, &figures.latency.appends];
        assert_eq!(counts.map(|latency| latency.unwrap().count), [34, 33, 1, 1]);
        let holds = figures.latency.holds.unwrap();
        assert!(holds.p50_ms > 2.0 && holds.p99_ms <= 5.0, "{holds:?}");
        assert_eq!((figures.log.up, figures.log.lag), (Some(true), Some(7)));
        assert_eq!((figures.guard.up, figures.gateway.up), (Some(true), None));
        assert_eq!((figures.gateway.calls, figures.gateway.faults), (1, 1));
        let work = figures.work;
        assert_eq!((work.commands_in_flight, work.pending_bookings, work.captures_due), (Some(3), Some(12), Some(1)));
        assert_eq!(
            (work.stream_readers, work.webhook_failures_per_second.map(|rate| rate.to_string())),
            (Some(0), Some("0".into()))
        );
        let server = figures.server;
        assert_eq!((server.version.as_deref(), server.ready), (Some(env!("CARGO_PKG_VERSION")), Some(true)));
        assert_eq!(server.trouble, ["degraded: no Redis"]);
        #[cfg(target_os = "linux")]
        assert!(server.memory_bytes.unwrap() > 1 << 20);
    }

    #[test]
    fn nothing_known_is_nothing_and_not_zero() {
        let figures = Figures::of(&Model::default());
        assert_eq!((figures.sale.holds_per_second, figures.server.ready, figures.log.lag), (None, None, None));
        assert!(figures.latency.requests.is_none() && figures.shows.is_empty());
    }
}
