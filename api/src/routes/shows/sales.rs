//! `GET /v1/shows/{show}/sales`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::problem::Problem;
use crate::routes::freshness;
use crate::routes::params::InShow;
use crate::routes::wire::Amount;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
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
    /// All its seats by state: `capacity`, `available`, `held`, `in_process`, `booked`, `unavailable` (in a block).
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

/// What a show has sold so far. For staff, managers, auditors and admins.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/sales",
    tag = "shows",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses((status = 200, description = "The sales of the show", body = Sales)),
    security(("token" = [])),
)]
pub async fn get_sales(
    State(app): State<App>,
    InShow(show): InShow,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    caller.needs(Permission::ReadSales)?;
    let fresh = freshness::wait(&app, &headers).await?;
    let sales = app.read_model().sales(&show).await?.ok_or(Rejection::ShowNotFound)?;
    Ok(Answer::json(StatusCode::OK, &sales).with(freshness::fields(fresh)))
}
