//! `POST /v1/shows/{show}/resume`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::Role;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::params::InShow;
use crate::routes::wire::ShowJson;
use axum::extract::State;
use http::StatusCode;

/// Takes holds for a paused show again.
#[utoipa::path(
    post,
    path = "/v1/shows/{show}/resume",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 200, description = "The show, on sale again", body = ShowJson)),
    security(("token" = [])),
)]
pub async fn resume_sales(State(app): State<App>, InShow(show): InShow, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::ResumeSales, command, async move |app: App, command: Command| {
        command.caller.needs(Role::Admin)?;
        command.nothing()?;
        let show = app.box_office().resume_sales(&show, &command.caller.name()).await?;
        Ok(Answer::json(StatusCode::OK, &ShowJson::of(&show, app.now())))
    })
    .await
}
