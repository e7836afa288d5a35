//! `GET /v1/me/bookings`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::access;
use crate::routes::params::{Params, wrong};
use crate::routes::wire::{BookingJson, List};
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::BookingId;

/// The caller's bookings, newest first.
#[utoipa::path(
    get,
    path = "/v1/me/bookings",
    tag = "me",
    params(
        ("limit" = Option<u32>, Query, description = "Bookings on a page, 1 to 100; 20 if absent"),
        ("starting_after" = Option<String>, Query, description = "Id of the last booking of the page before"),
    ),
    responses((status = 200, description = "A page of bookings", body = List<BookingJson>)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn my_bookings(State(app): State<App>, caller: Caller, params: Params) -> Result<Answer, Problem> {
    let buyer = access::buyer(&app, &caller).await?;
    let limit = params.limit()?;
    let after = params.value::<BookingId>("starting_after", "the id of a booking of yours")?;
    app.catch_up().await?;
    let page = app
        .read_model()
        .bookings_of(&buyer, after, limit)
        .map_err(|_| wrong("starting_after", "the id of a booking of yours"))?;
    Ok(Answer::json(StatusCode::OK, &List { data: page.data, has_more: page.has_more }))
}
