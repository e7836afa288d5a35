//! `POST /v1/vouchers/redeem`

use super::codes::{TriedCode, VoucherBody};
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::sender::RedeemVouchers;
use crate::routes::wire::Discount;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// Goods that were handed over.
#[derive(Debug, Serialize, ToSchema)]
pub struct HandedOver {
    /// What the voucher is good for.
    #[schema(required = true, nullable = false)]
    discount: Option<Discount>,
    /// How often it can still be used.
    #[schema(example = 0)]
    left: u32,
}

/// Hands over the goods that a voucher is good for. For staff, managers and admins.
///
/// A voucher that lowers what a booking costs is refused here: apply it to the booking.
#[utoipa::path(
    post,
    path = "/v1/vouchers/redeem",
    tag = "vouchers",
    request_body = VoucherBody,
    responses((status = 200, description = "Hand over the goods: this use of the voucher is gone", body = HandedOver)),
    security(("token" = [])),
)]
pub async fn redeem_goods(State(app): State<App>, command: Result<Command<RedeemVouchers>, Problem>) -> Answer {
    execute(&app, metrics::Command::HandOverGoods, command, async move |app: App, command: Command<RedeemVouchers>| {
        let body: VoucherBody = command.json()?;
        let tried = TriedCode::read(&app, &body.voucher, &command.caller, command.client)?;
        let handed_over = app.box_office().hand_over_goods(&tried.voucher, command.origin()).await;
        tried.decided(&handed_over);
        let voucher = handed_over?;
        let body = HandedOver { discount: Discount::of(&voucher.created.terms.discount), left: voucher.left() };
        Ok(Answer::json(StatusCode::OK, &body))
    })
    .await
}
