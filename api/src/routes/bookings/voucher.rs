//! `POST` and `DELETE /v1/bookings/{id}/voucher`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::Permission;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::access;
use crate::routes::command::{Command, execute};
use crate::routes::params::InBooking;
use crate::routes::vouchers::codes::{TriedCode, VoucherBody};
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;

/// Lowers what a held booking costs by a voucher, before the first attempt to pay. One voucher at a time.
///
/// The voucher is kept for this booking from then on. It is free again if the booking ends unpaid or the voucher is
/// removed; the payment uses it up.
#[utoipa::path(
    post,
    path = "/v1/bookings/{id}/voucher",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking's id")),
    request_body = VoucherBody,
    responses((status = 200, description = "The booking with its new amount", body = BookingJson)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn apply_voucher(State(app): State<App>, InBooking(id): InBooking, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::ApplyVoucher, command, async move |app: App, command: Command| {
        access::check(&app, &command.caller, id, Some(Permission::ChangeBookings)).await?;
        let body: VoucherBody = command.json()?;
        let tried = TriedCode::read(&app, &body.voucher, &command.caller, command.client)?;
        let applied = app.box_office().apply_voucher(id, &tried.voucher, command.origin()).await;
        tried.decided(&applied);
        Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &applied?)))
    })
    .await
}

/// Takes the voucher off a booking that is not paid yet. It can be used again.
#[utoipa::path(
    delete,
    path = "/v1/bookings/{id}/voucher",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking's id")),
    responses((status = 200, description = "The booking with its whole amount", body = BookingJson)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn remove_voucher(State(app): State<App>, InBooking(id): InBooking, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::RemoveVoucher, command, async move |app: App, command: Command| {
        access::check(&app, &command.caller, id, Some(Permission::ChangeBookings)).await?;
        command.nothing()?;
        let booking = app.box_office().remove_voucher(id, command.origin()).await?;
        Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking)))
    })
    .await
}
