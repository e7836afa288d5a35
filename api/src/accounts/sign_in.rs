//! Opens a session.

use super::cookie::SessionToken;
use super::{Accounts, Browser, SignedIn, proof};
use crate::problem::Problem;
use crate::wiring::key_file;
use http::HeaderValue;
use lastseat_domain::account::{EmailAddress, Session};
use lastseat_engine::Fault;

/// A session that was opened, and the value of `Set-Cookie` that gives it to the browser.
pub struct Opened {
    pub who: SignedIn,
    pub cookie: HeaderValue,
}

impl Accounts {
    /// Opens a new session for who knows the password, and ends the one that the browser had: a session that somebody else has
    /// put there must not become theirs.
    ///
    /// # Errors
    /// 401 for wrong credentials, 429, 503.
    pub async fn sign_in(&self, email: &EmailAddress, password: &str, browser: Browser) -> Result<Opened, Problem> {
        let account = self.prove(email, password).await?;
        let token = key_file::random().map(SessionToken::new).map_err(|error| Fault::Unavailable(error.to_string()))?;
        let (hash, now) = (token.hash(), self.now());
        let session = Session { account: account.id, opened_at: now, seen_at: now };
        // The password may have been changed since it was compared.
        if !self.0.store.open_session(hash, session, account.password.clone()).await? {
            return Err(proof::wrong());
        }
        if let Some(before) = browser.session() {
            self.0.store.end_session(before).await?;
        }
        let (_, longest) = Session::limits(account.role);
        let cookie = browser.keep(token, longest.to_std().unwrap_or_default());
        Ok(Opened { who: SignedIn { account, session, hash, csrf: token.csrf() }, cookie })
    }
}
