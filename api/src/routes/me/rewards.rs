//! `GET /v1/me/rewards`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::access::{self, Mine};
use crate::routes::freshness;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use lastseat_domain::loyalty::POINTS_PER_SEAT;
use lastseat_projections::{BookingStatus, RewardsView};
use utoipa::ToSchema;

/// Points and vouchers of a buyer.
#[derive(Debug, ToSchema)]
pub struct Rewards {
    /// Whose they are.
    #[schema(example = "anna")]
    pub buyer: String,
    /// Booked seats, refunded ones not counted.
    #[schema(example = 12)]
    pub seats: u32,
    /// Points for them.
    #[schema(example = 120)]
    pub points: u32,
    /// All vouchers ever issued, newest first.
    pub vouchers: Vec<Voucher>,
}

/// A voucher.
#[derive(Debug, ToSchema)]
pub struct Voucher {
    /// Its id.
    #[schema(format = Uuid)]
    pub voucher: String,
    /// What it was issued for: `booking` or `milestone`.
    #[schema(example = "booking")]
    pub cause: String,
    /// What it is good for.
    #[schema(example = "One drink")]
    pub reward: String,
    /// `issued`, `redeemed` or `revoked`.
    #[schema(example = "issued")]
    pub state: String,
    /// The booking whose payment led to it.
    #[schema(format = Uuid)]
    pub booking: String,
}

/// The caller's points and vouchers; with a booking's own token, what that booking earned. A guest's booking earns points
/// only together with a voucher.
#[utoipa::path(
    get,
    path = "/v1/me/rewards",
    tag = "me",
    params(
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses((status = 200, description = "Points and vouchers", body = Rewards)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn my_rewards(State(app): State<App>, caller: Caller, headers: HeaderMap) -> Result<Answer, Problem> {
    let mine = access::mine(&app, &caller).await?;
    let fresh = freshness::wait(&app, &headers).await?;
    Ok(Answer::json(StatusCode::OK, &visible(&app, &mine).await?).with(freshness::fields(fresh)))
}

/// The rewards that the caller may see: the buyer's, or what one booking has earned.
///
/// # Errors
/// 503 while the views can't be read.
pub(super) async fn visible(app: &App, mine: &Mine) -> Result<RewardsView, Problem> {
    let rewards = app.read_model().rewards_of(&mine.buyer).await?;
    let Some(only) = mine.only else { return Ok(rewards) };
    let booking = app.read_model().booking(only).await?.filter(|booking| booking.status == BookingStatus::Confirmed);
    let seats = booking.map_or(0, |booking| u32::try_from(booking.seats.len()).unwrap_or(u32::MAX));
    // Of a guest's booking without a voucher the account has nothing.
    let seats = seats.min(rewards.seats);
    let vouchers = rewards.vouchers.into_iter().filter(|voucher| voucher.booking == only).collect();
    Ok(RewardsView { seats, points: seats.saturating_mul(POINTS_PER_SEAT), vouchers, ..rewards })
}
