//! Which idempotency key comes next: the loop that follows the `table`, and what it remembers.
//!
//! Stripe stores the first answer to a key, its own errors (5xx) included, and repeats it for a day, marked as
//! replayed. So a step has numbered tries, each with a key of its own:
//!
//! - While the outcome is unknown (no answer), the caller repeats the step with the same key: whatever was done under
//!   it is answered, not done twice.
//! - An *answered* error leaves it open whether the step was done, and whether Stripe stored the error. The same key is
//!   sent again in the next round. Once its error is replayed, the key is used up: the intent is looked at, and only if
//!   it shows that the step was not done, the next key is used. Without that look, a refund could be made twice.
//! - A proxy may remove the mark. So an error that was answered three times counts as a stored one.
//! - One call is one round, and uses one new key at most. Between failed rounds the pause grows (`rounds`), so an
//!   outage of any length leaves keys for its end.
//! - A refusal because of the intent's state is stored as well, and the state changes: a dispute ends, an account gets
//!   money. If the intent shows that the step was not done, a replayed refusal uses up its key like a stored error.
//! - Stripe may ask for the same request again instead (`Stripe-Should-Retry`). If it keeps failing, the intent shows
//!   whether the step was done; the key stays the same.
//! - Creating needs no look: an intent that nobody confirms charges nothing. It goes on only after a replayed error,
//!   so that every process that walks the keys again comes to the same intent.
//! - Confirming has one key for each attempt of the buyer. If the intent shows nothing, the answer to the
//!   buyer is that it failed, and they may begin another attempt; the intent's state decides about both.

mod table;

pub use table::{Operation, Seen};

use super::answers::{Failure, IDEMPOTENCY_ERROR};
use super::busy;
use super::rounds::Rounds;
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use parking_lot::Mutex;
use std::future::Future;
use std::time::Duration;
use table::{FollowUp, Outcome, after_look, after_try};
use tokio::time::Instant;

/// The rules of a run: replaced in tests by careless ones, to see that those do harm.
#[derive(Clone, Copy)]
pub struct Rules {
    /// [`after_try`].
    pub after_try: fn(Operation, Outcome) -> FollowUp,
    /// [`after_look`].
    pub after_look: fn(Operation, Outcome, Seen) -> FollowUp,
}

/// The rules of the `table`.
pub const RULES: Rules = Rules { after_try, after_look };

/// Keys for one step. A process uses a new one every quarter of an hour at the most once the pauses are long, and ten
/// before that: 110 within the day that Stripe stores their answers. The rest is for other nodes and restarts.
const KEYS: u32 = 400;
/// So many server errors of one key count as a stored one.
const REPEATED: u32 = 3;

/// What this process remembers of failing steps.
pub struct Memory {
    rounds: Mutex<Rounds>,
    since: Instant,
}

impl Memory {
    /// Nothing has failed yet.
    #[must_use]
    pub fn new() -> Self {
        Self { rounds: Mutex::default(), since: Instant::now() }
    }

    fn with<T>(&self, access: impl FnOnce(&mut Rounds, Duration) -> T) -> T {
        access(&mut self.rounds.lock(), self.since.elapsed())
    }
}

/// A step that is being done.
pub trait StripeStep: Sync {
    /// Which one.
    fn operation(&self) -> Operation;
    /// The key of that try. The first one names the step.
    fn key(&self, try_number: u32) -> String;
    /// Sends the request with that key.
    fn send(&self, key: &str) -> impl Future<Output = Result<Intent, Failure>> + Send;
    /// Looks whether the step was done.
    fn look(&self) -> impl Future<Output = Result<(Seen, Intent), GatewayFault>> + Send;
}

/// Why a round brought no result.
struct Ended {
    fault: GatewayFault,
    /// The next round has to wait.
    may_last: bool,
}

/// Does the step: one round of tries, unless the last failed round was just now.
///
/// # Errors
/// [`GatewayFault`].
pub async fn run(rules: Rules, memory: &Memory, step: &impl StripeStep) -> Result<Intent, GatewayFault> {
    let name = step.key(1);
    let first = memory.with(|rounds, now| rounds.begin(&name, now)).map_err(paused)?;
    match round(rules, memory, step, &name, first).await {
        Ok(intent) => {
            memory.with(|rounds, _| rounds.done(&name));
            Ok(intent)
        }
        Err(Ended { fault, may_last }) => {
            if may_last {
                memory.with(|rounds, now| rounds.failed(&name, now, busy::random()));
            }
            Err(fault)
        }
    }
}

/// Passes the keys whose errors are stored, and uses the next one.
async fn round(rules: Rules, memory: &Memory, step: &impl StripeStep, name: &str, first: u32) -> Result<Intent, Ended> {
    let operation = step.operation();
    let mut may_last = false;
    for try_number in first..=KEYS {
        let failure = match step.send(&step.key(try_number)).await {
            Ok(intent) => return Ok(intent),
            Err(failure) => failure,
        };
        let outcome = outcome(&failure, || memory.with(|rounds, now| rounds.fresh_error(name, now)));
        may_last |= outcome.may_last();
        let ended = |fault| Ended { fault, may_last };
        let mut seen = None;
        let mut next = (rules.after_try)(operation, outcome);
        if next == FollowUp::Look {
            let (seen_now, intent) = step.look().await.map_err(unclear).map_err(ended)?;
            next = (rules.after_look)(operation, outcome, seen_now);
            seen = Some(intent);
        }
        match (next, seen) {
            (FollowUp::NextKey, _) => memory.with(|rounds, now| rounds.passed(name, try_number, now)),
            (FollowUp::Settled, Some(intent)) => return Ok(intent),
            (FollowUp::Declined, Some(intent)) => return Ok(declined(intent)),
            (FollowUp::SameKeyLater, _) => return Err(ended(failing())),
            (FollowUp::Unclear, _) => {
                return Err(ended(GatewayFault::OutcomeUnknown("Stripe is still working on the intent".to_owned())));
            }
            _ => return Err(ended(failure.into_fault())),
        }
    }
    Err(Ended { fault: failing(), may_last: true })
}

/// What a try came to; `fresh_errors` counts it as one and says how many that makes of the same key.
fn outcome(failure: &Failure, fresh_errors: impl FnOnce() -> u32) -> Outcome {
    match failure {
        Failure::NotDone(_) | Failure::Unknown(_) => Outcome::NoAnswer,
        Failure::ServerError { replayed: true, .. } => Outcome::StoredError,
        Failure::ServerError { .. } if fresh_errors() >= REPEATED => Outcome::RepeatedError,
        Failure::ServerError { .. } => Outcome::FreshError,
        Failure::Overloaded(_) => Outcome::Overloaded,
        Failure::Refused { status: 400, code, replayed, .. } if code != IDEMPOTENCY_ERROR => {
            if *replayed {
                Outcome::StoredRefusal
            } else {
                Outcome::WrongState
            }
        }
        Failure::Refused { .. } | Failure::Declined { .. } => Outcome::Refused,
    }
}

fn failing() -> GatewayFault {
    GatewayFault::Unavailable("Stripe fails (status 5xx), and the step was not done".to_owned())
}

fn paused(left: Duration) -> GatewayFault {
    GatewayFault::Paused { wait: left }
}

/// The try was answered, but the look was not: it may have been done.
fn unclear(fault: GatewayFault) -> GatewayFault {
    GatewayFault::OutcomeUnknown(format!("Stripe failed, and then: {fault}"))
}

fn declined(intent: Intent) -> Intent {
    Intent { last_decline: Some("processing_error".to_owned()), ..intent }
}

#[cfg(test)]
mod tests;
