//! `POST /v1/bookings/{id}/exchange`

use super::price_types::{AskedSeat, SeatOfHold};
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::bookings::hold::failed;
use crate::routes::bookings::hold_body::seat_id;
use crate::routes::command::{Command, execute};
use crate::routes::params::InBooking;
use crate::routes::sender::ChangeBookings;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::{BookingId, PriceTypeId, SeatId};
use lastseat_engine::ExchangeRequest;
use serde::Deserialize;
use utoipa::ToSchema;

/// Which seats for which.
// Only described: a request is parsed as `ExchangeBody`, which can say what is wrong with it.
#[derive(ToSchema)]
#[schema(as = ExchangeBody, title = "ExchangeBody")]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only described, never built")]
pub struct ExchangeBodySchema {
    /// Seats of the booking.
    #[schema(example = json!(["A-1"]), min_items = 1)]
    leaves: Vec<String>,
    /// As many other seats of the show, each alone or with a price type.
    #[schema(example = json!([{"seat": "B-7", "price_type": "child"}]), min_items = 1)]
    takes: Vec<SeatOfHold>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct ExchangeBody {
    leaves: Vec<String>,
    takes: Vec<AskedSeat>,
}

/// Moves a confirmed booking to other seats of its show.
///
/// The prices are those that the show has now, and the new seats cost no more than those that are given up. What they cost
/// less is not returned by itself. The booking has its old seats until it has the new ones.
#[utoipa::path(
    post,
    path = "/v1/bookings/{id}/exchange",
    operation_id = "exchange_seats",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking's id")),
    request_body = ExchangeBodySchema,
    responses((status = 200, description = "The booking with its new seats", body = BookingJson)),
    security(("token" = [])),
)]
pub async fn exchange(
    State(app): State<App>,
    InBooking(id): InBooking,
    command: Result<Command<ChangeBookings>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::Exchange, command, move |app, command| exchange_seats(app, id, command)).await
}

async fn exchange_seats(app: App, id: BookingId, command: Command<ChangeBookings>) -> Result<Answer, Problem> {
    let ExchangeBody { leaves, takes } = command.order(|| 1)?;
    let leaves = leaves.iter().map(|seat| seat_id(seat)).collect::<Result<Vec<_>, _>>()?;
    let takes = takes.iter().map(taken).collect::<Result<Vec<_>, _>>()?;
    let request = ExchangeRequest { leaves, takes, origin: command.origin() };
    let booking = app.box_office().exchange(id, request).await.map_err(|error| failed(&app, error))?;
    Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking)))
}

fn taken(asked: &AskedSeat) -> Result<(SeatId, Option<PriceTypeId>), Problem> {
    let seat = seat_id(&asked.seat)?;
    let price_type = asked.price_type_of(&seat)?;
    Ok((seat, price_type))
}
