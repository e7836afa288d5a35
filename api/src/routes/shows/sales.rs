//! `GET /v1/shows/{show}/sales`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::problem::Problem;
use crate::routes::freshness;
use crate::routes::params::InShow;
use crate::routes::wire::{Amount, names};
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use lastseat_domain::Rejection;
use utoipa::ToSchema;

/// How a show sells.
#[derive(Debug, ToSchema)]
pub struct Sales {
    /// The show.
    #[schema(example = "demo")]
    pub show: String,
    /// What people call it.
    pub title: String,
    /// The last event of the log that is counted here.
    pub position: u64,
    /// ISO 4217 code of the amounts.
    #[schema(example = "EUR")]
    pub currency: String,
    /// All its seats by state.
    pub seats: SeatCounts,
    /// Its bookings by status.
    pub bookings: BookingCounts,
    /// Taken, refunds not deducted.
    pub captured: Amount,
    /// Returned.
    pub refunded: Amount,
    /// Seats by category.
    pub categories: Vec<SeatsOfCategory>,
    /// What was paid by hour, oldest first, without the hours in which nothing was.
    pub by_hour: Vec<HourOfSales>,
    /// What was paid for the seats of each category. A fee of the whole booking belongs to no category.
    pub by_category: Vec<SalesOfCategory>,
    /// The same by price type, for seats whose category has several prices.
    pub by_price_type: Vec<SalesOfPriceType>,
    /// What was paid by channel; `web` is the show's open sale.
    pub by_channel: Vec<SalesOfChannel>,
    /// What was paid in each way: through the `gateway`, or at the till as `cash`, `invoice` or `complimentary`, of which
    /// nothing was taken.
    pub by_payment: Vec<SalesOfPayment>,
}

/// Seats by state.
#[derive(Debug, ToSchema)]
pub struct SeatCounts {
    /// All of them.
    pub capacity: u32,
    pub available: u32,
    /// Held, no payment under way.
    pub held: u32,
    /// Held, payment under way.
    pub in_process: u32,
    pub booked: u32,
    /// In a block.
    pub unavailable: u32,
}

/// Bookings by status.
#[derive(Debug, ToSchema)]
pub struct BookingCounts {
    pub held: u64,
    pub paying: u64,
    pub action_required: u64,
    pub confirmed: u64,
    pub aborted: u64,
    pub refunded: u64,
}

/// The seats of a category by state.
#[derive(Debug, ToSchema)]
pub struct SeatsOfCategory {
    /// The category.
    #[schema(example = "stalls")]
    pub category: String,
    /// Price of one, minor units.
    #[schema(example = 4500)]
    pub price: i64,
    #[serde(flatten)]
    pub seats: SeatCounts,
}

/// What was paid, and what was returned of it. Amounts are minor units of the show's currency.
#[derive(Debug, ToSchema)]
pub struct SalesLine {
    /// Bookings that were paid.
    pub bookings: u64,
    /// Their seats.
    pub seats: u64,
    /// Taken, refunds not deducted.
    #[schema(example = 25500)]
    pub captured: i64,
    /// Bookings of these that were refunded.
    pub refunded_bookings: u64,
    /// Their seats.
    pub refunded_seats: u64,
    /// Returned.
    pub refunded: i64,
}

/// What was paid in one hour. A refund is counted in the hour of the payment.
#[derive(Debug, ToSchema)]
pub struct HourOfSales {
    /// When the hour began, in UTC.
    #[schema(format = DateTime, example = "2026-11-20T14:00:00Z")]
    pub hour: String,
    #[serde(flatten)]
    pub line: SalesLine,
}

/// What was paid for seats of a category.
#[derive(Debug, ToSchema)]
pub struct SalesOfCategory {
    /// The category.
    #[schema(example = "stalls")]
    pub category: String,
    #[serde(flatten)]
    pub line: SalesLine,
}

/// What was paid for seats of a category at one of its prices.
#[derive(Debug, ToSchema)]
pub struct SalesOfPriceType {
    /// The category.
    #[schema(example = "stalls")]
    pub category: String,
    /// The price type.
    #[schema(example = "child")]
    pub price_type: String,
    #[serde(flatten)]
    pub line: SalesLine,
}

/// What was paid through a channel.
#[derive(Debug, ToSchema)]
pub struct SalesOfChannel {
    /// The channel.
    #[schema(example = "web")]
    pub channel: String,
    #[serde(flatten)]
    pub line: SalesLine,
}

/// What was paid in one way.
#[derive(Debug, ToSchema)]
pub struct SalesOfPayment {
    /// The way.
    #[schema(value_type = names::PaymentWay, example = "cash")]
    pub payment: String,
    #[serde(flatten)]
    pub line: SalesLine,
}

/// What a show has sold so far. For staff, managers, auditors and admins.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/sales",
    tag = "shows",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses((status = 200, description = "The sales of the show", body = Sales)),
    security(("token" = [])),
)]
pub async fn get_sales(
    State(app): State<App>,
    InShow(show): InShow,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    caller.needs(Permission::ReadSales)?;
    let fresh = freshness::wait(&app, &headers).await?;
    let sales = app.read_model().sales(&show).await?.ok_or(Rejection::ShowNotFound)?;
    Ok(Answer::json(StatusCode::OK, &sales).with(freshness::fields(fresh)))
}
