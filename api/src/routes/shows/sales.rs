//! `GET /v1/shows/{show}/sales`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Role};
use crate::problem::Problem;
use crate::routes::params::InShow;
use crate::routes::wire::Amount;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::Rejection;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How a show sells.
#[derive(Debug, ToSchema)]
pub struct Sales {
    /// The show.
    #[schema(example = "demo")]
    pub show: String,
    /// What people call it.
    pub title: String,
    /// The last event of the log that is counted here.
    pub position: u64,
    /// ISO 4217 code of the amounts.
    #[schema(example = "EUR")]
    pub currency: String,
    /// All its seats by state: `capacity`, `available`, `held`, `in_process`, `booked`.
    pub seats: BTreeMap<String, u32>,
    /// Its bookings by status.
    pub bookings: BTreeMap<String, u64>,
    /// Taken, refunds not deducted.
    pub captured: Amount,
    /// Returned.
    pub refunded: Amount,
    /// Seats by category: `category`, `price`, and the same states as above.
    #[schema(value_type = Vec<Object>)]
    pub categories: Vec<BTreeMap<String, u64>>,
}

/// What a show has sold so far.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/sales",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 200, description = "The sales of the show", body = Sales)),
    security(("token" = [])),
)]
pub async fn get_sales(State(app): State<App>, InShow(show): InShow, caller: Caller) -> Result<Answer, Problem> {
    caller.needs(Role::Admin)?;
    app.catch_up().await?;
    let sales = app.read_model().sales(&show).ok_or(Rejection::ShowNotFound)?;
    Ok(Answer::json(StatusCode::OK, &sales))
}
