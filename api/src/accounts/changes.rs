//! What becomes of an account: another password, another role, its end.

use super::{Accounts, Browser, SignedIn, proof, weak};
use crate::problem::{Code, Problem};
use http::HeaderValue;
use http::header::HeaderName;
use lastseat_domain::account::{Account, AccountChange, AccountRefusal, EmailAddress, check_password};
use lastseat_domain::{AccountId, Role};

impl Accounts {
    /// Makes the account an admin's, with this password; it is made if the address has none. Ends its sessions. Who may do
    /// this knows whose the address is.
    ///
    /// # Errors
    /// 422 for a weak password; 503.
    pub async fn make_admin(&self, email: EmailAddress, password: &str) -> Result<Account, Problem> {
        check_password(password, &email).map_err(weak)?;
        let password = self.0.passwords.hash(password).await?;
        let (id, now) = (AccountId(self.0.ids.uuid()), self.now());
        let admin = Account { id, email, password, role: Role::Admin, created_at: now, verified_at: Some(now) };
        let account = self.0.store.put(admin).await?;
        self.0.store.forget_tries(proof::key(&account.email)).await?;
        Ok(account)
    }

    /// Changes what an account may do.
    ///
    /// # Errors
    /// 404 if there is none; 409 if its address is not known to be its owner's, or if it is the last admin's; 503.
    pub async fn change(&self, id: AccountId, change: AccountChange) -> Result<Account, Problem> {
        self.0.store.change(id, change, self.now()).await?.map_err(refused)
    }

    /// Replaces a password and ends the other sessions of the account. Returns the header that makes the browser known again.
    ///
    /// # Errors
    /// 401 for a wrong password, 422 for a weak one, 429, 503.
    pub async fn change_password(
        &self,
        who: &SignedIn,
        current: &str,
        new: &str,
        browser: &Browser,
    ) -> Result<(HeaderName, HeaderValue), Problem> {
        check_password(new, &who.account.email).map_err(weak)?;
        let account = self.prove_owner(who, current).await?;
        let hash = self.0.passwords.hash(new).await?;
        // Somebody else may have changed it meanwhile.
        if !self.0.store.change_password(account.id, account.password, hash, Some(who.hash)).await? {
            return Err(proof::wrong());
        }
        // Somebody who signs up with an address that is not theirs could have its owner sent one mail after the other.
        if account.verified_at.is_some() {
            self.mail_password_changed(account.email);
        }
        self.remember(account.id, browser).await
    }

    /// Erases an account.
    ///
    /// # Errors
    /// 401 for a wrong password, 409 if it is the last admin's, 429, 503.
    pub async fn erase(&self, who: &SignedIn, password: &str) -> Result<(), Problem> {
        let account = self.prove_owner(who, password).await?;
        self.forget_mails(&account.email).await?;
        // First: erasing leaves nothing of what was removed before.
        self.0.store.forget_tries(proof::key(&account.email)).await?;
        self.0.store.forget_tries(proof::key_of_owner(account.id)).await?;
        self.0.store.erase(account.id).await?.or_else(|refusal| match refusal {
            // A repeat, at the same moment.
            AccountRefusal::Unknown => Ok(()),
            refusal => Err(refused(refusal)),
        })?;
        // Once more: what was on its way to be written then is written now.
        if self.forget_mails(&account.email).await.is_err() {
            tracing::warn!("a mail to an erased account could not be removed; the newest 1,000 are kept");
        }
        Ok(())
    }
}

fn refused(refusal: AccountRefusal) -> Problem {
    match refusal {
        AccountRefusal::Unknown => Problem::account_not_found(),
        AccountRefusal::NotVerified => {
            let detail = "Nobody knows yet whether the address is its owner's, and anybody can sign up with any address. Let the \
                          owner confirm it, or send `\"verified\": true` if you know that its owner has made this account: ask them to sign in and to read you its id.";
            Problem::new(Code::AddressNotVerified, detail)
        }
        AccountRefusal::LastAdmin => {
            let detail = "This is the last account of an admin, and nobody else could give roles. Make another admin first.";
            Problem::new(Code::LastAdmin, detail)
        }
    }
}
