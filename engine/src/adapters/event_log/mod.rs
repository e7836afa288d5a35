//! Where events are kept.
//!
//! [`SqliteLog`] is the embedded log: one file, any SQLite tool opens it. [`MemoryLog`] keeps
//! nothing beyond the process and fails on request, for tests and simulations.

mod decide;
mod memory;
pub mod sqlite;

pub use lastseat_domain::ports::event_log::request::{MAX_APPEND_BYTES, MAX_EVENT_BYTES};
pub use memory::{AppendFault, MemoryLog};
pub use sqlite::{OpenError, SqliteLog, SqliteOptions};
