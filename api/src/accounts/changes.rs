//! What becomes of an account: another password, another role, its end.

use super::{Accounts, SignedIn, proof, weak};
use crate::problem::Problem;
use lastseat_domain::Role;
use lastseat_domain::account::{Account, EmailAddress, check_password};
use lastseat_domain::ports::accounts::AccountFault;

impl Accounts {
    /// Makes the account an admin's, with this password; it is made if the address has none. Ends its sessions.
    ///
    /// # Errors
    /// 422 for a weak password; 503.
    pub async fn make_admin(&self, email: EmailAddress, password: &str) -> Result<Account, Problem> {
        self.sign_up(email.clone(), password).await?;
        let vanished = || AccountFault("the account has vanished".to_owned());
        let account = self.0.store.by_email(email.clone()).await?.ok_or_else(vanished)?;
        let hash = self.0.passwords.hash(password).await?;
        // Addresses are not confirmed: somebody else may have the account, and must not become an admin with a password of theirs.
        if !self.0.store.change_password(account.id, account.password, hash, None).await? {
            return Err(AccountFault("the password was changed by somebody else meanwhile; try again".to_owned()).into());
        }
        self.0.store.forget_tries(proof::key(&email)).await?;
        Ok(self.0.store.set_role(account.id, Role::Admin).await?.ok_or_else(vanished)?)
    }

    /// Replaces a password and ends the other sessions of the account.
    ///
    /// # Errors
    /// 401 for a wrong password, 422 for a weak one, 429, 503.
    pub async fn change_password(&self, who: &SignedIn, current: &str, new: &str) -> Result<(), Problem> {
        check_password(new, &who.account.email).map_err(weak)?;
        let account = self.prove(&who.account.email, current).await?;
        let hash = self.0.passwords.hash(new).await?;
        // Somebody else may have changed it meanwhile.
        if !self.0.store.change_password(account.id, account.password, hash, Some(who.hash)).await? {
            return Err(proof::wrong());
        }
        Ok(())
    }

    /// Erases an account.
    ///
    /// # Errors
    /// 401 for a wrong password, 429, 503.
    pub async fn erase(&self, who: &SignedIn, password: &str) -> Result<(), Problem> {
        let account = self.prove(&who.account.email, password).await?;
        self.0.store.erase(account.id).await?;
        Ok(())
    }
}
