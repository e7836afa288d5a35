//! The event log in an EventStoreDB or KurrentDB cluster.
//!
//! [`EventStoreLog`] implements the port over the official client, and adds three things:
//!
//! - The outcome of an append is found out. After a time-out or a broken connection the append is
//!   repeated under the same event ids, and the revision that it was meant for is read ([`append`]).
//! - Subscriptions reconnect after the last event delivered. They report a position only after reading
//!   the log themselves; a server's checkpoint is only a hint ([`subscription`]).
//! - A circuit breaker pauses calls to a store that is slow or gone; they fail at once meanwhile
//!   ([`circuit`]).

mod append;
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
