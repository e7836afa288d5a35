//! One payment sandbox for several nodes. Nodes that share an event log must share the gateway too,
//! or one node could not find the payments that another has begun.
//!
//! The node that has the sandbox serves [`router`]; the others use [`RemoteSandbox`] as their gateway.
//! Our own nodes speak this protocol among themselves, in the terms of the payment port; it is not
//! Stripe's. It asks for no password, so it belongs on loopback or on a trusted network.
//!
//! Nothing here repeats a call. The caller repeats it under the same idempotency key, which the
//! sandbox remembers.

mod client;
mod connection;
mod problem;
mod server;
mod wire;

pub use client::RemoteSandbox;
pub use connection::BadUrl;
pub use server::{DRAIN, router};
