//! Calls to the payment gateway, repeated where that is safe.
//!
//! Every call carries an idempotency key, so the same call again finds out what became of the
//! first. What can't be found out now is left to the reactor, which comes back until it can.

use super::session::BookingSession;
use lastseat_domain::ports::payments::GatewayFault;
use std::future::Future;

/// Pauses between tries, in milliseconds.
const RETRY_MS: [i64; 3] = [50, 250, 1000];

/// What a call to the gateway came to.
pub(super) enum Call<T> {
    /// Its answer.
    Answer(T),
    /// It refuses for good, with a code and a sentence.
    Refused {
        /// Stripe's code.
        code: String,
        /// For people.
        message: String,
    },
    /// Not known yet.
    NoAnswer,
}

impl BookingSession {
    /// Calls until there is an answer, or patience ends.
    pub(super) async fn call<T, F>(&self, mut operation: impl FnMut() -> F) -> Call<T>
    where
        F: Future<Output = Result<T, GatewayFault>>,
    {
        for pause in RETRY_MS.map(Some).into_iter().chain([None]) {
            match operation().await {
                Ok(answer) => return Call::Answer(answer),
                Err(GatewayFault::Refused { code, message }) => return Call::Refused { code, message },
                Err(fault) => tracing::warn!(booking = %self.id, %fault, "the payment gateway did not answer"),
            }
            if let Some(ms) = pause {
                self.core.journal.pause(ms).await;
            }
        }
        Call::NoAnswer
    }
}
