//! `GET /v1/shows/{show}/sales`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Role};
use crate::problem::Problem;
use crate::routes::params::InShow;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::Rejection;

/// What a show has sold so far.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/sales",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 200, description = "The sales of the show", body = Object)),
    security(("token" = [])),
)]
pub async fn get_sales(State(app): State<App>, InShow(show): InShow, caller: Caller) -> Result<Answer, Problem> {
    caller.needs(Role::Admin)?;
    app.catch_up().await?;
    let sales = app.read_model().sales(&show).ok_or(Rejection::ShowNotFound)?;
    Ok(Answer::json(StatusCode::OK, &sales))
}
