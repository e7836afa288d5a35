//! Accounts and their sessions in an SQLite file, `accounts.db`.
//!
//! Everything that is known about people is in this one file, readable by its owner only. What is erased is overwritten in it
//! and removed from its write-ahead log. A commit waits for the disk: a session that was ended must not come back after a
//! power cut.

mod accounts;
mod devices;
mod file;
mod links;
mod rows;
mod sessions;
mod tries;

pub use accounts::SqliteAccounts;
pub use file::{OpenError, Summary, inspect};
