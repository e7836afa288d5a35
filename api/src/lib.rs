//! The HTTP front of lastseat.
//!
//! Start with [`routes`], which mirrors the table of operations; [`problem`] is what every refusal
//! looks like, [`idempotency`] what makes a repeated request harmless.

pub mod answer;
pub mod app;
pub mod assets;
pub mod auth;
pub mod body;
pub mod idempotency;
pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod routes;
pub mod server;
