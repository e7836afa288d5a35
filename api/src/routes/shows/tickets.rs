//! `GET /v1/shows/{show}/tickets`: the list that a device at the entrance takes with it.

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::problem::Problem;
use crate::routes::freshness;
use crate::routes::params::{InShow, Params, wrong};
use crate::routes::wire::List;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use lastseat_domain::{BookingId, GateId, Rejection, TicketId, Timestamp};
use lastseat_engine::ListedTicket;
use lastseat_projections::{BookingFilter, BookingStatus, PageError};
use serde::Serialize;
use utoipa::ToSchema;

/// The tickets of a booking, as a device checks them without asking the server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TicketsToCheck)]
pub struct TicketsToCheckJson {
    #[schema(value_type = String, format = Uuid)]
    booking: BookingId,
    /// One for each seat; none while all of it is being refunded.
    tickets: Vec<TicketToCheckJson>,
}

/// A ticket, without its code: one is good if it has these three numbers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TicketToCheck)]
pub struct TicketToCheckJson {
    #[schema(value_type = String, format = Uuid)]
    id: TicketId,
    #[schema(example = "A-1")]
    seat: String,
    /// How often it was issued again.
    issue: u32,
    /// How often its booking was transferred.
    transfers: u32,
    /// The exchange that brought the booking the seat; 0 for none.
    exchange: u32,
    /// Since when somebody is inside with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    admitted_at: Option<Timestamp>,
    /// Where they came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "north", nullable = false)]
    gate: Option<GateId>,
}

impl From<ListedTicket> for TicketToCheckJson {
    fn from(listed: ListedTicket) -> Self {
        let ListedTicket { facts, inside } = listed;
        let (admitted_at, gate) = inside.map(|scan| (scan.at, scan.gate)).unzip();
        Self {
            id: facts.ticket(),
            seat: facts.seat.as_str().to_owned(),
            issue: facts.issue,
            transfers: facts.transfers,
            exchange: facts.exchange,
            admitted_at,
            gate,
        }
    }
}

pub type TicketsToCheckList = List<TicketsToCheckJson>;

/// The tickets of a show that are good, booking by booking, newest first, and who is inside. For staff, managers and admins.
///
/// With it and `GET /v1/tickets/key` a device checks tickets without asking the server: the signature of a code, and that its
/// three numbers are those of the list. What it scans so, it sends later: `POST /v1/checkins:batch`.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/tickets",
    tag = "tickets",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Bookings on a page, 1 to 100; 20 if absent"),
        ("starting_after" = Option<Uuid>, Query, description = "Id of the last booking of the page before"),
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses((status = 200, description = "A page of bookings with their tickets", body = TicketsToCheckList)),
    security(("token" = [])),
)]
pub async fn list_tickets(
    State(app): State<App>,
    InShow(show): InShow,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    caller.needs(Permission::CheckIn)?;
    if app.box_office().show(&show).is_none() {
        return Err(Rejection::ShowNotFound.into());
    }
    params.only(|name| ["limit", "starting_after"].contains(&name))?;
    let cursor = "the id of a booking of this list";
    let (limit, after) = (params.limit()?, params.value::<BookingId>("starting_after", cursor)?);
    let fresh = freshness::wait(&app, &headers).await?;
    let filter = BookingFilter { show: Some(show), status: Some(BookingStatus::Confirmed), ..BookingFilter::default() };
    let page = match app.read_model().bookings(&filter, after, limit).await {
        Ok(page) => page,
        Err(PageError::UnknownCursor(_)) => return Err(wrong("starting_after", cursor)),
        Err(PageError::Views(error)) => return Err(error.into()),
    };
    let bookings: Vec<BookingId> = page.data.iter().map(|view| view.booking).collect();
    // The numbers as the log has them now: a device may rely on them for hours.
    let listed = app.box_office().listed_tickets(&bookings).await?;
    let data = listed
        .into_iter()
        .map(|(booking, tickets)| TicketsToCheckJson { booking, tickets: tickets.into_iter().map(Into::into).collect() })
        .collect();
    Ok(Answer::json(StatusCode::OK, &List { data, has_more: page.has_more }).with(freshness::fields(fresh)))
}
