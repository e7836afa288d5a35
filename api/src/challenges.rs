//! Challenges: a moment of work for a guest's computer, a second for somebody who wants every seat for a thousand guests
//! a minute. A show asks for them, or every show while more guests come than one node should take without.
//!
//! A challenge is ALTCHA's proof of work, version 2 (<https://altcha.org/docs/v2/proof-of-work/>), so that a shop can use
//! its widget and its libraries. It says which show it is for and is signed: nothing is stored until a hold has used it.
//! Each node takes a solution once. It is a price and not a rule of the sale: who has more computers pays it more easily.

mod spent;

pub use spent::Use;

use crate::problem::{Code, Problem};
use altcha::{Challenge, CreateChallengeOptions, Payload, VerifySolutionOptions, create_challenge, verify_solution};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use lastseat_domain::{BookingId, Quota, ShowId, Timestamp};
use parking_lot::Mutex;
use spent::Spent;
use std::sync::Arc;

/// How long a challenge can be solved.
const VALID_FOR: TimeDelta = TimeDelta::minutes(10);
/// The most keys that have to be tried to find the one that is wanted. It is drawn for each challenge, so that nobody is
/// unlucky for long, as with a key that only has to begin with some zeros.
const MOST_TRIES: u32 = 8192;
const ALGORITHM: &str = "PBKDF2/SHA-256";
/// More is no solution of ours.
const MOST_BYTES: usize = 4096;
/// The member of a challenge's data that names the show.
const SHOW: &str = "show";

/// When guests have to solve a challenge, and what it costs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChallengeRules {
    /// Holds of all guests that a node takes without, of shows that don't ask for challenges; `None` for any number.
    pub free_holds: Option<Quota>,
    /// Iterations of PBKDF2 for each key that is tried; making a challenge costs as many.
    pub cost: u32,
}

impl Default for ChallengeRules {
    fn default() -> Self {
        Self { free_holds: None, cost: 300 }
    }
}

pub struct Challenges {
    rules: ChallengeRules,
    secret: String,
    key_secret: String,
    spent: Arc<Spent>,
    /// Until when the free holds are used up ahead, in microseconds.
    used_until: Mutex<u64>,
}

/// Why a solution is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    Unreadable,
    Forged,
    OtherShow,
    Expired,
    Wrong,
    Spent,
}

impl Challenges {
    /// `secret`: the same on all nodes.
    #[must_use]
    pub fn new(rules: ChallengeRules, secret: String) -> Self {
        let key_secret = format!("{secret} of keys");
        Self { rules, secret, key_secret, spent: Arc::default(), used_until: Mutex::default() }
    }

    /// A challenge for guests of a show.
    ///
    /// # Errors
    /// 500; not with the parameters that there are.
    pub fn create(&self, show: &ShowId, now: Timestamp) -> Result<Challenge, Problem> {
        let drawn = getrandom::u32().map_err(|error| unmade(&error))?;
        let options = CreateChallengeOptions {
            counter: Some(drawn % MOST_TRIES),
            algorithm: ALGORITHM.to_owned(),
            cost: self.rules.cost,
            data: Some([(SHOW.to_owned(), show.as_str().into())].into()),
            expires_at: Some((now + VALID_FOR).timestamp()),
            hmac_signature_secret: Some(self.secret.clone()),
            hmac_key_signature_secret: Some(self.key_secret.clone()),
            ..CreateChallengeOptions::default()
        };
        create_challenge(options).map_err(|error| unmade(&error))
    }

    /// Checks what a guest sends to hold seats. The use counts once the hold is open: until then, it is dropped.
    ///
    /// # Errors
    /// 403: a challenge has to be solved, or this solution does not count.
    pub fn check(
        &self,
        show: &ShowId,
        asked: bool,
        solution: Option<&[u8]>,
        booking: BookingId,
        now: Timestamp,
    ) -> Result<Option<Use>, Problem> {
        match solution.map(|solution| self.solved(show, solution, booking, now)) {
            Some(Ok(used)) => Ok(Some(used)),
            // A solution that came too late does no harm where none is asked for.
            _ if !asked && self.is_free(now) => Ok(None),
            Some(Err(doubt)) => Err(refused(show, doubt)),
            None => Err(required(show)),
        }
    }

    /// Takes one of the holds that need no challenge.
    fn is_free(&self, now: Timestamp) -> bool {
        let Some(quota) = self.rules.free_holds else { return true };
        let mut until = self.used_until.lock();
        let (allowance, next) = quota.take(*until, u64::try_from(now.timestamp_micros()).unwrap_or(0));
        if allowance.allowed {
            *until = next;
        }
        allowance.allowed
    }

    fn solved(&self, show: &ShowId, solution: &[u8], booking: BookingId, now: Timestamp) -> Result<Use, Doubt> {
        let payload = read(solution).ok_or(Doubt::Unreadable)?;
        let parameters = &payload.challenge.parameters;
        let named = parameters.data.as_ref().and_then(|data| data.get(SHOW)).and_then(|show| show.as_str());
        if named != Some(show.as_str()) {
            return Err(Doubt::OtherShow);
        }
        let expires_at = parameters.expires_at.and_then(|at| Timestamp::from_timestamp(at, 0)).ok_or(Doubt::Forged)?;
        if expires_at <= now {
            return Err(Doubt::Expired);
        }
        let options = VerifySolutionOptions {
            hmac_key_signature_secret: Some(self.key_secret.clone()),
            ..VerifySolutionOptions::new(&payload.challenge, &payload.solution, self.secret.clone())
        };
        let verified = verify_solution(options).map_err(|_| Doubt::Unreadable)?;
        match (verified.verified, verified.expired, verified.invalid_signature) {
            (true, ..) => self.spent.reserve(&parameters.nonce, booking, expires_at, now).ok_or(Doubt::Spent),
            (false, true, _) => Err(Doubt::Expired),
            (false, false, Some(false)) => Err(Doubt::Wrong),
            (false, false, _) => Err(Doubt::Forged),
        }
    }
}

fn unmade(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a challenge could not be made");
    Problem::new(Code::Internal, "The challenge could not be made. Try again later.")
}

fn read(solution: &[u8]) -> Option<Payload> {
    let solution = Some(solution).filter(|solution| solution.len() <= MOST_BYTES)?;
    serde_json::from_slice(&STANDARD.decode(solution).ok()?).ok()
}

fn required(show: &ShowId) -> Problem {
    let detail = format!(
        "Guests solve a challenge before they hold seats of `{show}`. POST /v1/challenges with `show`, solve it, and send this \
         request again with the solution in the header Challenge-Solution; or send a token of your own."
    );
    Problem::new(Code::ChallengeRequired, detail).fact("show", show)
}

fn refused(show: &ShowId, doubt: Doubt) -> Problem {
    let (reason, what) = match doubt {
        Doubt::Unreadable => ("unreadable", "is not base64 of an object with `challenge` and `solution`"),
        Doubt::Forged => ("forged", "is of a challenge that was not made here"),
        Doubt::OtherShow => ("other_show", "is for another show"),
        Doubt::Expired => ("expired", "came too late"),
        Doubt::Wrong => ("wrong", "does not solve the challenge"),
        Doubt::Spent => ("spent", "was used for another booking"),
    };
    let detail = format!("The solution in Challenge-Solution {what}. POST /v1/challenges for a new challenge.");
    Problem::new(Code::ChallengeFailed, detail).fact("show", show).fact("reason", reason)
}

#[cfg(test)]
mod tests;
