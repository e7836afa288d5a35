//! Sends messages to endpoints of a shop over HTTP, signed by the [Standard Webhooks] specification: the endpoint checks them
//! with a library of its own language.
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

mod endpoint;
mod signature;

pub use endpoint::{HttpEndpoint, InvalidEndpoint};
pub use signature::{InvalidSecret, Signer};
