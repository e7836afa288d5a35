//! `POST /v1/accounts/password-reset` and `POST /v1/accounts/password-reset/confirm`

use super::sign_up::address;
use super::{MailJson, accounts};
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::sender::Newcomer;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::account::LinkPurpose;
use serde::Deserialize;
use utoipa::ToSchema;

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct PasswordResetBody {
    #[schema(example = "ann@example.org", format = Email, max_length = 254)]
    email: String,
}

/// Sends a mail with a link to choose another password, if the address has an account.
///
/// The answer is the same if it has none. One address gets up to five of these mails an hour, and no more are sent.
#[utoipa::path(
    post,
    path = "/v1/accounts/password-reset",
    tag = "accounts",
    request_body = PasswordResetBody,
    responses((status = 202, description = "If there is an account, a mail is on its way", body = MailJson)),
)]
pub async fn request_password_reset(State(app): State<App>, command: Result<Command<Newcomer>, Problem>) -> Answer {
    execute(&app, metrics::Command::RequestPasswordReset, command, async move |app: App, command: Command<Newcomer>| {
        let accounts = accounts(&app)?;
        let PasswordResetBody { email } = command.json()?;
        let email = address(&email)?;
        app.limits().mail(command.client, accounts.now(), app.metrics())?;
        accounts.mail_link(email, LinkPurpose::Reset);
        Ok(Answer::json(StatusCode::ACCEPTED, &MailJson::open()).undecided())
    })
    .await
}

/// What a link has after `reset=`, and the password that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewPasswordBody {
    #[schema(example = "q1Vd4u0cXbD8fJc0oC4b0t6sXnKk2c9mT0l0W5m3r5E")]
    token: String,
    /// 10 to 256 characters of any kind.
    #[schema(example = "four other random words", format = Password, min_length = 10, max_length = 256)]
    password: String,
}

/// Chooses another password, with the link from the mail. All sessions of the account end, and its address is confirmed.
#[utoipa::path(
    post,
    path = "/v1/accounts/password-reset/confirm",
    tag = "accounts",
    request_body = NewPasswordBody,
    responses((status = 204, description = "The password is changed")),
)]
pub async fn reset_password(State(app): State<App>, command: Result<Command<Newcomer>, Problem>) -> Answer {
    execute(&app, metrics::Command::ResetPassword, command, async move |app: App, command: Command<Newcomer>| {
        let accounts = accounts(&app)?;
        let NewPasswordBody { token, password } = command.json()?;
        let guess = app.limits().sign_in(command.client, accounts.now(), app.metrics())?;
        let browser = accounts.browser(&command.head);
        let known = guess.of(accounts.reset_password(&token, &password, &browser).await)?;
        Ok(Answer::nothing().with([known]).undecided())
    })
    .await
}
