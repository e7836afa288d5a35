//! `POST /v1/bookings/{id}/mail`

use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::access;
use crate::routes::accounts::MailJson;
use crate::routes::accounts::sign_up::address;
use crate::routes::command::{Command, execute};
use crate::routes::params::InBooking;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::Rejection;
use lastseat_domain::booking::Phase;
use serde::Deserialize;
use utoipa::ToSchema;

/// Where to send it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct BookingMailBody {
    #[schema(example = "ann@example.org", format = Email, max_length = 254)]
    email: String,
}

/// Mails the link of a confirmed booking, so that a guest finds it again. The address is kept nowhere, but in the mail
/// itself where no SMTP server takes it.
///
/// Who has the link has the booking. One address gets up to five of these mails an hour, and no more are sent.
#[utoipa::path(
    post,
    path = "/v1/bookings/{id}/mail",
    operation_id = "mail_booking",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking's id")),
    request_body = BookingMailBody,
    responses((status = 202, description = "A mail is on its way", body = MailJson)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn mail_booking(State(app): State<App>, InBooking(id): InBooking, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::MailBooking, command, async move |app: App, command: Command| {
        let booking = access::booking(&app, &command.caller, id, None).await?;
        let BookingMailBody { email } = command.json()?;
        let email = address(&email)?;
        // The link has the booking's own token, which a transfer has ended.
        if booking.transferred_to.is_some() {
            return Err(Rejection::BookingNotFound.into());
        }
        if !matches!(booking.phase, Phase::Committed | Phase::Confirmed { .. }) {
            let detail = "The link is mailed once the booking is confirmed. GET the booking to see its status.";
            return Err(Problem::new(Code::NotConfirmed, detail));
        }
        let no_mails = || Problem::new(Code::NoAccounts, "This server sends no mails. Keep the booking's link yourself.");
        let accounts = app.parts().accounts.as_ref().ok_or_else(no_mails)?;
        app.limits().mail(command.client, accounts.now(), app.metrics())?;
        accounts.mail_booking(email, id, app.parts().auth.booking_token(id));
        Ok(Answer::json(StatusCode::ACCEPTED, &MailJson::open()).undecided())
    })
    .await
}
