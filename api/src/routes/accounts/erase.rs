//! `POST /v1/accounts/me/erase`

use super::{accounts, who};
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::sender::AccountOwner;
use axum::extract::State;
use http::header::SET_COOKIE;
use serde::Deserialize;
use utoipa::ToSchema;

/// Proof that it is the owner who wants this.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct EraseBody {
    #[schema(example = "correct horse battery staple", format = Password)]
    password: String,
}

/// Erases one's own account: address, password and sessions. There is no way back.
///
/// Bookings stay, under an id that is nobody's any more. Who still wants to use them keeps their tickets, or transfers them before.
#[utoipa::path(
    post,
    path = "/v1/accounts/me/erase",
    tag = "accounts",
    request_body = EraseBody,
    responses((status = 204, description = "The account is erased")),
    security(("session" = [], "csrf" = [])),
)]
pub async fn erase_account(State(app): State<App>, command: Result<Command<AccountOwner>, Problem>) -> Answer {
    execute(&app, metrics::Command::EraseAccount, command, async move |app: App, command: Command<AccountOwner>| {
        let accounts = accounts(&app)?;
        let EraseBody { password } = command.json()?;
        let guess = app.limits().sign_in(command.client, accounts.now(), app.metrics())?;
        guess.of(accounts.erase(who(&command)?, &password).await)?;
        Ok(Answer::nothing().header(SET_COOKIE, accounts.browser(&command.head).forget()))
    })
    .await
}
