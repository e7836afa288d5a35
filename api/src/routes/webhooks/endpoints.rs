//! `GET /v1/webhook-endpoints` and `POST /v1/webhook-endpoints/{endpoint}/replay`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::command::{Command, execute};
use crate::routes::params::{InEndpoint, unknown_endpoint};
use crate::routes::sender::ManageEndpoints;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::ports::event_log::{Direction, Filter, LogFault, Position};
use lastseat_domain::{EndpointId, Timestamp};
use lastseat_engine::CommandError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An endpoint of the shop. What this node does for it, and how far it has got on whichever node.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointJson {
    #[schema(value_type = String, example = "shop")]
    endpoint: EndpointId,
    url: String,
    /// Log position up to which every message was taken or given up, on whichever node, but for those that are pending; absent if
    /// nothing was sent yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    position: Option<Position>,
    /// Messages up to that position that it has not taken.
    pending: usize,
    /// Whether this node sends to it; the others only watch.
    sending: bool,
    /// Messages of this node that it has not taken yet.
    waiting: u64,
    /// Tries in a row that failed, of this node.
    failures_in_a_row: u32,
    /// Messages that it has taken from this node since the start, tries that failed, and messages that were given up.
    taken: u64,
    failed: u64,
    given_up: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_taken_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<FailureJson>,
}

/// A try that failed.
#[derive(Debug, Serialize, ToSchema)]
struct FailureJson {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    reason: String,
}

/// The shop's endpoints.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointList {
    items: Vec<EndpointJson>,
}

/// The shop's endpoints, and how they get on. For managers and admins.
#[utoipa::path(
    get,
    path = "/v1/webhook-endpoints",
    operation_id = "list_webhook_endpoints",
    tag = "operations",
    responses((status = 200, description = "The endpoints", body = EndpointList)),
    security(("token" = [])),
)]
pub async fn list_endpoints(State(app): State<App>, caller: Caller) -> Result<Answer, Problem> {
    caller.needs(Permission::ManageEndpoints)?;
    let mut items = Vec::new();
    for (endpoint, url, status) in app.parts().deliveries.all() {
        let recorded = app.box_office().deliveries(endpoint).await.map_err(CommandError::from)?;
        items.push(EndpointJson {
            endpoint: endpoint.clone(),
            url: url.to_owned(),
            position: recorded.position,
            pending: recorded.pending.len(),
            sending: status.is_sender,
            waiting: status.waiting,
            failures_in_a_row: status.failures_in_a_row,
            taken: status.taken,
            failed: status.failed,
            given_up: status.given_up,
            last_taken_at: status.last_taken_at,
            last_failure: status.last_failure.map(|(at, reason)| FailureJson { at, reason }),
        });
    }
    Ok(Answer::json(StatusCode::OK, &EndpointList { items }))
}

/// What is to be sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Replay {
    /// The `position` of the first message that is to be sent again; 0 for all that ever happened.
    #[schema(minimum = 0, example = 1200)]
    from: u64,
}

/// How far an endpoint is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replayed {
    #[schema(value_type = String, example = "shop")]
    endpoint: EndpointId,
    /// Messages after this log position are sent.
    #[schema(value_type = u64)]
    position: Position,
}

/// Sends an endpoint everything from a log position on again, in the same order and with the same ids. What is under way to
/// it meanwhile may arrive as well. For managers and admins.
#[utoipa::path(
    post,
    path = "/v1/webhook-endpoints/{endpoint}/replay",
    tag = "operations",
    params(("endpoint" = String, Path, description = "The endpoint's name")),
    request_body = Replay,
    responses((status = 202, description = "It is sent from there on", body = Replayed)),
    security(("token" = [])),
)]
pub async fn replay_webhooks(
    State(app): State<App>,
    InEndpoint(endpoint): InEndpoint,
    command: Result<Command<ManageEndpoints>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::ReplayWebhooks, command, async move |app: App, command: Command<ManageEndpoints>| {
        let Replay { from } = command.json()?;
        if !app.parts().deliveries.has(&endpoint) {
            return Err(unknown_endpoint());
        }
        let before = last_before(&app, Position(from)).await?;
        let state = app.box_office().replay_deliveries(&endpoint, before, command.origin()).await?;
        let position = state.position.unwrap_or_default();
        Ok(Answer::json(StatusCode::ACCEPTED, &Replayed { endpoint, position }))
    })
    .await
}

/// The position that is before that of an event. One that no event has can't be read from in every log.
async fn last_before(app: &App, from: Position) -> Result<Position, Problem> {
    if from == Position::START {
        return Ok(from);
    }
    let no_event = || {
        let detail = format!("No event has the position {from}. Take the `position` of a message, or 0 for all.");
        Problem::new(Code::InvalidRequest, detail).fact("field", "from")
    };
    let log = &app.parts().log;
    if from > log.head().await? {
        return Err(no_event());
    }
    match log.read_all(Some(from), Direction::Backwards, 1, &Filter::all()).await {
        Ok(page) => Ok(page.first().map_or(Position::START, |event| event.position)),
        Err(LogFault::Refused(_) | LogFault::Damaged(_)) => Err(no_event()),
        Err(fault) => Err(fault.into()),
    }
}
