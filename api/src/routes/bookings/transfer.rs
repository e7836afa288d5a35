//! `POST /v1/bookings/{id}/transfer`

use super::buyer;
use crate::answer::Answer;
use crate::app::App;
use crate::auth::Permission;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::access;
use crate::routes::command::{Command, execute};
use crate::routes::params::InBooking;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// Who gets the booking.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct TransferBody {
    /// The `sub` of their token.
    #[schema(example = "bob", min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    buyer: String,
}

/// Gives a confirmed booking to another buyer.
///
/// From then on only their token reaches it: neither the booking's own token nor the buyer who had it until now. Points and
/// vouchers stay with who paid, and the seats count on the limit of who bought them.
#[utoipa::path(
    post,
    path = "/v1/bookings/{id}/transfer",
    operation_id = "transfer_booking",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking's id")),
    request_body = TransferBody,
    responses((status = 200, description = "The booking, which is the other buyer's", body = BookingJson)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn transfer(State(app): State<App>, InBooking(id): InBooking, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::Transfer, command, async move |app: App, command: Command| {
        access::check(&app, &command.caller, id, Some(Permission::ChangeBookings)).await?;
        let TransferBody { buyer } = command.json()?;
        let buyer = buyer::account(&buyer)?;
        if let Err(why) = buyer::check_exists(&app, &buyer).await {
            // A repeat is answered as the first time, also if the account was erased since, and has given it to somebody else before.
            let known = app.box_office().booking(id).await?;
            let has_it = known.and_then(|known| known.transferred_to).as_ref() == Some(&buyer);
            if !has_it && !app.box_office().is_repeat(id, &command.origin()).await? {
                return Err(why);
            }
        }
        let booking = app.box_office().transfer(id, buyer, command.origin()).await?;
        Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking)))
    })
    .await
}
