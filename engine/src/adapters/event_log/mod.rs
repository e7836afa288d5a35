//! Where events are kept.
//!
//! [`SqliteLog`] is the embedded log: one file, any SQLite tool opens it. [`MemoryLog`] keeps
//! nothing beyond the process and fails on request, for tests and simulations.

mod decide;
mod memory;
mod request;
pub mod sqlite;

pub use memory::{AppendFault, MemoryLog};
pub use request::{MAX_APPEND_BYTES, MAX_EVENT_BYTES};
pub use sqlite::{OpenError, SqliteLog, SqliteOptions};
