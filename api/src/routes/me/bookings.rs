//! `GET /v1/me/bookings`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::params::{Params, wrong};
use crate::routes::wire::{Amount, BookedSeat, List, Payment};
use crate::routes::{access, freshness};
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use lastseat_domain::event::AbortReason;
use lastseat_domain::{BookingId, ShowId, Timestamp};
use lastseat_projections::{BookingStatus, BookingView};
use serde::Serialize;
use utoipa::ToSchema;

/// A booking in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyBooking<'a> {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    id: BookingId,
    /// Its show.
    #[schema(value_type = String, example = "demo")]
    show: &'a ShowId,
    /// One of `held`, `paying`, `action_required`, `confirmed`, `aborted`, `refunded`.
    #[schema(value_type = String, example = "confirmed")]
    status: BookingStatus,
    /// Its seats.
    seats: Vec<BookedSeat<'a>>,
    /// Sum of their prices.
    amount: Amount,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    /// When its hold ends or ended.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Why it was aborted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "expired")]
    reason: Option<AbortReason>,
    /// How its payment went so far; absent before the first attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<Payment<'a>>,
}

impl<'a> MyBooking<'a> {
    fn of(app: &App, view: &'a BookingView) -> Self {
        let attempts = usize::try_from(view.attempts).unwrap_or(usize::MAX);
        let payment = Payment {
            attempts,
            last_decline: view.last_decline.as_deref(),
            under_review: view.flagged,
            refund_requested: view.refund_requested,
        };
        Self {
            id: view.booking,
            show: &view.show,
            status: view.status,
            seats: BookedSeat::in_plan_order(app, Some(&view.show), &view.seats),
            amount: view.amount.into(),
            opened_at: view.opened_at,
            expires_at: view.expires_at,
            reason: view.reason,
            payment: (attempts > 0).then_some(payment),
        }
    }
}

/// The caller's bookings, newest first.
#[utoipa::path(
    get,
    path = "/v1/me/bookings",
    tag = "me",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Bookings on a page, 1 to 100; 20 if absent"),
        ("starting_after" = Option<Uuid>, Query, description = "Id of the last booking of the page before"),
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses((status = 200, description = "A page of bookings", body = List<MyBooking>)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn my_bookings(State(app): State<App>, caller: Caller, params: Params, headers: HeaderMap) -> Result<Answer, Problem> {
    const CURSOR: &str = "the id of a booking of yours";
    let buyer = access::buyer(&app, &caller).await?;
    let limit = params.limit()?;
    let after = params.value::<BookingId>("starting_after", CURSOR)?;
    let fresh = freshness::wait(&app, &headers).await?;
    let page = app.read_model().bookings_of(&buyer, after, limit).map_err(|_| wrong("starting_after", CURSOR))?;
    let data: Vec<_> = page.data.iter().map(|view| MyBooking::of(&app, view)).collect();
    Ok(Answer::json(StatusCode::OK, &List { data, has_more: page.has_more }).with(freshness::fields(fresh)))
}
