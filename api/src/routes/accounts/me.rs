//! `GET /v1/accounts/me` and `POST /v1/accounts/me/password`

use super::{accounts, who};
use crate::accounts::SignedIn;
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::sender::AccountOwner;
use crate::routes::wire::names::AccountRole;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::account::Account;
use lastseat_domain::{AccountId, BuyerId, Role, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountJson {
    #[schema(value_type = String, format = Uuid)]
    id: AccountId,
    /// As bookings, and the history, know it: nothing else about a person is there.
    #[schema(value_type = String, example = "account:0190c42e-7b3a-7c11-9d2f-2f6e4e1c8a55")]
    buyer: BuyerId,
    #[schema(example = "ann@example.org")]
    email: String,
    #[schema(value_type = AccountRole)]
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Whether it is known that the address is its owner's. A role needs that.
    verified: bool,
}

impl AccountJson {
    pub(super) fn of(account: &Account) -> Self {
        let Account { id, email, role, created_at, verified_at, password: _ } = account;
        let (email, verified) = (email.as_str().to_owned(), verified_at.is_some());
        Self { id: *id, buyer: id.buyer(), email, role: *role, created_at: *created_at, verified }
    }
}

/// One's own account.
#[utoipa::path(
    get,
    path = "/v1/accounts/me",
    tag = "accounts",
    responses((status = 200, description = "The account", body = AccountJson)),
    security(("session" = [])),
)]
pub async fn get_account(who: SignedIn) -> Answer {
    Answer::json(StatusCode::OK, &AccountJson::of(&who.account))
}

/// The password that is, and the one that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct PasswordBody {
    #[schema(example = "correct horse battery staple", format = Password)]
    current_password: String,
    /// 10 to 256 characters of any kind.
    #[schema(example = "four other random words", format = Password, min_length = 10, max_length = 256)]
    password: String,
}

/// Changes one's own password. All other sessions of the account end.
#[utoipa::path(
    post,
    path = "/v1/accounts/me/password",
    tag = "accounts",
    request_body = PasswordBody,
    responses((status = 204, description = "The password is changed")),
    security(("session" = [], "csrf" = [])),
)]
pub async fn change_password(State(app): State<App>, command: Result<Command<AccountOwner>, Problem>) -> Answer {
    execute(&app, metrics::Command::ChangePassword, command, async move |app: App, command: Command<AccountOwner>| {
        let accounts = accounts(&app)?;
        let PasswordBody { current_password, password } = command.json()?;
        let guess = app.limits().sign_in(command.client, accounts.now(), app.metrics())?;
        let browser = accounts.browser(&command.head);
        let known = guess.of(accounts.change_password(who(&command)?, &current_password, &password, &browser).await)?;
        Ok(Answer::nothing().with([known]))
    })
    .await
}
