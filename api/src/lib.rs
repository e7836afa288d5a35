//! The front of lastseat: HTTP and the command line.
//!
//! Over HTTP, start with [`routes`], which mirrors the table of operations; [`problem`] is what
//! every refusal looks like, [`idempotency`] what makes a repeated request harmless. As a process,
//! start with [`cli`], then [`wiring`], the only place where adapters are chosen.

pub mod accounts;
pub mod answer;
pub mod app;
pub mod assets;
pub mod auth;
pub mod backup;
pub mod body;
pub mod challenges;
pub mod cli;
pub mod compression;
pub mod config;
pub mod cors;
pub mod data_dir;
pub mod deliveries;
pub mod demo;
mod etag;
pub mod exit;
pub mod idempotency;
mod kept_bytes;
pub mod lag;
pub mod limits;
pub mod logging;
pub mod measured;
pub mod metrics;
mod names;
pub mod openapi;
pub mod outbox;
pub mod problem;
pub mod reconcile;
pub mod routes;
pub mod server;
pub mod snapshots;
pub mod stripe_amounts;
pub mod sweep;
pub mod tickets;
pub mod traces;
pub mod webhooks;
pub mod wiring;
