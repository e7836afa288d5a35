//! `POST /v1/bookings/{id}/refund`: returns the money of a booking, or a part of it.

use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::bookings::shown_text::shortened;
use crate::routes::command::{Command, execute};
use crate::routes::params::InBooking;
use crate::routes::sender::RefundBookings;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use lastseat_domain::SeatId;
use lastseat_domain::booking::Booking;
use lastseat_domain::show::MAX_SEATS_PER_BOOKING;
use lastseat_engine::PartialRefundRequest;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// Seconds after which one may look how a slow refund went.
const LOOK_AGAIN: u64 = 2;

/// What of a booking is to be refunded. Without a body, all that is left of it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct RefundBody {
    /// The seats that it gives up. Each is worth its price and fee, lowered in proportion if a voucher has lowered the
    /// booking's amount. At least one seat stays.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, required = false, example = json!(["A-1"]), min_items = 1)]
    seats: Option<Vec<String>>,
    /// What to return, in minor units. With `seats`, at most what these are worth; 0 gives them up for nothing.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = i64, required = false, example = 1500, minimum = 0)]
    amount: Option<i64>,
}

/// Returns the money of a confirmed booking and frees its seats, exactly once. With `seats` or `amount`, a part of it: the
/// booking goes on with the rest.
///
/// One refund at a time: while one is under way, another one is refused with `refund_in_progress`. Two requests for a part
/// are two refunds; send an `Idempotency-Key`, and a repeat is the same one.
#[utoipa::path(
    post,
    path = "/v1/bookings/{id}/refund",
    operation_id = "refund_booking",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking's id")),
    request_body(content = Option<RefundBody>),
    responses(
        (status = 200, description = "The booking, refunded, or with less of it", body = BookingJson),
        (status = 202, description = "The refund is recorded; the gateway has not answered yet", body = BookingJson),
    ),
    security(("token" = [])),
)]
pub async fn refund(
    State(app): State<App>,
    InBooking(id): InBooking,
    command: Result<Command<RefundBookings>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::Refund, command, async move |app: App, command: Command<RefundBookings>| {
        let body = if command.is_empty() { RefundBody::default() } else { command.json()? };
        let Some(request) = part(body, &command)? else {
            let booking = app.box_office().refund(id, command.origin()).await?;
            return Ok(answer(&app, &booking, booking.status() == "refunded"));
        };
        let booking = app.box_office().refund_part(id, request).await?;
        Ok(answer(&app, &booking, booking.refund_under_way().is_none()))
    })
    .await
}

fn answer(app: &App, booking: &Booking, is_done: bool) -> Answer {
    let mut body = BookingJson::of(app, booking);
    if is_done {
        return Answer::json(StatusCode::OK, &body);
    }
    body.retry_after = Some(LOOK_AGAIN);
    Answer::json(StatusCode::ACCEPTED, &body).header(RETRY_AFTER, HeaderValue::from(LOOK_AGAIN)).undecided()
}

/// The part that is to be refunded; `None` for all of it.
fn part(body: RefundBody, command: &Command<RefundBookings>) -> Result<Option<PartialRefundRequest>, Problem> {
    let invalid = |field: &str, detail: String| Err(Problem::new(Code::InvalidRequest, detail).fact("field", field));
    let RefundBody { seats, amount } = body;
    if seats.is_none() && amount.is_none() {
        return Ok(None);
    }
    if seats.as_ref().is_some_and(Vec::is_empty) {
        return invalid("seats", "`seats` must name at least one seat. Leave it out to refund an amount, or all.".to_owned());
    }
    let names = seats.unwrap_or_default();
    if names.len() > MAX_SEATS_PER_BOOKING as usize {
        return invalid("seats", format!("`seats` can name at most {MAX_SEATS_PER_BOOKING} seats."));
    }
    let mut seats = Vec::with_capacity(names.len());
    for name in names {
        match SeatId::new(&name) {
            Ok(seat) => seats.push(seat),
            Err(_) => return invalid("seats", format!("`{}` is not a seat.", shortened(&name))),
        }
    }
    Ok(Some(PartialRefundRequest { seats, amount, origin: command.origin() }))
}

/// A member that is not `null`: who sends that has lost the seats or the amount, and must not refund all instead.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
