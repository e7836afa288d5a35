//! `GET /v1/accounts` and `PATCH /v1/accounts/{account}`

use super::accounts;
use super::me::AccountJson;
use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::command::{Command, execute};
use crate::routes::params::{InAccount, Params, wrong};
use crate::routes::sender::ManageAccounts;
use crate::routes::wire::List;
use crate::routes::wire::names::AccountRole;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::account::{AccountChange, EmailAddress};
use lastseat_domain::{AccountId, Role};
use serde::Deserialize;
use utoipa::ToSchema;

/// The document would write out the items of a `List<…>` again.
type AccountList = List<AccountJson>;

/// The accounts, newest first.
#[utoipa::path(
    get,
    path = "/v1/accounts",
    tag = "accounts",
    params(
        ("email" = Option<String>, Query, description = "The one with this address"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Accounts on a page, 1 to 100; 20 if absent"),
        ("starting_after" = Option<Uuid>, Query, description = "Id of the last account of the page before"),
    ),
    responses((status = 200, description = "A page of accounts", body = AccountList)),
    security(("token" = [])),
)]
pub async fn list_accounts(State(app): State<App>, caller: Caller, params: Params) -> Result<Answer, Problem> {
    caller.needs(Permission::ManageAccounts)?;
    let store = accounts(&app)?.store();
    params.only(|name| ["email", "limit", "starting_after"].contains(&name))?;
    let limit = params.limit()?;
    let after = params.value::<AccountId>("starting_after", "the id of an account")?;
    let mut found = match params.text("email") {
        Some(email) => {
            let email: EmailAddress = email.parse().map_err(|_| wrong("email", "an e-mail address"))?;
            store.by_email(email).await?.into_iter().collect()
        }
        None => store.list(after, limit + 1).await?,
    };
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok(Answer::json(StatusCode::OK, &List { data: found.iter().map(AccountJson::of).collect(), has_more }))
}

/// What to change: at least one of these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = AccountChange)]
pub struct ChangeBody {
    #[schema(value_type = Option<AccountRole>)]
    role: Option<Role>,
    /// `true`: you know whose the address is. Unless its owner has confirmed it, the account's password and sessions end, and a
    /// mail lets the owner choose another. It can't be taken back.
    verified: Option<bool>,
}

/// Gives an account a role. If it had another one, its sessions end at once: its owner signs in again.
///
/// Every role but `buyer` is for accounts whose address is known to be their owner's. There is always an admin: the last one stays.
#[utoipa::path(
    patch,
    path = "/v1/accounts/{account}",
    tag = "accounts",
    params(("account" = String, Path, description = "The account's id")),
    request_body = ChangeBody,
    responses((status = 200, description = "The account", body = AccountJson)),
    security(("token" = [])),
)]
pub async fn change_account(
    State(app): State<App>,
    InAccount(id): InAccount,
    command: Result<Command<ManageAccounts>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::ChangeAccount, command, async move |app: App, command: Command<ManageAccounts>| {
        let accounts = accounts(&app)?;
        let ChangeBody { role, verified } = command.json()?;
        if verified == Some(false) || (role, verified) == (None, None) {
            let detail = "Send `role`, `verified` or both; `verified` can only be true.";
            return Err(Problem::new(Code::InvalidRequest, detail));
        }
        let account = accounts.change(id, AccountChange { role, is_verified: verified == Some(true) }).await?;
        let (role, verified) = (account.role.name(), account.verified_at.is_some());
        tracing::info!(account = %id, role, verified, by = command.caller.name(), "an admin has changed an account");
        Ok(Answer::json(StatusCode::OK, &AccountJson::of(&account)).undecided())
    })
    .await
}
