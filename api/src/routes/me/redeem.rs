//! `POST /v1/me/rewards/{voucher}/redeem`

use super::rewards::visible;
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::params::InVoucher;
use crate::routes::wire::names;
use crate::routes::{access, freshness};
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::loyalty::VoucherState;
use lastseat_domain::{Rejection, VoucherId};
use serde::Serialize;
use utoipa::ToSchema;

/// A voucher that was used.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redeemed {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    voucher: VoucherId,
    /// Always `redeemed`.
    #[schema(value_type = names::RewardState, example = "redeemed")]
    state: VoucherState,
}

/// Uses a voucher of the caller; with a booking's own token, one that the booking earned. Once.
#[utoipa::path(
    post,
    path = "/v1/me/rewards/{voucher}/redeem",
    operation_id = "redeem_reward",
    tag = "me",
    params(("voucher" = String, Path, description = "The voucher's id")),
    responses((status = 200, description = "The voucher is used", body = Redeemed)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn redeem_voucher(State(app): State<App>, InVoucher(voucher): InVoucher, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::RedeemVoucher, command, async move |app: App, command: Command| {
        let mine = access::mine(&app, &command.caller).await?;
        command.nothing()?;
        if mine.only.is_some() {
            freshness::wait_for_own_writes(&app).await;
            if !visible(&app, &mine).await?.vouchers.iter().any(|earned| earned.voucher == voucher) {
                return Err(Rejection::VoucherNotFound { voucher }.into());
            }
        }
        app.box_office().redeem_voucher(&mine.buyer, voucher, command.origin()).await?;
        Ok(Answer::json(StatusCode::OK, &Redeemed { voucher, state: VoucherState::Redeemed }))
    })
    .await
}
