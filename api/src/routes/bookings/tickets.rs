//! `/v1/bookings/{id}/tickets`: the tickets of a confirmed booking, for programs, screens and printers.

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::access;
use crate::routes::bookings::ticket_forms::{Form, Sheet};
use crate::routes::command::{Command, execute};
use crate::routes::params::{InBooking, InTicket, Params};
use crate::routes::wire::{TicketJson, TicketsJson};
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use lastseat_domain::Rejection;
use lastseat_domain::booking::Booking;
use lastseat_domain::show::Show;
use std::sync::Arc;

/// Who may have the tickets of others: a ticket lets its bearer in, so who only reads does not get them.
const OTHERS: access::Others = Some(Permission::ChangeBookings);

/// The tickets of a confirmed booking, one for each seat that it has now.
///
/// A ticket is a code. It is void once it was issued again, the booking was transferred or refunded, or its seat was given
/// up. `Accept` or `format` gets them as a page to print (`text/html`) or as a PDF.
#[utoipa::path(
    get,
    path = "/v1/bookings/{id}/tickets",
    tag = "tickets",
    params(
        ("id" = String, Path, description = "The booking's id"),
        ("format" = Option<String>, Query, description = "`json`, `html` or `pdf`. If absent, the header `Accept` decides"),
    ),
    responses((status = 200, description = "The tickets", content(
        (TicketsJson = "application/json"),
        (String = "text/html"),
        (String = "application/pdf"),
    ))),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn get_tickets(
    State(app): State<App>,
    InBooking(id): InBooking,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    let booking = access::booking(&app, &caller, id, OTHERS).await?;
    let form = Form::of_all(&params, &headers)?;
    let facts = app.box_office().tickets(&booking).await?;
    let show = show_of(&app, &booking)?;
    let tickets = facts.iter().map(|facts| TicketJson::of(&app, &show, &booking, facts)).collect();
    Sheet { show: &show, tickets: TicketsJson::new(&booking, tickets) }.answer(form)
}

/// One ticket: as JSON, as a QR code (`image/svg+xml`, `image/png`), as a page to print, or as a PDF.
#[utoipa::path(
    get,
    path = "/v1/bookings/{id}/tickets/{seat}",
    tag = "tickets",
    params(
        ("id" = String, Path, description = "The booking's id"),
        ("seat" = String, Path, description = "A seat of the booking"),
        ("format" = Option<String>, Query, description = "`json`, `svg`, `png`, `html` or `pdf`. If absent, the header `Accept` decides"),
    ),
    responses((status = 200, description = "The ticket", content(
        (TicketJson = "application/json"),
        (String = "image/svg+xml"),
        (String = "image/png"),
        (String = "text/html"),
        (String = "application/pdf"),
    ))),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn get_ticket(
    State(app): State<App>,
    InTicket(id, seat): InTicket,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    let booking = access::booking(&app, &caller, id, OTHERS).await?;
    let form = Form::of_one(&params, &headers)?;
    let facts = app.box_office().ticket(&booking, &seat).await?;
    let show = show_of(&app, &booking)?;
    let ticket = TicketJson::of(&app, &show, &booking, &facts);
    if form == Form::Json {
        return Ok(Answer::json(StatusCode::OK, &ticket));
    }
    Sheet { show: &show, tickets: TicketsJson::new(&booking, vec![ticket]) }.answer(form)
}

/// Issues a ticket again, for one that was lost or that others have seen. Its codes until now are void.
///
/// Two requests issue it twice, so that the ticket of the first answer is void, too: send an `Idempotency-Key`, and a
/// repeat is the same one.
#[utoipa::path(
    post,
    path = "/v1/bookings/{id}/tickets/{seat}/reissue",
    tag = "tickets",
    params(
        ("id" = String, Path, description = "The booking's id"),
        ("seat" = String, Path, description = "A seat of the booking"),
    ),
    responses((status = 200, description = "The ticket that is valid from now on", body = TicketJson)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn reissue_ticket(State(app): State<App>, InTicket(id, seat): InTicket, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::ReissueTicket, command, async move |app: App, command: Command| {
        let booking = access::booking(&app, &command.caller, id, OTHERS).await?;
        command.nothing()?;
        let facts = app.box_office().reissue_ticket(&booking, &seat, command.origin()).await?;
        let show = show_of(&app, &booking)?;
        Ok(Answer::json(StatusCode::OK, &TicketJson::of(&app, &show, &booking, &facts)))
    })
    .await
}

fn show_of(app: &App, booking: &Booking) -> Result<Arc<Show>, Problem> {
    let found = booking.show().and_then(|show| app.box_office().show(show));
    found.ok_or_else(|| Problem::new(Code::ShowNotFound, Rejection::ShowNotFound.to_string()))
}
