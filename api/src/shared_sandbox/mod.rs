//! One payment sandbox for several nodes: nodes that share an event log must share the gateway
//! too, or one would not find the payments that another has begun.
//!
//! The node that has the sandbox [`serve`]s it; the others take [`SharedSandbox`] for their gateway.
//! This is a link between our own nodes, in the port's terms, and not the door that speaks Stripe's
//! PaymentIntents. It asks for no password: it belongs on loopback or a trusted network.
//!
//! Nothing here repeats a call. Whoever asks repeats it, under the same idempotency key, which the
//! sandbox remembers.

mod client;
mod link;
mod server;
pub mod wire;

pub use client::SharedSandbox;
pub use link::BadUrl;
pub use server::serve;
