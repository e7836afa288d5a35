//! `POST /v1/bookings/{id}/refund`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::Role;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::params::InBooking;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};

/// Seconds after which an admin may look how a slow refund went.
const LOOK_AGAIN: u64 = 2;

/// Returns the money of a confirmed booking and frees its seats, exactly once.
#[utoipa::path(
    post,
    path = "/v1/bookings/{id}/refund",
    tag = "bookings",
    params(
        ("id" = String, Path, description = "The booking's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the repeat of the request harmless"),
    ),
    responses(
        (status = 200, description = "The booking, refunded", body = BookingJson),
        (status = 202, description = "The refund is recorded; the gateway has not answered yet", body = BookingJson),
    ),
    security(("token" = [])),
)]
pub async fn refund(State(app): State<App>, InBooking(id): InBooking, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::Refund, command, async move |app: App, command: Command| {
        command.caller.needs(Role::Admin)?;
        command.nothing()?;
        let booking = app.box_office().refund(id, &command.caller.name()).await?;
        if booking.status() == "refunded" {
            return Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking)));
        }
        let mut body = BookingJson::of(&app, &booking);
        body.retry_after = Some(LOOK_AGAIN);
        Ok(Answer::json(StatusCode::ACCEPTED, &body).header(RETRY_AFTER, HeaderValue::from(LOOK_AGAIN)).passing())
    })
    .await
}
