//! Whose session a request shows.

use super::cookie::Cookie;
use super::{Accounts, Browser, csrf};
use crate::auth::Caller;
use crate::problem::{Code, Problem};
use http::HeaderValue;
use http::header::{SET_COOKIE, WWW_AUTHENTICATE};
use http::request::Parts;
use lastseat_domain::account::{Account, Session, SessionHash};

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub account: Account,
    pub session: Session,
    pub hash: SessionHash,
    /// The CSRF token of the session.
    pub csrf: String,
}

impl SignedIn {
    /// As the rest of the program knows them.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller::Token { sub: self.account.id.buyer(), role: self.account.role }
    }
}

impl Accounts {
    /// What a request says about its browser.
    #[must_use]
    pub fn browser(&self, parts: &Parts) -> Browser {
        Browser::of(parts, self.0.public_url.as_deref())
    }

    /// Refuses a request that a browser says is another site's.
    ///
    /// # Errors
    /// 403.
    pub fn check_site(&self, parts: &Parts) -> Result<(), Problem> {
        csrf::check_site(parts, self.0.public_url.as_deref())
    }

    /// Who sent a request, if its cookie says so. `None` without a cookie.
    ///
    /// # Errors
    /// 401 if the session has ended, with an answer that takes the cookie away: the sender believes to be signed in. 403 for a
    /// command that another site may have sent. 503.
    pub async fn recognise(&self, parts: &Parts) -> Result<Option<SignedIn>, Problem> {
        let browser = self.browser(parts);
        let token = match browser.cookie() {
            Cookie::None => return Ok(None),
            Cookie::Unreadable => return Err(ended(&browser)),
            Cookie::Session(token) => token,
        };
        let (hash, csrf) = (token.hash(), token.csrf());
        let found = self.0.store.session(hash).await?;
        let now = self.now();
        let found = found.filter(|(session, account)| !session.is_over(account.role, now));
        let (session, account) = found.ok_or_else(|| ended(&browser))?;
        if csrf::changes(&parts.method) {
            self.check_site(parts)?;
            csrf::check_token(parts, &csrf)?;
        }
        if session.is_news(now) {
            self.0.store.seen(hash, now).await?;
        }
        Ok(Some(SignedIn { account, session, hash, csrf }))
    }
}

fn ended(browser: &Browser) -> Problem {
    Problem::new(Code::SessionEnded, "The session has ended. Sign in again, or send the request again as a guest.")
        .header(SET_COOKIE, browser.forget())
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lastseat\""))
}
