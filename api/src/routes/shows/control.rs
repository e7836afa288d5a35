//! Control of a running sale: pause, resume and cancel a show.

use super::answers::json_of;
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::params::InShow;
use crate::routes::sender::RunShows;
use crate::routes::wire::ShowJson;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::show::Show;

/// Stops taking holds for a show until it is resumed. Open bookings continue.
#[utoipa::path(
    post,
    path = "/v1/shows/{show}/pause",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 200, description = "The show, paused", body = ShowJson)),
    security(("token" = [])),
)]
pub async fn pause_sales(State(app): State<App>, InShow(show): InShow, command: Result<Command<RunShows>, Problem>) -> Answer {
    execute(&app, metrics::Command::PauseSales, command, async move |app: App, command: Command<RunShows>| {
        command.nothing()?;
        let show = app.box_office().pause_sales(&show, command.origin()).await?;
        Ok(answer(&app, &show))
    })
    .await
}

/// Takes holds for a paused show again.
#[utoipa::path(
    post,
    path = "/v1/shows/{show}/resume",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 200, description = "The show, on sale again", body = ShowJson)),
    security(("token" = [])),
)]
pub async fn resume_sales(State(app): State<App>, InShow(show): InShow, command: Result<Command<RunShows>, Problem>) -> Answer {
    execute(&app, metrics::Command::ResumeSales, command, async move |app: App, command: Command<RunShows>| {
        command.nothing()?;
        let show = app.box_office().resume_sales(&show, command.origin()).await?;
        Ok(answer(&app, &show))
    })
    .await
}

/// Cancels a show for good: it takes no holds any more. Open bookings can't be paid and end with
/// their holds; confirmed ones stay until they are refunded.
#[utoipa::path(
    post,
    path = "/v1/shows/{show}/cancel",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 200, description = "The show, cancelled", body = ShowJson)),
    security(("token" = [])),
)]
pub async fn cancel_show(State(app): State<App>, InShow(show): InShow, command: Result<Command<RunShows>, Problem>) -> Answer {
    execute(&app, metrics::Command::CancelShow, command, async move |app: App, command: Command<RunShows>| {
        command.nothing()?;
        let show = app.box_office().cancel_show(&show, command.origin()).await?;
        Ok(answer(&app, &show))
    })
    .await
}

fn answer(app: &App, show: &Show) -> Answer {
    Answer::json(StatusCode::OK, &json_of(app, show, app.now()))
}
