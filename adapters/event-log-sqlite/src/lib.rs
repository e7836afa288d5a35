//! The embedded event log: a SQLite file.
//!
//! One thread writes. It takes all waiting appends, carries them out in one transaction, and answers when
//! that is on disk (group commit), so that they share the cost of a sync. Reads have connections of their
//! own. The newest events are also kept in memory, so that subscribers at the head and reads of what was
//! just written don't touch the file.

#[cfg(test)]
mod commit_faults;
mod copy;
mod faults;
pub mod file_lock;
pub mod file_mode;
mod integrity;
mod known_streams;
mod log;
mod log_lock;
mod loss;
mod mark;
mod open_error;
mod opening;
mod options;
mod pages;
mod paths;
mod readers;
mod recent_events;
mod running_hash;
mod schema;
mod shared;
mod subscription;
#[cfg(test)]
mod tests;
mod transaction;
mod write_ahead_log;
mod writer;

pub use copy::{CopyError, copy_database};
pub use integrity::{Anchor, Integrity, check_end, check_integrity};
pub use log::SqliteLog;
pub use loss::{Loss, LossKind};
pub use open_error::OpenError;
pub use options::{AcceptLoss, FatalHook, SqliteOptions};
