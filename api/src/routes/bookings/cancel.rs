//! `DELETE /v1/bookings/{id}`

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

/// Gives held seats back. A booking that is over already stays as it is.
#[utoipa::path(
    delete,
    path = "/v1/bookings/{id}",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking's id")),
    responses((status = 200, description = "The booking, aborted", body = BookingJson)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn cancel_booking(State(app): State<App>, InBooking(id): InBooking, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::Cancel, command, async move |app: App, command: Command| {
        access::check(&app, &command.caller, id, Admins::Too).await?;
        command.nothing()?;
        let booking = app.box_office().cancel(id, &command.caller.name()).await?;
        Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking)))
    })
    .await
}
