//! Calls to the payment gateway, repeated where that is safe.
//!
//! Every call that changes something carries an idempotency key, so repeating it finds out what became of the first. What
//! can't be found out now is left to the booking process, which asks again until it can.

use super::session::BookingSession;
use chrono::TimeDelta;
use lastseat_domain::ports::payments::GatewayFault;
use std::future::Future;

/// Pauses between tries, in milliseconds.
const RETRY_MS: [i64; 3] = [50, 250, 1000];
/// A call is tried again only so long after its first try. A gateway that takes longer than that to fail would keep the
/// booking from everything else for several times as long.
const TRIES_FOR: TimeDelta = TimeDelta::seconds(5);
/// An answer that takes longer is given up, in milliseconds: well over what an adapter's own queue and time-outs allow.
/// Giving up is as an ended process: whether it was done is found out under the same key.
const LONGEST_MS: i64 = 120_000;

/// What came of a call to the gateway.
pub(super) enum Reply<T> {
    Answer(T),
    /// It refuses for good, with Stripe's code and a sentence for people.
    Refused {
        code: String,
        message: String,
    },
    /// Not known yet.
    NoAnswer,
}

/// Calls until there is an answer, or the tries are used up.
pub(super) async fn call<T, F>(session: &BookingSession, mut operation: impl FnMut() -> F) -> Reply<T>
where
    F: Future<Output = Result<T, GatewayFault>>,
{
    let journal = &session.services.journal;
    let tries_until = session.services.now() + TRIES_FOR;
    for pause in RETRY_MS.map(Some).into_iter().chain([None]) {
        let answer = tokio::select! {
            biased;
            answer = operation() => answer,
            () = journal.pause(LONGEST_MS) => Err(GatewayFault::OutcomeUnknown("it takes too long".to_owned())),
        };
        match answer {
            Ok(answer) => return Reply::Answer(answer),
            Err(GatewayFault::Refused { code, message }) => return Reply::Refused { code, message },
            // To ask again now would lead to nothing.
            Err(fault @ GatewayFault::Paused { .. }) => {
                tracing::debug!(booking = %session.id, %fault, "the payment gateway is left alone");
                return Reply::NoAnswer;
            }
            Err(fault) => tracing::warn!(booking = %session.id, %fault, "the payment gateway did not answer"),
        }
        match pause {
            Some(ms) if session.services.now() < tries_until => journal.pause(ms).await,
            _ => break,
        }
    }
    Reply::NoAnswer
}
