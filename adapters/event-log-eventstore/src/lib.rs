//! The event log in an EventStoreDB or KurrentDB cluster.
//!
//! [`EventStoreLog`] implements the port over the official client, and adds four things:
//!
//! - The outcome of an append is found out. After a time-out or a broken connection the append is
//!   repeated under the same event ids, and the revision that it was meant for is read ([`append`]).
//! - Subscriptions reconnect after the last event delivered. They report a position only after reading
//!   the log themselves; a server's checkpoint is only a hint ([`subscription`]).
//! - No more appends are in flight than the store answers in time; the others, and new work before them, wait
//!   ([`append_permits`]).
//! - A circuit breaker suspends calls to a store that answers nothing any more, and lets them through as soon as it answers
//!   again ([`circuit`], [`probing`]).

mod append;
mod append_limit;
mod append_permits;
mod append_sessions;
mod call_error;
mod check;
mod circuit;
mod connection;
mod connection_string;
mod filter;
mod log;
mod log_probe;
mod options;
mod probing;
mod read;
mod record;
mod server_subscription;
mod shared_subscription;
mod subscription;

pub use check::Checkup;
pub use circuit::{CircuitOptions, CircuitState};
pub use connection::Health;
pub use connection_string::BadConnectionString;
pub use log::EventStoreLog;
pub use options::Options;
