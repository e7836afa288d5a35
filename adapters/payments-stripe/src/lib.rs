//! Takes real money: the payment port over Stripe's API.
//!
//! [`StripeGateway`] makes one PaymentIntent a booking, captured by hand. `async-stripe` builds the requests; the
//! connections, the idempotency keys, the rate limit and the reading of answers are here, because on them depends
//! that nobody is charged twice:
//!
//! | to find | look at |
//! |---|---|
//! | which key a request carries, and when another one may be used | [`tries`] |
//! | what an answer, or none, means | [`transport`], [`answers`] |
//! | how long a payment waits for its turn | [`limiter`] |
//! | what is believed of a webhook | [`webhook`] |

mod amounts;
mod answers;
mod examine;
mod gateway;
mod limiter;
mod requests;
mod settings;
mod transport;
mod tries;
pub mod webhook;

pub use examine::Examined;
pub use gateway::StripeGateway;
pub use settings::{Limits, Mode, SettingsError, StripeSettings};
