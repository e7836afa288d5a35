//! Takes real money: the payment port over Stripe's API.
//!
//! [`StripeGateway`] makes one PaymentIntent a booking, captured by hand. `async-stripe` builds the requests; the
//! connections, the idempotency keys, the rate limit and the reading of answers are here, because on them depends
//! that nobody is charged twice:
//!
//! | to find | look at |
//! |---|---|
//! | which key a request carries, and when another one may be used | `tries` |
//! | how long a step pauses that Stripe fails | `rounds` |
//! | what each step sends, and how it is seen whether it was done | `attempts`, `requests` |
//! | what an answer, or none, means | `transport`, `answers` |
//! | what an intent of Stripe shows | `objects` |
//! | how long a request waits for its turn | `rate`, `busy` |
//! | what is believed of a webhook | [`webhook`] |
//!
//! What must stay true:
//! - A fault says "not done" only if Stripe said so, or no connection was made.
//! - Another key is used only after a look that shows that the step was not done.
//! - The same step sends the same bytes, on every node and after every restart.
//! - The key and client secrets appear in no message, no log line and no `Debug` output.

mod amounts;
mod answers;
mod api;
mod busy;
mod examine;
mod gateway;
mod listing;
mod objects;
mod rate;
mod requests;
mod rounds;
mod settings;
mod steps;
mod transport;
mod tries;
pub mod webhook;

pub use examine::Examined;
pub use gateway::StripeGateway;
pub use settings::{Limits, Mode, SettingsError, StripeSettings};
