//! People who sign in here: sign-up, sign-in, sessions.
//!
//! Of the embedded mode only. What is known about people is in the [`AccountStore`]; the rest of the program
//! sees a [`Caller`](crate::auth::Caller) with a buyer id and a role, as with a token. [`cookie`] is what a browser has of a
//! session and of having signed in before, [`csrf`] keeps pages of other sites from using it, [`passwords`] hashes, [`proof`]
//! counts wrong passwords.

mod changes;
mod cookie;
pub mod csrf;
mod letters;
mod links;
mod mails;
mod passwords;
mod post;
mod proof;
mod recognise;
mod sign_in;

pub use cookie::{Browser, may_have_session};
pub use post::Post;
pub use recognise::SignedIn;
pub use sign_in::Opened;

use crate::problem::{Code, Problem};
use lastseat_domain::account::{Account, EmailAddress, check_password};
use lastseat_domain::ports::accounts::AccountFault;
use lastseat_domain::ports::{AccountStore, Clock, Ids};
use lastseat_domain::{AccountId, Role, Timestamp};
use passwords::Passwords;
use std::sync::Arc;

/// Everything about accounts. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    store: Arc<dyn AccountStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    passwords: Passwords,
    /// Where buyers reach this server, if that is configured.
    public_url: Option<String>,
    /// Sends mails; nothing that only an administrator's command uses.
    post: Option<Post>,
}

impl Accounts {
    /// `public_url`: where buyers reach this server, if not at the address that their browser names. `post`: what sends mails.
    #[must_use]
    pub fn new(
        store: Arc<dyn AccountStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        public_url: Option<String>,
        post: Option<Post>,
    ) -> Self {
        Self(Arc::new(Inner { store, clock, ids, passwords: Passwords::default(), public_url, post }))
    }

    #[must_use]
    pub fn store(&self) -> &dyn AccountStore {
        &*self.0.store
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Makes an account, unless the address has one. The caller must not learn which; a mail says it to who reads it.
    ///
    /// # Errors
    /// 422 for a weak password; 503.
    pub async fn sign_up(&self, email: EmailAddress, password: &str) -> Result<(), Problem> {
        check_password(password, &email).map_err(weak)?;
        // In any case: the time that it takes must not say whether the address is known.
        let password = self.0.passwords.hash(password).await?;
        let (id, created_at) = (AccountId(self.0.ids.uuid()), self.now());
        let account = Account { id, email: email.clone(), password, role: Role::Buyer, created_at, verified_at: None };
        let is_new = self.0.store.add(account).await?;
        self.mail_after_sign_up(email, is_new);
        Ok(())
    }
}

fn weak(why: lastseat_domain::account::WeakPassword) -> Problem {
    Problem::new(Code::WeakPassword, format!("The password {why}.")).fact("field", "password")
}

impl From<AccountFault> for Problem {
    fn from(fault: AccountFault) -> Self {
        lastseat_engine::Fault::Unavailable(fault.to_string()).into()
    }
}
