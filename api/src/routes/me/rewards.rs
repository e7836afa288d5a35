//! `GET /v1/me/rewards`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, VoucherKeys};
use crate::problem::Problem;
use crate::routes::access::{self, Mine};
use crate::routes::freshness;
use crate::routes::wire::{Discount, names};
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use lastseat_domain::event::VoucherCause;
use lastseat_domain::loyalty::{POINTS_PER_SEAT, VoucherState};
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::{BookingId, BuyerId, VoucherId};
use lastseat_projections::{BookingStatus, RewardsView, VoucherView};
use serde::Serialize;
use utoipa::ToSchema;

/// Points and vouchers of a buyer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rewards {
    /// Whose they are.
    #[schema(value_type = String, example = "anna")]
    buyer: BuyerId,
    /// Booked seats, refunded ones not counted.
    #[schema(example = 12)]
    seats: u32,
    /// Points for them.
    #[schema(example = 120)]
    points: u32,
    /// All vouchers ever issued, newest first.
    vouchers: Vec<Voucher>,
}

/// A voucher.
#[derive(Debug, Serialize, ToSchema)]
pub struct Voucher {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    voucher: VoucherId,
    /// What it was issued for.
    #[schema(value_type = names::RewardCause, example = "booking")]
    cause: VoucherCause,
    /// What it is good for.
    #[schema(example = "One drink")]
    reward: String,
    /// Whether it can be used.
    #[schema(value_type = names::RewardState, example = "issued")]
    state: VoucherState,
    /// The booking whose payment led to it.
    #[schema(value_type = String, format = Uuid)]
    booking: BookingId,
    /// What its code is worth; absent if it has no code.
    #[serde(skip_serializing_if = "Option::is_none")]
    discount: Option<Discount>,
    /// Its code. Also absent if it was made with another token key than this server has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "7K2M-Q9XA-0R4T-ZC5E")]
    code: Option<String>,
}

impl Voucher {
    fn of(keys: &VoucherKeys, view: VoucherView) -> Self {
        let own = view.code.as_ref().filter(|code| code.hash == keys.of_reward(view.voucher));
        Self {
            code: own.map(|_| keys.code_of_reward(view.voucher)),
            discount: view.code.as_ref().and_then(|code| Discount::of(&code.discount)),
            voucher: view.voucher,
            cause: view.cause,
            reward: view.reward,
            state: view.state,
            booking: view.booking,
        }
    }
}

/// The caller's points and vouchers; with a booking's own token, what that booking earned. A guest's booking earns points
/// only together with a voucher.
#[utoipa::path(
    get,
    path = "/v1/me/rewards",
    operation_id = "get_my_rewards",
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
    let RewardsView { buyer, seats, points, vouchers } = visible(&app, &mine).await?;
    let vouchers = vouchers.into_iter().map(|view| Voucher::of(app.parts().auth.vouchers(), view)).collect();
    Ok(Answer::json(StatusCode::OK, &Rewards { buyer, seats, points, vouchers }).with(freshness::fields(fresh)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::event::{Discount, RewardCode};
    use uuid::Uuid;

    #[test]
    fn a_code_is_shown_by_a_server_whose_secret_made_it() {
        let own = VoucherKeys::new(b"secret");
        let voucher = VoucherId(Uuid::from_u128(1));
        let view = VoucherView {
            voucher,
            cause: VoucherCause::Booking,
            reward: "10 % off".to_owned(),
            state: VoucherState::Issued,
            booking: BookingId(Uuid::from_u128(2)),
            code: Some(RewardCode { hash: own.of_reward(voucher), discount: Discount::Percent(10) }),
            withdrawn: false,
        };
        assert_eq!(Voucher::of(&own, view.clone()).code, Some(own.code_of_reward(voucher)));
        let other = Voucher::of(&VoucherKeys::new(b"another"), view.clone());
        assert!(other.code.is_none() && other.discount.is_some());
        let plain = Voucher::of(&own, VoucherView { code: None, ..view });
        assert!(plain.code.is_none() && plain.discount.is_none());
    }
}
