//! `GET /v1/shows/{show}`

use crate::answer::Answer;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::params::InShow;
use crate::routes::wire::ShowJson;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::Rejection;

/// A show: its plan, its prices, its limits, and whether it sells.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 200, description = "The show", body = ShowJson)),
)]
pub async fn get_show(State(app): State<App>, InShow(show): InShow) -> Result<Answer, Problem> {
    let show = app.box_office().show(&show).ok_or(Rejection::ShowNotFound)?;
    Ok(Answer::json(StatusCode::OK, &ShowJson::of(&show, app.now())))
}
