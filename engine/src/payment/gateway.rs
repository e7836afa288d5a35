//! Calls to the payment gateway, repeated where that is safe.
//!
//! Every call that changes something carries an idempotency key, so repeating it finds out what became of the first. What
//! can't be found out now is left to the booking process, which asks again until it can.

use super::session::BookingSession;
use lastseat_domain::ports::payments::GatewayFault;
use std::future::Future;

/// Pauses between tries, in milliseconds.
const RETRY_MS: [i64; 3] = [50, 250, 1000];

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
    for pause in RETRY_MS.map(Some).into_iter().chain([None]) {
        match operation().await {
            Ok(answer) => return Reply::Answer(answer),
            Err(GatewayFault::Refused { code, message }) => return Reply::Refused { code, message },
            // To ask again now would lead to nothing.
            Err(fault @ GatewayFault::Paused { .. }) => {
                tracing::debug!(booking = %session.id, %fault, "the payment gateway is left alone");
                return Reply::NoAnswer;
            }
            Err(fault) => tracing::warn!(booking = %session.id, %fault, "the payment gateway did not answer"),
        }
        if let Some(ms) = pause {
            session.services.journal.pause(ms).await;
        }
    }
    Reply::NoAnswer
}
