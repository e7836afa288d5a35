//! Serves any event log over the gRPC protocol of EventStoreDB: its official clients read the embedded
//! log as they would read a cluster, and append to it where that is allowed.
//!
//! ```ignore
//! let settings = ServerSettings { reader_token: Secret::new("…"), ..ServerSettings::new(clock) };
//! settings.may_listen_on(listener.local_addr()?)?;
//! serve(listener, log, settings, shutdown).await?;
//! ```
//! A client connects to `esdb://auditor:TOKEN@127.0.0.1:2113?tls=false`; any user name will do. The
//! clients for Python and Node send credentials over TLS only: see [`ServerSettings::tls`].
//!
//! # Supported
//! Reads of a stream and of the whole log (`$all`), in both directions, with a limit; filters on `$all`
//! by prefix or regular expression of stream name or event type; subscriptions to both, from any
//! revision or position; single and batch appends. A position is both commit and prepare position.
//!
//! # Different from a real server
//! - **JSON only.** Body and metadata of an event are JSON, with content type `application/json`;
//!   metadata may be absent. Anything else is refused with `INVALID_ARGUMENT`: send JSON, or wrap
//!   binary data in it, for example as a Base64 string. Metadata that is the JSON text `null` reads
//!   back as absent.
//! - **Exact revisions only.** No `any` and no `stream_exists`: this log never appends blindly.
//! - **No deletion**, no tombstones: the log is the record of who owns which seat.
//! - **No system streams.** Stream names that begin with `$` can't be appended to (event types can
//!   begin with it). No stream metadata (`$$…`) and no system projections: `$ce-…` and `$et-…` read as
//!   missing. A filter on `$all` does the same and costs no writes.
//! - **No links**, so `resolve_links` has no effect. No persistent subscriptions, users, projections,
//!   operations, and no append across streams: `UNIMPLEMENTED`.
//! - **Limits.** A stream's name has at most 1,024 bytes, an append at most 10,000 events and 16 MiB with metadata. (The
//!   limit of 1 MiB for an append's bodies is EventStoreDB's own.)
//! - White space before and after a JSON body is dropped; white space in it is kept.
//! - For tests it can do what a busy or failing cluster does: see [`Disturbances`].
//! - No "fell behind": a subscription sends "caught up" again instead, when it has.
#![allow(clippy::result_large_err, reason = "a gRPC status is large, and it is the last thing a call does")]

mod access;
mod append;
mod batch;
mod convert;
mod deadline;
mod dispatcher;
mod disturbances;
mod event_filter;
mod failure;
mod fault;
mod leadership;
mod node;
mod places;
mod read;
mod served_log;
mod served_stream;
mod server;
mod settings;
mod slow_log;
mod stalls;
mod streams_service;
mod tls;
mod wire;
mod write;

pub use disturbances::{Disturbance, DisturbanceCounts, Disturbances, Leader, Stall};
pub use lastseat_domain::Secret;
pub use server::serve;
pub use settings::ServerSettings;
pub use tls::Tls;
