//! `POST /v1/vouchers/withdraw` and `POST /v1/vouchers/{campaign}/end`

use super::campaigns::LOOK_AGAIN;
use super::codes::TriedCode;
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::params::InCampaign;
use crate::routes::sender::IssueVouchers;
use crate::routes::wire::{CampaignSummary, WithdrawnVoucher};
use axum::extract::State;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use serde::Deserialize;
use utoipa::ToSchema;

/// A voucher that is to be withdrawn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct WithdrawBody {
    /// Its code. Small letters and other dashes are fine.
    #[schema(example = "7K2M-Q9XA-0R4T-ZC5E", min_length = 1, max_length = 128)]
    voucher: String,
    /// Why, for those who read the log. Buyers don't see it.
    #[schema(example = "Leaked", min_length = 1, max_length = 200, nullable = false)]
    reason: Option<String>,
}

/// Withdraws a voucher, a campaign's or a reward's: nobody can use it any more. For managers and admins.
///
/// A booking that has it at this moment keeps it, and may be paid with it. What was paid with it stays paid; a refund that
/// gives it back gives it to nobody. Withdrawn before is a success, too. It can't be undone.
#[utoipa::path(
    post,
    path = "/v1/vouchers/withdraw",
    tag = "vouchers",
    request_body = WithdrawBody,
    responses((status = 200, description = "The voucher is withdrawn", body = WithdrawnVoucher)),
    security(("token" = [])),
)]
pub async fn withdraw_voucher(State(app): State<App>, command: Result<Command<IssueVouchers>, Problem>) -> Answer {
    execute(&app, metrics::Command::WithdrawVoucher, command, async move |app: App, command: Command<IssueVouchers>| {
        let body: WithdrawBody = command.json()?;
        let tried = TriedCode::read(&app, &body.voucher, &command.caller, command.client)?;
        let withdrawn = app.box_office().withdraw_voucher(&tried.voucher, body.reason, command.origin()).await;
        tried.decided(&withdrawn);
        Ok(Answer::json(StatusCode::OK, &WithdrawnVoucher::of(&withdrawn?)))
    })
    .await
}

/// Why a campaign ends.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct EndBody {
    /// Why, for those who read the log. Buyers don't see it.
    #[schema(example = "Leaked", min_length = 1, max_length = 200, nullable = false)]
    reason: Option<String>,
}

/// Ends a campaign: withdraws each of its vouchers. For managers and admins.
///
/// Bookings that have one at that moment keep it. 202 means that some can still be used: they are withdrawn by themselves,
/// and `GET /v1/vouchers/{campaign}` says how far it is. Ended before is a success, too. It can't be undone.
#[utoipa::path(
    post,
    path = "/v1/vouchers/{campaign}/end",
    tag = "vouchers",
    params(("campaign" = String, Path, description = "The campaign's id")),
    request_body(content = Option<EndBody>),
    responses(
        (status = 200, description = "The campaign, ended: none of its vouchers can be used", body = CampaignSummary),
        (status = 202, description = "Its end has begun; more vouchers are withdrawn", body = CampaignSummary),
    ),
    security(("token" = [])),
)]
pub async fn end_campaign(
    State(app): State<App>,
    InCampaign(campaign): InCampaign,
    command: Result<Command<IssueVouchers>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::EndCampaign, command, async move |app: App, command: Command<IssueVouchers>| {
        let EndBody { reason } = if command.is_empty() { EndBody::default() } else { command.json()? };
        let status = app.box_office().end_campaign(campaign, reason, command.origin()).await?;
        let body = CampaignSummary::of(&status);
        Ok(if status.campaign.is_settled() {
            Answer::json(StatusCode::OK, &body)
        } else {
            let answer = Answer::json(StatusCode::ACCEPTED, &body);
            answer.header(RETRY_AFTER, HeaderValue::from(LOOK_AGAIN)).undecided()
        })
    })
    .await
}
