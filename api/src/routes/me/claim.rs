//! `POST /v1/me/bookings`

use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::access;
use crate::routes::command::{Command, execute};
use crate::routes::sender::AccountOwner;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::Rejection;
use serde::Deserialize;
use utoipa::ToSchema;

/// The proof that one has a booking.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct ClaimBody {
    /// The booking's own token, from the answer that opened it or from its link.
    #[schema(example = "bt_AZDELns6fBGdLy9uTkHc…")]
    token: String,
}

/// Takes a confirmed booking, as a guest has made it, into one's account.
///
/// It is a transfer: from then on the booking's own token reaches it no more, and points and vouchers stay with who paid. A
/// repeat gets the same answer.
#[utoipa::path(
    post,
    path = "/v1/me/bookings",
    operation_id = "claim_booking",
    tag = "me",
    request_body = ClaimBody,
    responses((status = 200, description = "The booking, which is the account's", body = BookingJson)),
    security(("session" = [], "csrf" = [])),
)]
pub async fn claim_booking(State(app): State<App>, command: Result<Command<AccountOwner>, Problem>) -> Answer {
    execute(&app, metrics::Command::ClaimBooking, command, async move |app: App, command: Command<AccountOwner>| {
        let ClaimBody { token } = command.json()?;
        let to = command.signed_in.as_deref().ok_or_else(Problem::session_required)?.account.id.buyer();
        let id = app.parts().auth.booking_of_token(&token).ok_or(Rejection::BookingNotFound)?;
        // It was claimed already, which has ended its token.
        if let Ok(own) = access::booking(&app, &command.caller, id, None).await {
            return Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &own)));
        }
        let by_token = command.origin().with_token_of_booking(true);
        let booking = app.box_office().transfer(id, to, by_token).await?;
        Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking)))
    })
    .await
}
