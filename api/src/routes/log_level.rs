//! `GET` and `PATCH /v1/log-level`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::logging;
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::command::{Command, execute};
use crate::routes::sender::OperateServer;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a node logs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct LogLevel {
    /// `error`, `warn`, `info`, `debug`, `trace` or `off`; or levels of parts of the program, as the setting `log_level` has them.
    #[schema(max_length = 1000, example = "info,lastseat_engine=debug")]
    level: String,
}

/// What this node logs now. For admins.
#[utoipa::path(
    get,
    path = "/v1/log-level",
    tag = "operations",
    responses((status = 200, description = "The level", body = LogLevel)),
    security(("token" = [])),
)]
pub async fn get_log_level(caller: Caller) -> Result<Answer, Problem> {
    caller.needs(Permission::OperateServer)?;
    Ok(Answer::json(StatusCode::OK, &LogLevel { level: logging::level() }))
}

/// Changes what this node logs, until it is changed again or the node is restarted. Other nodes go on as they do. For admins.
#[utoipa::path(
    patch,
    path = "/v1/log-level",
    tag = "operations",
    request_body = LogLevel,
    responses((status = 200, description = "The new level", body = LogLevel)),
    security(("token" = [])),
)]
pub async fn set_log_level(State(app): State<App>, command: Result<Command<OperateServer>, Problem>) -> Answer {
    execute(&app, metrics::Command::SetLogLevel, command, async move |_: App, command: Command<OperateServer>| {
        let LogLevel { level } = command.json()?;
        let (before, by) = (logging::level(), command.caller.name());
        // By the louder of the two levels: who silences a node is named, too.
        let was_heard = tracing::enabled!(tracing::Level::WARN);
        if was_heard && logging::is_level(&level) {
            tracing::warn!(before, to = level, by, "the log level is changed");
        }
        if !logging::set_level(&level) {
            let detail = "`level` must be error, warn, info, debug, trace or off, or a list such as info,lastseat_engine=debug.";
            return Err(Problem::new(Code::InvalidRequest, detail).fact("field", "level"));
        }
        if !was_heard {
            tracing::warn!(before, to = level, by, "the log level is changed");
        }
        Ok(Answer::json(StatusCode::OK, &LogLevel { level }))
    })
    .await
}
