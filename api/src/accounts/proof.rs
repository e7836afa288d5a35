//! Whether somebody knows a password. Wrong ones are counted: for an address, also one without an account, and answered alike, so
//! that nobody learns here which addresses are known. A browser that signed in before is counted by itself, and so is the owner
//! of a session: strangers who guess at an address keep neither out.

use super::passwords::Verdict;
use super::{Accounts, Browser, SignedIn};
use crate::problem::{Code, Problem};
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use lastseat_domain::AccountId;
use lastseat_domain::account::{Account, Device, DeviceHash, EmailAddress, LinkHash};
use lastseat_domain::ports::accounts::TryKey;
use sha2::{Digest, Sha256};

impl Accounts {
    /// The account with this address and password.
    ///
    /// # Errors
    /// 401 if there is none, 429 after too many wrong ones, 503.
    pub(super) async fn prove(&self, email: &EmailAddress, password: &str, browser: &Browser) -> Result<Account, Problem> {
        let account = self.0.store.by_email(email.clone()).await?;
        // Looked up without an account as well: the time that it takes must not say whether there is one.
        let device = match browser.device() {
            Some(hash) => self.0.store.device(hash).await?.map(|device| (hash, device)),
            None => None,
        };
        let is_known = |device: &Device| account.as_ref().is_some_and(|account| device.is_known_to(account.id, self.now()));
        let key = match device {
            Some((hash, device)) if is_known(&device) => key_of_device(hash),
            _ => key(email),
        };
        self.compare(account, password, key).await
    }

    /// The account of a session, for who knows its password as well.
    ///
    /// # Errors
    /// 401 for a wrong one, 429 after too many, 503.
    pub(super) async fn prove_owner(&self, who: &SignedIn, password: &str) -> Result<Account, Problem> {
        let id = who.account.id;
        self.compare(self.0.store.by_id(id).await?, password, key_of_owner(id)).await
    }

    /// The account, if this is its password. Without an account it takes as long.
    pub(super) async fn compare(&self, account: Option<Account>, password: &str, key: TryKey) -> Result<Account, Problem> {
        let store = &self.0.store;
        // Before it is counted: who gets no turn has tried nothing.
        let turn = self.0.passwords.turn().await?;
        let now = self.now();
        if let Err(locked) = store.count_try(key, now).await? {
            let detail = "There were too many wrong passwords. Wait `retry_after` seconds.";
            let wait = (locked.until - now).to_std().unwrap_or_default();
            return Err(Problem::new(Code::TooManyTries, detail).retry_after(wait));
        }
        let known = account.as_ref().map(|account| account.password.clone());
        let verdict = turn.compare(password, known).await?;
        let mut account = account.filter(|_| verdict != Verdict::Wrong).ok_or_else(wrong)?;
        store.forget_tries(key).await?;
        // Another time, if there is no turn for it now.
        if verdict == Verdict::RightButOld
            && let Ok(hash) = self.0.passwords.hash(password).await
        {
            store.rehash(account.id, account.password, hash.clone()).await?;
            account.password = hash;
        }
        Ok(account)
    }
}

/// Whose tries are counted together: those for an address.
pub(super) fn key(email: &EmailAddress) -> TryKey {
    hash(b"lastseat tries 1\n", email.as_str().as_bytes())
}

/// Those of an account's owner, who is signed in.
pub(super) fn key_of_owner(id: AccountId) -> TryKey {
    hash(b"lastseat tries of an owner 1\n", id.0.as_bytes())
}

/// Those of a browser that signed in before.
fn key_of_device(device: DeviceHash) -> TryKey {
    hash(b"lastseat tries of a device 1\n", &device.0)
}

/// Those of who has a link.
pub(super) fn key_of_link(link: LinkHash) -> TryKey {
    hash(b"lastseat tries of a link 1\n", &link.0)
}

fn hash(kind: &[u8], of: &[u8]) -> TryKey {
    TryKey(Sha256::new().chain_update(kind).chain_update(of).finalize().into())
}

/// The one answer to whatever is wrong.
pub(super) fn wrong() -> Problem {
    Problem::new(Code::WrongCredentials, "The e-mail address or the password is wrong.")
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lastseat\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use lastseat_in_process::TimeOrderedIds;
    use lastseat_sqlite_accounts::SqliteAccounts;
    use lastseat_testkit::scripted_log::TokioClock;
    use lastseat_testkit::world::epoch;
    use std::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn who_gets_no_turn_has_tried_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteAccounts::open(&dir.path().join("accounts.db")).unwrap());
        // Pauses count by this clock: the machine's may be set in the middle.
        let clock = TokioClock::new(epoch());
        let accounts = Accounts::new(store, clock.clone(), Arc::new(TimeOrderedIds::new(clock)), None, None);
        let (ann, password): (EmailAddress, _) = ("ann@example.org".parse().unwrap(), "correct horse battery staple");
        accounts.sign_up(ann.clone(), password).await.unwrap();
        let browser = Browser::of(&Request::get("/").body(()).unwrap().into_parts().0, None);

        let mut turns = Vec::new();
        while let Ok(turn) = accounts.0.passwords.turn().await {
            turns.push(turn);
        }
        for _ in 0..6 {
            assert_eq!(accounts.prove(&ann, password, &browser).await.unwrap_err().code(), Code::Busy);
        }
        drop(turns);
        for _ in 0..5 {
            assert_eq!(accounts.prove(&ann, "wrong", &browser).await.unwrap_err().code(), Code::WrongCredentials);
        }
        assert_eq!(accounts.prove(&ann, password, &browser).await.unwrap_err().code(), Code::TooManyTries, "five were tries");
    }
}
