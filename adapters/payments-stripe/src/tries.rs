//! Which idempotency key comes next. Pure rules, and the loop that follows them.
//!
//! Stripe stores the first answer to a key, its own errors (5xx) included, and repeats it for a day. So a
//! step has numbered tries, each with a key of its own:
//!
//! - While the outcome is unknown (no answer), the caller repeats the step, and it begins with the first
//!   key again: whatever was done under it is answered, not done twice.
//! - An *answered* error leaves it open whether the step was done. The intent is looked at, and only if it
//!   shows that it was not, the next key is used. Without that look, a refund could be made twice.
//! - Stripe may ask for the same request again instead (`Stripe-Should-Retry`). If it keeps failing, the intent shows
//!   whether the step was done; the key stays the same.
//! - Creating needs no look: an intent that nobody confirms charges nothing.
//! - Confirming has one key for each attempt of the buyer. If the intent shows nothing, the buyer is told
//!   that it failed and may begin another attempt; the intent's state decides about both.

use super::answers::{Failure, IDEMPOTENCY_ERROR};
use super::busy;
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use std::future::Future;
use std::time::Duration;

/// What is done to an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Create it.
    Create,
    /// Try a payment method.
    Confirm,
    /// Take the money.
    Capture,
    /// End the reservation.
    Cancel,
    /// Return money.
    Refund,
}

/// What one try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Not done, or unknown: nothing was answered.
    NoAnswer,
    /// An error of Stripe's own.
    ServerError,
    /// An error of Stripe's own, with the advice to send the same request again.
    Overloaded,
    /// Refused because of the object's state.
    WrongState,
    /// Refused for another reason.
    Refused,
}

/// What the intent, or the list of its refunds, shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// The step was done.
    Done,
    /// It was not.
    NotDone,
    /// Stripe is still working on the intent.
    Pending,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowUp {
    /// Hand the try's own answer to the caller.
    Report,
    /// Look at the intent first.
    Look,
    /// Use the next try's key.
    NextKey,
    /// The intent as it was seen is the answer.
    Settled,
    /// Tell the buyer that this attempt failed.
    Declined,
    /// Nobody knows yet; the caller repeats the step.
    Unclear,
}

/// After a try that brought no result.
#[must_use]
pub const fn after_try(step: Step, outcome: Outcome) -> FollowUp {
    match (outcome, step) {
        (Outcome::NoAnswer | Outcome::Refused, _) => FollowUp::Report,
        (Outcome::ServerError, Step::Create) => FollowUp::NextKey,
        (Outcome::Overloaded, Step::Create) => FollowUp::Report,
        (Outcome::ServerError | Outcome::Overloaded, _) => FollowUp::Look,
        // It may be refused because it is done already.
        (Outcome::WrongState, Step::Capture | Step::Cancel | Step::Refund) => FollowUp::Look,
        (Outcome::WrongState, Step::Create | Step::Confirm) => FollowUp::Report,
    }
}

/// After the look that [`after_try`] asked for.
#[must_use]
pub const fn after_look(step: Step, outcome: Outcome, shows: Shows) -> FollowUp {
    match (shows, outcome, step) {
        (Shows::Done, _, _) => FollowUp::Settled,
        (Shows::Pending, _, _) => FollowUp::Unclear,
        (Shows::NotDone, Outcome::WrongState | Outcome::Overloaded, _) => FollowUp::Report,
        (Shows::NotDone, _, Step::Confirm) => FollowUp::Declined,
        (Shows::NotDone, _, _) => FollowUp::NextKey,
    }
}

/// The rules of a run: replaced in tests by careless ones, to see that those do harm.
#[derive(Clone, Copy)]
pub struct Rules {
    /// [`after_try`].
    pub after_try: fn(Step, Outcome) -> FollowUp,
    /// [`after_look`].
    pub after_look: fn(Step, Outcome, Shows) -> FollowUp,
}

/// The rules above.
pub const RULES: Rules = Rules { after_try, after_look };

/// Keys for one step. More were never answered by a server error within a day.
const KEYS: u32 = 20;
/// Of them, those that a single call uses up: what was used up before is repeated quickly.
const FRESH_ERRORS: u32 = 2;

/// A step that is being done.
pub trait Attempt: Sync {
    /// Which one.
    fn step(&self) -> Step;
    /// Sends the request with the key of that try.
    fn send(&self, try_number: u32) -> impl Future<Output = Result<Intent, Failure>> + Send;
    /// Looks whether the step was done.
    fn look(&self) -> impl Future<Output = Result<(Shows, Intent), GatewayFault>> + Send;
}

fn outcome(failure: &Failure) -> Outcome {
    match failure {
        Failure::NotDone(_) | Failure::Unknown(_) => Outcome::NoAnswer,
        Failure::ServerError { .. } => Outcome::ServerError,
        Failure::Overloaded(_) => Outcome::Overloaded,
        Failure::Refused { status: 400, code, .. } if code != IDEMPOTENCY_ERROR => Outcome::WrongState,
        Failure::Refused { .. } | Failure::Declined { .. } => Outcome::Refused,
    }
}

/// Does the step, with as many keys as the rules allow.
///
/// # Errors
/// [`GatewayFault`].
pub async fn run(rules: Rules, attempt: &impl Attempt) -> Result<Intent, GatewayFault> {
    let step = attempt.step();
    let mut fresh_errors = 0;
    for try_number in 1..=KEYS {
        let failure = match attempt.send(try_number).await {
            Ok(intent) => return Ok(intent),
            Err(failure) => failure,
        };
        let outcome = outcome(&failure);
        let mut seen = None;
        let mut next = (rules.after_try)(step, outcome);
        if next == FollowUp::Look {
            let (shows, intent) = attempt.look().await.map_err(unclear)?;
            next = (rules.after_look)(step, outcome, shows);
            seen = Some(intent);
        }
        match (next, seen) {
            (FollowUp::NextKey, _) => {}
            (FollowUp::Settled, Some(intent)) => return Ok(intent),
            (FollowUp::Declined, Some(intent)) => return Ok(declined(intent)),
            (FollowUp::Unclear, _) => {
                return Err(GatewayFault::OutcomeUnknown("Stripe is still working on the intent".to_owned()));
            }
            _ => return Err(failure.into_fault()),
        }
        if !matches!(failure, Failure::ServerError { replayed: true, .. }) {
            fresh_errors += 1;
            if fresh_errors == FRESH_ERRORS {
                break;
            }
            tokio::time::sleep(busy::wait(1, None, busy::random(), Duration::MAX).unwrap_or_default()).await;
        }
    }
    Err(GatewayFault::Unavailable("Stripe fails (status 5xx), and the step was not done".to_owned()))
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
