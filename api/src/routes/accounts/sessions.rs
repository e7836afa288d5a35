//! `POST /v1/sessions`, `GET` and `DELETE /v1/sessions/current`

use super::sign_up::{Credentials, address};
use super::{accounts, who};
use crate::accounts::SignedIn;
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::accounts::me::AccountJson;
use crate::routes::command::{Command, execute};
use crate::routes::sender::{AccountOwner, Newcomer};
use axum::extract::State;
use http::StatusCode;
use http::header::SET_COOKIE;
use lastseat_domain::Timestamp;
use lastseat_domain::account::Session;
use serde::Serialize;
use utoipa::ToSchema;

/// A session. Its secret is in the cookie.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionJson {
    account: AccountJson,
    /// To be sent in the header `X-CSRF-Token` with every command of this session.
    #[schema(example = "q1Vd4u0cXbD8fJc0oC4b0t6sXnKk2c9mT0l0W5m3r5E")]
    csrf_token: String,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    /// When it ends if it is not used any more.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
}

impl From<SignedIn> for SessionJson {
    fn from(who: SignedIn) -> Self {
        let Session { opened_at, .. } = who.session;
        let ends_at = who.session.ends_at(who.account.role);
        Self { account: AccountJson::of(&who.account), csrf_token: who.csrf, opened_at, ends_at }
    }
}

/// Signs in: opens a session, whose secret is in the cookie of the answer.
///
/// A wrong password and an unknown address get the same answer. After five wrong passwords for an address, and after many from one
/// place, each has to wait longer than the one before, the right one as well.
#[utoipa::path(
    post,
    path = "/v1/sessions",
    tag = "accounts",
    request_body = Credentials,
    responses((
        status = 201,
        description = "Signed in",
        body = SessionJson,
        headers(("Set-Cookie" = String, description = "The session: `HttpOnly`, `SameSite=Lax` and, over HTTPS, `Secure`")),
    )),
)]
pub async fn sign_in(State(app): State<App>, command: Result<Command<Newcomer>, Problem>) -> Answer {
    execute(&app, metrics::Command::SignIn, command, async move |app: App, command: Command<Newcomer>| {
        let accounts = accounts(&app)?;
        let Credentials { email, password } = command.json()?;
        let email = address(&email)?;
        let guess = app.limits().sign_in(command.client, accounts.now(), app.metrics())?;
        let browser = accounts.browser(&command.head);
        let opened = guess.of(accounts.sign_in(&email, &password, browser).await)?;
        let answer = Answer::json(StatusCode::CREATED, &SessionJson::from(opened.who));
        // A repeat opens another one: the secret of a session is nowhere but in its browser.
        Ok(answer.location("/v1/sessions/current").with(opened.cookies).undecided())
    })
    .await
}

/// The session of this browser, with its CSRF token.
#[utoipa::path(
    get,
    path = "/v1/sessions/current",
    tag = "accounts",
    responses((status = 200, description = "The session", body = SessionJson)),
    security(("session" = [])),
)]
pub async fn get_session(who: SignedIn) -> Answer {
    Answer::json(StatusCode::OK, &SessionJson::from(who))
}

/// Signs out: ends the session. The cookie is worth nothing from then on, also a copy of it.
#[utoipa::path(
    delete,
    path = "/v1/sessions/current",
    tag = "accounts",
    responses((status = 204, description = "Signed out")),
    security(("session" = [], "csrf" = [])),
)]
pub async fn sign_out(State(app): State<App>, command: Result<Command<AccountOwner>, Problem>) -> Answer {
    execute(&app, metrics::Command::SignOut, command, async move |app: App, command: Command<AccountOwner>| {
        let accounts = accounts(&app)?;
        command.nothing()?;
        accounts.store().end_session(who(&command)?.hash).await?;
        Ok(Answer::nothing().header(SET_COOKIE, accounts.browser(&command.head).forget()))
    })
    .await
}
