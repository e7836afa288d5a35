//! What somebody does with a link from a mail.

use super::post::LinkToken;
use super::{Accounts, Browser, proof, weak};
use crate::problem::{Code, Problem};
use http::HeaderValue;
use http::header::HeaderName;
use lastseat_domain::account::{Account, LinkHash, LinkPurpose, check_password};

impl Accounts {
    /// Says that an account's address is its owner's: of who has the mail *and* knows the password. The mail alone is not enough:
    /// somebody else may have signed up with the address, and its owner must not confirm that one. Returns the header that makes
    /// the browser known.
    ///
    /// # Errors
    /// 401 for a wrong password, 410 for a link that doesn't work, 429, 503.
    pub async fn verify(&self, token: &str, password: &str, browser: &Browser) -> Result<(HeaderName, HeaderValue), Problem> {
        let (hash, account) = self.working(token, LinkPurpose::Verify).await?;
        // Counted by the link, which strangers don't have: they can't lock it.
        let account = self.compare(Some(account), password, proof::key_of_link(hash)).await?;
        if !self.0.store.verify(hash, account.password, self.now()).await? {
            return Err(not_usable());
        }
        self.remember(account.id, browser).await
    }

    /// Replaces a password for who has the mail, and ends all sessions. Returns the header that makes the browser known: its
    /// user can sign in, however many wrong passwords others send.
    ///
    /// # Errors
    /// 410 for a link that doesn't work, 422 for a weak password, 503.
    pub async fn reset_password(
        &self,
        token: &str,
        password: &str,
        browser: &Browser,
    ) -> Result<(HeaderName, HeaderValue), Problem> {
        let (hash, account) = self.working(token, LinkPurpose::Reset).await?;
        check_password(password, &account.email).map_err(weak)?;
        let new = self.0.passwords.hash(password).await?;
        let account = self.0.store.reset_password(hash, new, self.now()).await?.ok_or_else(not_usable)?;
        self.0.store.forget_tries(proof::key(&account.email)).await?;
        self.0.store.forget_tries(proof::key_of_owner(account.id)).await?;
        let known = self.remember(account.id, browser).await?;
        self.mail_password_changed(account.email);
        Ok(known)
    }

    async fn working(&self, token: &str, purpose: LinkPurpose) -> Result<(LinkHash, Account), Problem> {
        let hash = LinkToken::parse(token).ok_or_else(not_usable)?.hash();
        let found = self.0.store.link(hash).await?.filter(|(link, _)| link.works(purpose, self.now()));
        found.map(|(_, account)| (hash, account)).ok_or_else(not_usable)
    }
}

/// The one answer to what is unknown, used or too old.
fn not_usable() -> Problem {
    let detail = "This link does not work: it was used, or is too old, or is not complete. Ask for another one.";
    Problem::new(Code::LinkNotUsable, detail)
}
