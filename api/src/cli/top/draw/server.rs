//! How the server is doing: latencies on the left, what it depends on and what waits on the right.

use super::canvas::Canvas;
use super::look::Look;
use super::scene::Scene;
use super::text::{NOTHING, bytes, latency, milliseconds, number, rate};
use crate::cli::top::figures::{Dependency, Figures};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Where the second column begins.
const SECOND: u16 = 42;

/// A name, a value, and what that looks like.
type Figure = (&'static str, String, Style);

/// Draws it.
pub fn draw(canvas: &mut Canvas<'_>, scene: &Scene<'_>) {
    canvas.line(scene.title("Server", None, canvas.width()));
    let (left, right) = (left(scene.figures), right(scene.figures, scene.look));
    for (left, right) in left.into_iter().zip(right) {
        canvas.columns(SECOND, line(left), line(right));
    }
}

fn line((name, value, style): Figure) -> Line<'static> {
    Line::from(vec![Span::raw(format!(" {name:<9} ")), Span::styled(value, style)])
}

fn left(figures: &Figures) -> [Figure; 6] {
    let (times, work, server) = (&figures.latency, &figures.work, &figures.server);
    let cpu = server.cpu.map_or_else(|| NOTHING.to_owned(), |cpu| format!("{cpu:.1}"));
    [
        ("requests", latency(times.requests.as_ref())),
        ("holds", latency(times.holds.as_ref())),
        ("payments", latency(times.payments.as_ref())),
        ("appends", latency(times.appends.as_ref())),
        ("readers", format!("{:<12} in flight {}", number(work.stream_readers), number(work.commands_in_flight))),
        ("memory", format!("{:<12} cpu {cpu}", bytes(server.memory_bytes))),
    ]
    .map(|(name, value)| (name, value, Style::new()))
}

fn right(figures: &Figures, look: Look) -> [Figure; 6] {
    let (log, work) = (&figures.log, &figures.work);
    let raised = |value: Option<u64>| if value.is_some_and(|value| value > 0) { look.careful() } else { Style::new() };
    let waiting = format!("{} waiting", number(log.appends_waiting));
    let (state, style) = match (log.up, log.suspensions) {
        (None, _) => (NOTHING.to_owned(), Style::new()),
        (Some(false), _) => ("DOWN: no sale".to_owned(), look.bad()),
        (Some(true), 0) => (format!("up, {waiting}"), raised(log.appends_waiting)),
        (Some(true), _) => ("up, was SUSPENDED".to_owned(), look.careful()),
    };
    let due = match work.captures_due {
        Some(due) if due > 0 => format!(", {} DUE", number(Some(due))),
        _ => String::new(),
    };
    let failures = work.webhook_failures_per_second.filter(|rate| *rate > 0.0);
    let fails = failures.map(|failures| format!(", {} FAIL/s", rate(Some(failures)))).unwrap_or_default();
    // A server has the series of each of its endpoints, and the others in any case.
    let webhooks = match (work.webhooks_waiting, work.commands_in_flight) {
        (None, Some(_)) => "no endpoints".to_owned(),
        (waiting, _) => format!("{} waiting{fails}", number(waiting)),
    };
    let (guard, guard_style) = dependency(&figures.guard, look);
    let (gateway, gateway_style) = dependency(&figures.gateway, look);
    [
        ("log", state, style),
        ("lag", number(log.lag), Style::new()),
        ("guard", guard, guard_style),
        ("gateway", gateway, gateway_style),
        ("pending", format!("{} bookings{due}", number(work.pending_bookings)), raised(work.captures_due)),
        ("webhooks", webhooks, if failures.is_some() { look.careful() } else { Style::new() }),
    ]
}

/// How something that the server calls is doing, by its calls of the last minute.
fn dependency(dependency: &Dependency, look: Look) -> (String, Style) {
    let Dependency { up, calls, faults, latency } = dependency;
    let p99 = latency.as_ref().map(|latency| format!(", p99 {}", milliseconds(latency.p99_ms))).unwrap_or_default();
    let of_calls = format!("{} of {} FAILED{p99}", number(Some(*faults)), number(Some(*calls)));
    match (up, calls, faults) {
        (Some(false), ..) => ("DOWN".to_owned(), look.bad()),
        (_, 1.., 1..) => (of_calls, look.careful()),
        (_, 1.., 0) => (format!("answers{p99}"), Style::new()),
        (Some(true), 0, _) => ("up, no calls".to_owned(), Style::new()),
        (None, 0, _) => ("no calls".to_owned(), look.dim()),
    }
}
