//! What becomes of an account: another password, another role, its end.

use super::post::LinkToken;
use super::{Accounts, Browser, SignedIn, proof, weak};
use crate::problem::{Code, Problem};
use crate::wiring::key_file;
use http::HeaderValue;
use http::header::HeaderName;
use lastseat_domain::account::{Account, AccountChange, AccountRefusal, EmailAddress, LinkPurpose, check_password};
use lastseat_domain::{AccountId, Role};
use lastseat_engine::Fault;

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

    /// Changes what an account may do. Where an admin says whose the address is, and its owner has not confirmed it, the account
    /// becomes the owner's: somebody else may have made it. Its password and its sessions end, and a link to choose another
    /// password is mailed to the address.
    ///
    /// # Errors
    /// 404 if there is none; 409 if its address is not known to be its owner's, or if it is the last admin's; 503.
    pub async fn change(&self, id: AccountId, change: AccountChange) -> Result<Account, Problem> {
        let unconfirmed = self.0.store.by_id(id).await?.filter(|account| change.is_verified && account.verified_at.is_none());
        if let Some(account) = &unconfirmed {
            // Before the role: who has the old password must never have that.
            let nobody_knows = LinkToken::new(key_file::random().map_err(|error| Fault::Unavailable(error.to_string()))?);
            let hash = self.0.passwords.hash(&nobody_knows.text()).await?;
            if !self.0.store.change_password(id, account.password.clone(), hash, None).await? {
                return Err(Fault::Unavailable("the password was changed at this moment".to_owned()).into());
            }
        }
        let changed = self.0.store.change(id, change, self.now()).await?.map_err(refused)?;
        if unconfirmed.is_some() {
            self.mail_link(changed.email.clone(), LinkPurpose::Reset);
        }
        Ok(changed)
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
                          owner confirm it, or send `\"verified\": true` if you know whose it is: the account's password and sessions end \
                          then, and the owner gets a mail to choose another.";
            Problem::new(Code::AddressNotVerified, detail)
        }
        AccountRefusal::LastAdmin => {
            let detail = "This is the last account of an admin, and nobody else could give roles. Make another admin first.";
            Problem::new(Code::LastAdmin, detail)
        }
    }
}
