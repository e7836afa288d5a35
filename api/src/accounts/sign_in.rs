//! Opens a session.

use super::cookie::{DeviceToken, SessionToken};
use super::{Accounts, Browser, SignedIn, proof};
use crate::problem::Problem;
use crate::wiring::key_file;
use http::HeaderValue;
use http::header::{HeaderName, SET_COOKIE};
use lastseat_domain::AccountId;
use lastseat_domain::account::{Device, EmailAddress, Session};
use lastseat_engine::Fault;

/// A session that was opened, and the headers that give it to the browser.
pub struct Opened {
    pub who: SignedIn,
    pub cookies: [(HeaderName, HeaderValue); 2],
}

impl Accounts {
    /// Opens a new session for who knows the password, and ends the one that the browser had: a session that somebody else has
    /// put there must not become theirs.
    ///
    /// # Errors
    /// 401 for wrong credentials, 429, 503.
    pub async fn sign_in(&self, email: &EmailAddress, password: &str, browser: Browser) -> Result<Opened, Problem> {
        let account = self.prove(email, password, &browser).await?;
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
        let cookie = (SET_COOKIE, browser.keep(token, longest.to_std().unwrap_or_default()));
        let cookies = [cookie, self.remember(account.id, &browser).await?];
        Ok(Opened { who: SignedIn { account, session, hash, csrf: token.csrf() }, cookies })
    }

    /// Knows a browser from now on, whose user has proven to be the account's owner: its wrong passwords are counted by
    /// themselves. Returns the header that says so to the browser.
    ///
    /// # Errors
    /// 503.
    pub(super) async fn remember(&self, account: AccountId, browser: &Browser) -> Result<(HeaderName, HeaderValue), Problem> {
        let token = key_file::random().map(DeviceToken::new).map_err(|error| Fault::Unavailable(error.to_string()))?;
        let device = Device { account, seen_at: self.now() };
        self.0.store.add_device(token.hash(), device, browser.device()).await?;
        Ok((SET_COOKIE, browser.become_known(token)))
    }
}
