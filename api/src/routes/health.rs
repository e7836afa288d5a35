//! `GET /health/live`, `GET /health/ready`

use crate::answer::Answer;
use crate::app::App;
use crate::routes::wire::names;
use axum::extract::State;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use lastseat_domain::ports::event_log::{Filter, Position, last_position};
use lastseat_projections::{SEAT_MAP, ViewStatus};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// A log that does not report its head within this time counts as down.
const LOG_PATIENCE: Duration = Duration::from_secs(2);

/// The views that are in the file.
const LISTS: &str = "the lists of bookings, rewards, sales and check-ins";

/// The state of the server.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Whether it can sell.
    #[schema(value_type = names::HealthStatus, example = "ok")]
    status: &'static str,
    /// What was checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<Check>,
}

/// One thing that was checked.
#[derive(Debug, Serialize, ToSchema)]
pub struct Check {
    #[schema(example = "event_log")]
    name: &'static str,
    /// Whether it works as it should. If not, the server is not ready, except for checks named
    /// `degraded`: those only make it slower or less safe.
    ok: bool,
    /// For people, not for programs.
    detail: String,
}

/// Whether the process runs. Checks nothing else: a broken disk must not get the process killed while
/// it saves what it can.
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "get_liveness",
    tag = "operations",
    responses((status = 200, description = "The process runs", body = Health)),
)]
pub async fn live() -> Answer {
    Answer::json(StatusCode::OK, &Health { status: "ok", checks: vec![] })
}

/// Whether the server can sell: the log answers, the engine and the seat map keep up with it, further connections can be
/// accepted, and the server is not stopping. Other causes of trouble, such as a seat guard that is down, lists of
/// bookings that are rebuilt or an OpenID provider that does not answer, are listed as `degraded` and leave the server ready.
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "get_readiness",
    tag = "operations",
    responses(
        (status = 200, description = "The server takes requests", body = Health),
        (status = 503, description = "It does not, or not yet", body = Health),
    ),
)]
pub async fn ready(State(app): State<App>) -> Answer {
    let Readiness { is_ready, checks, .. } = check(&app).await;
    if is_ready {
        return Answer::json(StatusCode::OK, &Health { status: "ok", checks });
    }
    Answer::json(StatusCode::SERVICE_UNAVAILABLE, &Health { status: "not_ready", checks })
        .header(RETRY_AFTER, HeaderValue::from_static("1"))
}

pub(super) struct Readiness {
    pub is_ready: bool,
    pub checks: Vec<Check>,
    /// How many of the checks are `degraded`.
    pub degraded: u64,
    /// The last position of the log, if it answers.
    pub head: Option<Position>,
}

/// Checks everything. Takes four seconds at most.
pub(super) async fn check(app: &App) -> Readiness {
    let (log, head) = event_log(app).await;
    let goal = last_of_ours(app, head).await;
    let engine = app.box_office().status();
    let engine_detail = if engine.ready { format!("{} positions behind", engine.lag) } else { "is reading the log".to_owned() };
    let stopping = app.parts().drain.is_cancelled();
    let reports_ended = app.parts().reports_ended.is_cancelled();
    let shortage = app.parts().capacity.shortage();
    let mut checks = vec![
        log,
        Check { name: "engine", ok: engine.ready, detail: engine_detail },
        seat_map(app, head, goal),
        Check {
            name: "connections",
            ok: shortage.is_none(),
            detail: shortage.unwrap_or_else(|| "there is room for more".to_owned()),
        },
        Check {
            name: "payments",
            ok: !reports_ended,
            detail: if reports_ended { "a task has ended; restart the server" } else { "are followed" }.to_owned(),
        },
        Check { name: "running", ok: !stopping, detail: if stopping { "is stopping" } else { "takes requests" }.to_owned() },
    ];
    let is_ready = checks.iter().all(|check| check.ok);
    // A degraded server is still better than none: nothing that follows is needed to sell.
    let degraded: Vec<String> =
        engine.degraded.into_iter().chain(views_in_trouble(app, goal)).chain(app.parts().auth.trouble()).collect();
    let count = degraded.len() as u64;
    checks.extend(degraded.into_iter().map(|detail| Check { name: "degraded", ok: false, detail }));
    Readiness { is_ready, checks, degraded: count, head }
}

async fn event_log(app: &App) -> (Check, Option<Position>) {
    let (ok, detail, head) = match tokio::time::timeout(LOG_PATIENCE, app.parts().log.head()).await {
        Ok(Ok(head)) => (true, format!("ends at position {head}"), Some(head)),
        Ok(Err(fault)) => {
            tracing::warn!(%fault, "the event log failed");
            (false, "answers with an error; see the server's log".to_owned(), None)
        }
        Err(_) => (false, "does not answer in time".to_owned(), None),
    };
    (Check { name: "event_log", ok, detail }, head)
}

/// What the views should reach; `None` if they have, or if it is not known. A shared log may end with events that are
/// not ours; the views never reach those.
async fn last_of_ours(app: &App, head: Option<Position>) -> Option<Position> {
    head.filter(|head| *head > app.read_model().position())?;
    let ours = Filter::our_streams();
    tokio::time::timeout(LOG_PATIENCE, last_position(&*app.parts().log, &ours)).await.ok().and_then(Result::ok)
}

/// Buyers choose by the seat map. What is wrong with its file, or an event that it lacks, does not keep them from buying:
/// the engine decides.
fn seat_map(app: &App, head: Option<Position>, goal: Option<Position>) -> Check {
    let reached = app.read_model().seats_freshness().position;
    let behind = format!("{} positions behind", head.map_or(0, |head| head.0.saturating_sub(reached.0)));
    let stalled = goal.and_then(|goal| app.seats_lag().too_long(goal, reached, app.now()));
    let has_failed = app.read_model().has_failed();
    let detail = match stalled {
        _ if has_failed => format!("{behind}: a task has ended; restart the server"),
        Some(seconds) => format!("{behind}, for {seconds} s"),
        None => behind,
    };
    Check { name: "seat_map", ok: !has_failed && stalled.is_none(), detail }
}

fn views_in_trouble(app: &App, goal: Option<Position>) -> Vec<String> {
    let model = app.read_model();
    let mut trouble = Vec::new();
    for ViewStatus { name, error, .. } in model.status() {
        let Some(error) = error else { continue };
        let of = if name == SEAT_MAP { "the seat map" } else { LISTS };
        let line = format!("{of}: {error}");
        // The lists are in one file, and have the same trouble.
        if !trouble.contains(&line) {
            trouble.push(line);
        }
    }
    let stalled = goal.and_then(|goal| app.lists_lag().too_long(goal, model.lists_position(), app.now()));
    trouble.extend(stalled.map(|seconds| format!("{LISTS} have not kept up with the log for {seconds} s")));
    trouble
}
