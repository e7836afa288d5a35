//! Hashes passwords with argon2id, off the threads that serve, and few at a time: each takes 19 MiB and a core for a while, and
//! those who sell must not wait for those who sign in.

use crate::problem::{Code, Problem};
use crate::wiring::key_file;
use argon2::password_hash::Error as HashError;
use argon2::{Algorithm, Argon2, Params, PasswordHash as Phc, PasswordHasher, PasswordVerifier, Version};
use lastseat_domain::account::PasswordHash;
use lastseat_engine::Fault;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The first choice of OWASP's Password Storage Cheat Sheet (2025): KiB of memory, passes, lanes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
const SALT: usize = 16;
/// Who waits longer for their turn is asked to come back.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Passwords {
    turns: Arc<Semaphore>,
}

/// The right to hash one password now.
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
}

/// What came of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    /// Right, and hashed at another cost than is used now.
    RightButOld,
    Wrong,
}

impl Default for Passwords {
    /// Half of the cores, at least one.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self { turns: Arc::new(Semaphore::new((cores / 2).max(1))) }
    }
}

impl Passwords {
    /// Hashes a new password.
    pub async fn hash(&self, password: &str) -> Result<PasswordHash, Problem> {
        let salt = key_file::random().map_err(|error| Fault::Unavailable(error.to_string()))?;
        let password = password.to_owned();
        let hashed = self.turn().await?.run(move || hash(password.as_bytes(), salt.get(..SALT).unwrap_or(&salt))).await?;
        Ok(hashed.map_err(|error| Fault::Unavailable(error.to_string()))?)
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// 503 for who waits too long.
    pub async fn turn(&self) -> Result<Turn, Problem> {
        let Ok(Ok(turn)) = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await else {
            let detail = "Many people are signing in. Send the same request again after `retry_after` seconds.";
            return Err(Problem::new(Code::Busy, detail).retry_after(PATIENCE));
        };
        Ok(Turn { _permit: turn })
    }
}

impl Turn {
    /// Compares a password with a hash; without one it takes as long and is wrong.
    pub async fn compare(self, password: &str, known: Option<PasswordHash>) -> Result<Verdict, Problem> {
        let password = password.to_owned();
        let verdict = self.run(move || match known {
            Some(known) => compare(password.as_bytes(), &known),
            None => hash(password.as_bytes(), &[0; SALT]).map(|_| Verdict::Wrong),
        });
        Ok(verdict.await?.map_err(|error| Fault::Damaged(format!("a password's hash: {error}")))?)
    }

    async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let working = tokio::task::spawn_blocking(move || {
            let _turn = self;
            work()
        });
        Ok(working.await.map_err(|error| Fault::Unavailable(error.to_string()))?)
    }
}

fn argon2() -> Result<Argon2<'static>, HashError> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(HashError::from)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &[u8], salt: &[u8]) -> Result<PasswordHash, HashError> {
    Ok(PasswordHash::new(&argon2()?.hash_password_with_salt(password, salt)?.to_string()))
}

fn compare(password: &[u8], known: &PasswordHash) -> Result<Verdict, HashError> {
    let known = Phc::new(known.expose())?;
    match argon2()?.verify_password(password, &known) {
        Ok(()) if cost(&known)? == COST => Ok(Verdict::Right),
        Ok(()) => Ok(Verdict::RightButOld),
        Err(HashError::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(error) => Err(error),
    }
}

fn cost(hash: &Phc) -> Result<(u32, u32, u32), HashError> {
    let params = Params::try_from(hash)?;
    Ok((params.m_cost(), params.t_cost(), params.p_cost()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn compare(passwords: &Passwords, password: &str, known: Option<PasswordHash>) -> Result<Verdict, Problem> {
        passwords.turn().await?.compare(password, known).await
    }

    #[tokio::test]
    async fn a_password_is_hashed_with_a_salt_of_its_own_at_the_cost_of_today() {
        let passwords = Passwords::default();
        let (one, other) = (passwords.hash("correct horse").await.unwrap(), passwords.hash("correct horse").await.unwrap());
        assert!(one.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.expose());
        assert_ne!(one, other);
        assert_eq!(compare(&passwords, "correct horse", Some(one.clone())).await.unwrap(), Verdict::Right);
        assert_eq!(compare(&passwords, "correct horsf", Some(one)).await.unwrap(), Verdict::Wrong);
        assert_eq!(compare(&passwords, "correct horse", None).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_right_but_old_and_a_broken_one_is_no_answer() {
        let params = Params::new(64, 1, 1, None).unwrap();
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let cheap = cheap.hash_password_with_salt(b"correct horse", &[1; SALT]).unwrap().to_string();
        let passwords = Passwords::default();
        assert_eq!(compare(&passwords, "correct horse", Some(PasswordHash::new(&cheap))).await.unwrap(), Verdict::RightButOld);
        assert_eq!(compare(&passwords, "wrong", Some(PasswordHash::new(&cheap))).await.unwrap(), Verdict::Wrong);
        assert!(compare(&passwords, "x", Some(PasswordHash::new("plain"))).await.is_err());
    }
}
