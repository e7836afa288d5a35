//! `POST /v1/shows/{show}/cancel`

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

/// Takes no holds for a show ever again. Open bookings can't be paid any more and
/// end with their holds; confirmed ones stay until they are refunded.
#[utoipa::path(
    post,
    path = "/v1/shows/{show}/cancel",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 200, description = "The show, cancelled", body = ShowJson)),
    security(("token" = [])),
)]
pub async fn cancel_show(State(app): State<App>, InShow(show): InShow, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::CancelShow, command, async move |app: App, command: Command| {
        command.caller.needs(Role::Admin)?;
        command.nothing()?;
        let show = app.box_office().cancel_show(&show, &command.caller.name()).await?;
        Ok(Answer::json(StatusCode::OK, &ShowJson::of(&show, app.now())))
    })
    .await
}
