//! The event log in an EventStoreDB or KurrentDB cluster.
//!
//! [`EventStoreLog`] is the port's adapter over the official client. Three things are its own:
//!
//! - An append comes back decided. What a time-out or a cut connection leaves open is found out by
//!   repeating the append under its ids, and by looking at the revision it was meant for
//!   ([`append`]).
//! - A subscription goes on. It picks up behind the last event it has, and vouches for a position
//!   only after it has looked for itself; a server's checkpoint is no more than a hint
//!   ([`subscription`]).
//! - A store that is slow or gone is given a rest, and calls fail at once meanwhile ([`circuit`]).

mod append;
mod check;
mod circuit;
mod connection;
mod filter;
mod lanes;
mod link;
mod log;
mod options;
mod pump;
mod read;
mod record;
mod subscription;
mod trouble;

pub use check::{Checkup, Finding};
pub use circuit::{CircuitOptions, CircuitState};
pub use connection::BadConnectionString;
pub use link::Health;
pub use log::EventStoreLog;
pub use options::Options;
