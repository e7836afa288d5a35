//! `GET /metrics`

use super::health::{self, Readiness};
use crate::answer::Answer;
use crate::app::App;
use crate::logging;
use crate::metrics::{Format, Gauges, ShowGauges};
use axum::extract::State;
use http::StatusCode;
use http::header::{ACCEPT, HeaderMap, HeaderValue};
use lastseat_domain::show::SaleState;
use lastseat_engine::Status;
use std::cmp::Reverse;

/// Most shows that have series of their own: those on sale come first, and of these the ones that begin last.
const MOST_SHOWS: usize = 100;

/// Counters and gauges as Prometheus reads them: in its text format, or in OpenMetrics, which has exemplars, for clients
/// that accept that.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "get_metrics",
    tag = "operations",
    responses((status = 200, description = "Prometheus text", body = String, content_type = "text/plain")),
)]
pub async fn metrics(State(app): State<App>, headers: HeaderMap) -> Answer {
    // The same check that the load balancer makes, so that the two never disagree.
    let Readiness { is_ready, degraded, head, .. } = health::check(&app).await;
    let engine = app.box_office().status();
    let (kept, bytes) = app.answers().size();
    let gauges = Gauges {
        ready: is_ready,
        in_flight: engine.in_flight as u64,
        head: head.map(|head| head.0),
        read_model: app.read_model().position().0,
        actors: engine.actors as u64,
        mailboxes: mailboxes(&app, &engine),
        engine_lag: engine.lag,
        unfinished: engine.unfinished as u64,
        uncaptured: engine.uncaptured as u64,
        flagged: app.read_model().under_review().await.ok(),
        degraded,
        guard_answers: engine.guard_answers,
        guard_failures: engine.guard_failures,
        log: engine.log,
        log_lines_dropped: logging::dropped(),
        views: app.read_model().status().into_iter().map(|view| (view.name, view.lag)).collect(),
        answers_kept: kept as u64,
        answers_bytes: bytes as u64,
        endpoints: app.parts().deliveries.all().map(|(name, _, status)| (name.to_string(), status)).collect(),
        shows: shows(&app).await,
        connection_bytes: app.parts().buffers.used() as u64,
        connections_cut: app.parts().buffers.closed(),
    };
    let format = Format::wanted(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()));
    let text = app.metrics().render(gauges, format);
    Answer::new(StatusCode::OK, HeaderValue::from_static(format.media_type()), text.into())
}

/// What waits in front of each kind of actor, and of each task that works through a queue.
fn mailboxes(app: &App, Status { messages, log, .. }: &Status) -> Vec<(&'static str, u64)> {
    let (accounts, webhooks) = (app.parts().accounts.as_ref(), app.parts().webhooks.as_ref());
    let mut depths = vec![
        ("seat", messages.seats as u64),
        ("payment", messages.payments as u64),
        ("rewards", messages.rewards as u64),
        ("log_writer", log.writer_queue),
    ];
    depths.extend(accounts.map(|accounts| ("mail", accounts.mails_waiting() as u64)));
    depths.extend(webhooks.map(|webhooks| ("gateway_webhook", webhooks.waiting() as u64)));
    depths
}

/// How shows sell, where the operator wants that to be seen. Those whose sales can't be read have no series meanwhile.
async fn shows(app: &App) -> ShowGauges {
    if !app.parts().metrics_of_shows {
        return ShowGauges::default();
    }
    let now = app.now();
    let mut all: Vec<_> = app.box_office().shows().into_iter().filter(|show| show.sale != SaleState::Cancelled).collect();
    // Among shows that sell, those that begin last: what began years ago may never have been closed.
    all.sort_by_key(|show| (show.check_on_sale(now).is_err(), Reverse(show.facts.details.starts_at), show.facts.show.clone()));
    let mut read = Vec::with_capacity(all.len().min(MOST_SHOWS));
    for show in all.iter().take(MOST_SHOWS) {
        if let Ok(Some(sales)) = app.read_model().sales(&show.facts.show).await {
            read.push(sales);
        }
    }
    ShowGauges::of(read, all.len().saturating_sub(MOST_SHOWS) as u64)
}
