//! `GET /health/live`, `GET /health/ready`

use crate::answer::Answer;
use crate::app::App;
use axum::extract::State;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use lastseat_domain::ports::event_log::{Filter, Position, last_position};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// A log that does not report its head within this time counts as down.
const LOG_PATIENCE: Duration = Duration::from_secs(2);

/// The state of the server.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok` or `not_ready`.
    #[schema(example = "ok")]
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
    tag = "operations",
    responses((status = 200, description = "The process runs", body = Health)),
)]
pub async fn live() -> Answer {
    Answer::json(StatusCode::OK, &Health { status: "ok", checks: vec![] })
}

/// Whether the server can take requests: the log answers, the engine and the read model keep up with
/// it, further connections can be accepted, and the server is not stopping. Other causes of trouble, such as a seat guard that is down, are
/// listed as `degraded` and leave the server ready.
#[utoipa::path(
    get,
    path = "/health/ready",
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
    /// The last position of the log, if it answers.
    pub head: Option<Position>,
}

/// Checks everything. Takes four seconds at most.
pub(super) async fn check(app: &App) -> Readiness {
    let head = tokio::time::timeout(LOG_PATIENCE, app.parts().log.head()).await;
    let (log_ok, log_detail, head) = match head {
        Ok(Ok(head)) => (true, format!("ends at position {head}"), Some(head)),
        Ok(Err(fault)) => {
            tracing::warn!(%fault, "the event log failed");
            (false, "answers with an error; see the server's log".to_owned(), None)
        }
        Err(_) => (false, "does not answer in time".to_owned(), None),
    };
    let engine = app.box_office().status();
    let engine_detail = if engine.ready { format!("{} positions behind", engine.lag) } else { "is reading the log".to_owned() };
    let reached = app.read_model().position();
    let behind = format!("{} positions behind", head.map_or(0, |head| head.0.saturating_sub(reached.0)));
    // A shared log may end with events that are not ours; the read model never reaches those.
    let goal = match head {
        Some(head) if head > reached => {
            let ours = Filter::our_streams();
            tokio::time::timeout(LOG_PATIENCE, last_position(&*app.parts().log, &ours)).await.ok().and_then(Result::ok)
        }
        _ => None,
    };
    let stalled = goal.and_then(|goal| app.lag().too_long(goal, reached, app.now()));
    let error = app.read_model().status().into_iter().find_map(|view| view.error);
    let stopping = app.parts().drain.is_cancelled();
    let reports_ended = app.parts().reports_ended.is_cancelled();
    let shortage = app.parts().capacity.shortage();
    let mut checks = vec![
        Check { name: "event_log", ok: log_ok, detail: log_detail },
        Check { name: "engine", ok: engine.ready, detail: engine_detail },
        Check {
            name: "read_model",
            ok: error.is_none() && stalled.is_none(),
            detail: match (error, stalled) {
                (Some(why), _) => format!("{behind}: {why}"),
                (None, Some(seconds)) => format!("{behind}, for {seconds} s"),
                (None, None) => behind,
            },
        },
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
    // A degraded server is still better than none.
    checks.extend(engine.degraded.into_iter().map(|detail| Check { name: "degraded", ok: false, detail }));
    Readiness { is_ready, checks, head }
}
