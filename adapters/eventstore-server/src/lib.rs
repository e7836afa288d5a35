//! The door: any event log answers the gRPC protocol of EventStoreDB, so that its official clients
//! read the embedded log as they would read a cluster, and append to it where that is allowed.
//!
//! ```ignore
//! let settings = DoorSettings { reader_token: Secret::new("…"), ..DoorSettings::new(clock) };
//! settings.may_open(listener.local_addr()?)?;
//! serve(listener, log, settings, shutdown).await?;
//! ```
//! A client then connects to `esdb://auditor:TOKEN@127.0.0.1:2113?tls=false`; the user's name does
//! not matter. The clients for Python and Node send credentials over TLS only: see [`Tls`].
//!
//! # What is served
//! Streams are read in both directions, with a limit; the whole log (`$all`) too, filtered by prefix
//! or by regular expression of stream or type. Subscriptions to either go on behind a revision or a
//! position. Appends are single or in batches. A position of the log is both commit and prepare
//! position.
//!
//! # What is not
//! - **No `any` and no `stream_exists`** as expected revision: this log never appends blindly.
//! - **JSON only.** Empty metadata is read back as `{}`.
//! - **Nothing is deleted**, no stream is tombstoned.
//! - **No streams of the server's own.** No stream metadata (`$$…`), and no system projections, so no
//!   `$ce-…` or `$et-…`: they read as missing. A filter on `$all` does the same and costs no writes.
//! - **No links**, so that `resolve_links` has nothing to do; no persistent subscriptions, users,
//!   projections or operations, and no append across streams (`UNIMPLEMENTED`).
//! - No "fell behind": the log tells only when a reader has caught up. After a rush it says so again.
#![allow(clippy::result_large_err, reason = "a gRPC status is large, and it is the last thing a call does")]

mod access;
mod append;
mod batch;
mod convert;
mod deadline;
mod door;
mod fault;
mod filter;
mod node;
mod prompt;
mod read;
mod server;
mod settings;
mod tls;
mod wire;
mod write;

pub use server::serve;
pub use settings::{DoorSettings, Secret};
pub use tls::Tls;
