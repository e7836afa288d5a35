//! What can be done with an existing booking besides paying and refunding: read, cancel, extend.

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::metrics;
use crate::problem::Problem;
use crate::routes::access;
use crate::routes::bookings::guests;
use crate::routes::bookings::review::flag_reason;
use crate::routes::command::{Command, execute};
use crate::routes::params::InBooking;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;

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
    let booking = access::booking(&app, &caller, id, Some(Permission::ReadBookings)).await?;
    let mut body = BookingJson::of(&app, &booking);
    if let Some(payment) = &mut body.payment {
        payment.flagged = flag_reason(&app, &caller, &booking).await;
    }
    Ok(Answer::json(StatusCode::OK, &body))
}

/// Cancels a hold and frees its seats. A booking that is over already stays as it is.
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
        access::check(&app, &command.caller, id, Some(Permission::ChangeBookings)).await?;
        command.nothing()?;
        let guest = guests::may_cancel(&app, &command.caller, command.client).await?;
        let booking = app.box_office().cancel(id, command.origin()).await?;
        guests::has_cancelled(&app, command.client, id, guest).await;
        Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking)))
    })
    .await
}

/// Extends a hold by its original duration. Once. Staff may extend any hold; guests may not extend
/// theirs, unless the server is set so.
#[utoipa::path(
    post,
    path = "/v1/bookings/{id}/extend",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking's id")),
    responses((status = 200, description = "The booking with its new deadline", body = BookingJson)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn extend_hold(State(app): State<App>, InBooking(id): InBooking, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::Extend, command, async move |app: App, command: Command| {
        access::check(&app, &command.caller, id, Some(Permission::ChangeBookings)).await?;
        command.nothing()?;
        guests::may_extend(&app, &command.caller).await?;
        let booking = app.box_office().extend(id, command.origin()).await?;
        Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking)))
    })
    .await
}
