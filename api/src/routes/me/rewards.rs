//! `GET /v1/me/rewards`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::access;
use axum::extract::State;
use http::StatusCode;

/// The caller's points and vouchers.
#[utoipa::path(
    get,
    path = "/v1/me/rewards",
    tag = "me",
    responses((status = 200, description = "Points and vouchers", body = Object)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn my_rewards(State(app): State<App>, caller: Caller) -> Result<Answer, Problem> {
    let buyer = access::buyer(&app, &caller).await?;
    app.catch_up().await?;
    Ok(Answer::json(StatusCode::OK, &app.read_model().rewards_of(&buyer)))
}
