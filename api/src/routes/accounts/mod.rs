//! Accounts and sessions of people who sign in here.

pub mod erase;
pub mod export;
pub mod manage;
pub mod me;
pub mod password_reset;
pub mod sessions;
pub mod sign_up;
pub mod verification;

use crate::accounts::{Accounts, SignedIn};
use crate::app::App;
use crate::problem::{Code, Problem};
use crate::routes::command::Command;
use crate::routes::sender::Sender;
use serde::Serialize;
use utoipa::ToSchema;

/// What happens next.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailOnItsWay)]
pub struct MailJson {
    /// What to do: `open_mail`.
    #[schema(example = "open_mail")]
    next: &'static str,
}

impl MailJson {
    /// It is on its way.
    pub(in crate::routes) fn open() -> Self {
        Self { next: "open_mail" }
    }
}

/// The accounts, where there are any.
///
/// # Errors
/// 404.
fn accounts(app: &App) -> Result<&Accounts, Problem> {
    app.parts().accounts.as_ref().ok_or_else(|| {
        let detail = "Nobody signs in at this server itself. Send a token: the shop says where to get one.";
        Problem::new(Code::NoAccounts, detail)
    })
}

/// Who sent a command with a session.
///
/// # Errors
/// 403 for everybody else.
fn who<S: Sender>(command: &Command<S>) -> Result<&SignedIn, Problem> {
    command.signed_in.as_deref().ok_or_else(Problem::session_required)
}
