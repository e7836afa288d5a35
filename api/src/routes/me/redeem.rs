//! `POST /v1/me/rewards/{voucher}/redeem`

use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::access;
use crate::routes::command::{Command, execute};
use crate::routes::params::InVoucher;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::VoucherId;
use lastseat_domain::loyalty::VoucherState;
use serde::Serialize;
use utoipa::ToSchema;

/// A voucher that was used.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redeemed {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    voucher: VoucherId,
    /// Always `redeemed`.
    #[schema(value_type = String, example = "redeemed")]
    state: VoucherState,
}

/// Uses a voucher of the caller. Once.
#[utoipa::path(
    post,
    path = "/v1/me/rewards/{voucher}/redeem",
    tag = "me",
    params(("voucher" = String, Path, description = "The voucher's id")),
    responses((status = 200, description = "The voucher is used", body = Redeemed)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn redeem_voucher(State(app): State<App>, InVoucher(voucher): InVoucher, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::RedeemVoucher, command, async move |app: App, command: Command| {
        let buyer = access::buyer(&app, &command.caller).await?;
        command.nothing()?;
        app.box_office().redeem_voucher(&buyer, voucher, command.origin()).await?;
        Ok(Answer::json(StatusCode::OK, &Redeemed { voucher, state: VoucherState::Redeemed }))
    })
    .await
}
