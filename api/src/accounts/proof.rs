//! Whether somebody knows the password of an address. Wrong ones are counted for addresses without an account as well, and
//! answered alike: nobody learns here which addresses are known.

use super::Accounts;
use super::passwords::Verdict;
use crate::problem::{Code, Problem};
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use lastseat_domain::account::{Account, EmailAddress};
use lastseat_domain::ports::accounts::TryKey;
use sha2::{Digest, Sha256};

impl Accounts {
    /// The account with this address and password.
    ///
    /// # Errors
    /// 401 if there is none, 429 after too many wrong ones, 503.
    pub async fn prove(&self, email: &EmailAddress, password: &str) -> Result<Account, Problem> {
        let (store, key, now) = (&self.0.store, key(email), self.now());
        if let Err(locked) = store.count_try(key, now).await? {
            let detail = "There were too many wrong passwords for this address. Wait `retry_after` seconds.";
            let wait = (locked.until - now).to_std().unwrap_or_default();
            return Err(Problem::new(Code::TooManyTries, detail).retry_after(wait));
        }
        let account = store.by_email(email.clone()).await?;
        let known = account.as_ref().map(|account| account.password.clone());
        let verdict = self.0.passwords.compare(password, known).await?;
        let mut account = account.filter(|_| verdict != Verdict::Wrong).ok_or_else(wrong)?;
        store.forget_tries(key).await?;
        if verdict == Verdict::RightButOld {
            let hash = self.0.passwords.hash(password).await?;
            store.rehash(account.id, account.password, hash.clone()).await?;
            account.password = hash;
        }
        Ok(account)
    }
}

/// Whose tries are counted together.
pub(super) fn key(email: &EmailAddress) -> TryKey {
    TryKey(Sha256::new().chain_update(b"lastseat tries 1\n").chain_update(email.as_str()).finalize().into())
}

/// The one answer to whatever is wrong.
pub(super) fn wrong() -> Problem {
    Problem::new(Code::WrongCredentials, "The e-mail address or the password is wrong.")
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lastseat\""))
}
