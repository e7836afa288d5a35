//! `POST /v1/accounts`

use super::accounts;
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::command::{Command, execute};
use crate::routes::sender::Newcomer;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::account::EmailAddress;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// With what somebody signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Credentials {
    #[schema(example = "ann@example.org", format = Email, max_length = 254)]
    pub(super) email: String,
    /// 10 to 256 characters of any kind.
    #[schema(example = "correct horse battery staple", format = Password, min_length = 10, max_length = 256)]
    pub(super) password: String,
}

/// What happens next.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedUp {
    /// The address as it is known from now on.
    #[schema(example = "ann@example.org")]
    email: String,
    /// What to do: `sign_in`.
    #[schema(example = "sign_in")]
    next: &'static str,
}

/// The address in a body.
///
/// # Errors
/// 422.
pub(in crate::routes) fn address(text: &str) -> Result<EmailAddress, Problem> {
    text.parse().map_err(|why| Problem::new(Code::InvalidRequest, format!("`email` {why}.")).fact("field", "email"))
}

/// Makes an account for a buyer.
///
/// The answer is the same if the address has an account already, which stays as it is: who asks must not learn whose addresses
/// are known.
#[utoipa::path(
    post,
    path = "/v1/accounts",
    tag = "accounts",
    request_body = Credentials,
    responses((status = 202, description = "The address has an account", body = SignedUp)),
)]
pub async fn sign_up(State(app): State<App>, command: Result<Command<Newcomer>, Problem>) -> Answer {
    execute(&app, metrics::Command::SignUp, command, async move |app: App, command: Command<Newcomer>| {
        let accounts = accounts(&app)?;
        let Credentials { email, password } = command.json()?;
        let email = address(&email)?;
        app.limits().sign_up(command.client, accounts.now(), app.metrics())?;
        accounts.sign_up(email.clone(), &password).await?;
        let body = SignedUp { email: email.as_str().to_owned(), next: "sign_in" };
        Ok(Answer::json(StatusCode::ACCEPTED, &body).undecided())
    })
    .await
}
