//! The views of which there is no end, in an SQLite file: bookings, loyalty and sales.
//!
//! [`Writer`] folds events into the file, each batch in one transaction that also stores how far it has
//! got. [`Tables`] feeds it from the log on a blocking thread, and answers queries over connections of
//! their own, which the writer never holds up. The file is a cache of the log: [`file`] refuses what is
//! damaged, foreign, of another form or copied while in use, and it is then folded again.

mod booking_rows;
mod doubt;
mod dump;
mod fault;
mod file;
mod follower;
mod loyalty_rows;
mod opening;
mod progress;
mod queries;
mod readers;
mod sales_rows;
mod stored;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use dump::{Digest, VIEWS};
pub(crate) use file::{NEW_FILE, remove};
pub(crate) use follower::Tables;
pub(crate) use stored::{Stored, install, remove_old_files};
pub(crate) use writer::Writer;
