//! Where the sandbox keeps its payments: a SQLite file, or a database in memory with the same tables.
//!
//! A file has one thread that writes. Calls of the same moment share a transaction, and each is answered after its commit, so
//! killing the process loses nothing that was answered. In memory the caller does it by itself, so that a simulation
//! decides what happens in which order.
//!
//! Memory holds a bounded number of payments, and a start reads a few rows: neither depends on the length of the history.

mod file;
mod forgetting;
mod import;
mod lists;
mod opening;
mod payments;
mod reader;
mod rows;
#[cfg(test)]
mod tests;
mod thread;
mod worker;

pub use lists::{Cursor, Page, Window};
pub use reader::StoredPayments;
pub(crate) use thread::Store;
pub(crate) use worker::{EndpointChange, Observer};
