//! `POST /v1/accounts/me/verification` and `POST /v1/accounts/verification`

use super::{MailJson, accounts, who};
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::sender::{AccountOwner, Newcomer};
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::account::LinkPurpose;
use serde::Deserialize;
use utoipa::ToSchema;

/// Sends the mail again with which one confirms one's own address.
#[utoipa::path(
    post,
    path = "/v1/accounts/me/verification",
    tag = "accounts",
    responses(
        (status = 202, description = "A mail is on its way", body = MailJson),
        (status = 204, description = "The address is confirmed already"),
    ),
    security(("session" = [], "csrf" = [])),
)]
pub async fn send_verification(State(app): State<App>, command: Result<Command<AccountOwner>, Problem>) -> Answer {
    execute(&app, metrics::Command::SendVerification, command, async move |app: App, command: Command<AccountOwner>| {
        let accounts = accounts(&app)?;
        command.nothing()?;
        let account = &who(&command)?.account;
        if account.verified_at.is_some() {
            return Ok(Answer::nothing());
        }
        app.limits().mail(command.client, accounts.now(), app.metrics())?;
        accounts.mail_link(account.email.clone(), LinkPurpose::Verify);
        Ok(Answer::json(StatusCode::ACCEPTED, &MailJson::open()).undecided())
    })
    .await
}

/// What a link has after `verify=`, and the password of the account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct VerificationBody {
    #[schema(example = "q1Vd4u0cXbD8fJc0oC4b0t6sXnKk2c9mT0l0W5m3r5E")]
    token: String,
    /// So that nobody confirms an account that somebody else has made for their address.
    #[schema(example = "correct horse battery staple", format = Password)]
    password: String,
}

/// Confirms the address of an account, with the link from the mail.
#[utoipa::path(
    post,
    path = "/v1/accounts/verification",
    tag = "accounts",
    request_body = VerificationBody,
    responses((status = 204, description = "The address is confirmed")),
)]
pub async fn confirm_address(State(app): State<App>, command: Result<Command<Newcomer>, Problem>) -> Answer {
    execute(&app, metrics::Command::ConfirmAddress, command, async move |app: App, command: Command<Newcomer>| {
        let accounts = accounts(&app)?;
        let VerificationBody { token, password } = command.json()?;
        let guess = app.limits().sign_in(command.client, accounts.now(), app.metrics())?;
        let browser = accounts.browser(&command.head);
        let known = guess.of(accounts.verify(&token, &password, &browser).await)?;
        Ok(Answer::nothing().with([known]).undecided())
    })
    .await
}
