//! `GET /v1/bookings/{id}`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::access::{self, Admins};
use crate::routes::params::InBooking;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};

/// A booking as the log has it now.
#[utoipa::path(
    get,
    path = "/v1/bookings/{id}",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking's id")),
    responses((status = 200, description = "The booking", body = BookingJson)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn get_booking(State(app): State<App>, InBooking(id): InBooking, caller: Caller) -> Result<Answer, Problem> {
    let booking = access::booking(&app, &caller, id, Admins::Too).await?;
    let answer = Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking));
    Ok(answer.header(CACHE_CONTROL, HeaderValue::from_static("private, no-cache")))
}
