//! `POST /v1/bookings/{id}/extend`

use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::access::{self, Admins};
use crate::routes::command::{Command, execute};
use crate::routes::params::InBooking;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;

/// Prolongs a hold by as long again. Once.
#[utoipa::path(
    post,
    path = "/v1/bookings/{id}/extend",
    tag = "bookings",
    params(
        ("id" = String, Path, description = "The booking's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the repeat of the request harmless"),
    ),
    responses((status = 200, description = "The booking with its new deadline", body = BookingJson)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn extend_hold(State(app): State<App>, InBooking(id): InBooking, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::Extend, command, async move |app: App, command: Command| {
        access::check(&app, &command.caller, id, Admins::No).await?;
        command.nothing()?;
        let booking = app.box_office().extend(id, &command.caller.name()).await?;
        Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking)))
    })
    .await
}
