//! The views of which there is no end, in an SQLite file: bookings, loyalty, campaigns, sales and check-ins.
//!
//! [`Writer`] folds events into the file, each batch in one transaction that also stores how far it has
//! got. [`run`] feeds it from the log on blocking threads. [`Tables`] answers queries over connections of
//! their own, which the writer never holds up. The file is a cache of the log: [`file`] refuses what is
//! damaged, foreign, of another form or copied while in use, and it is then folded again.

mod blocking;
mod booking_list;
mod booking_rows;
mod campaign_rows;
mod doubt;
mod dump;
mod fault;
mod file;
mod folder_retry;
mod follow;
mod loyalty_rows;
mod open_file;
mod opening;
mod place;
mod progress;
mod queries;
mod readers;
mod rebuilds;
mod run;
mod sales_line_rows;
mod sales_rows;
mod scan_rows;
mod state;
mod stored;
mod temporary;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use dump::{Digest, VIEWS};
pub(crate) use place::{NEW_FILE, file_in, remove};
pub(crate) use run::open;
pub(crate) use state::Tables;
pub(crate) use stored::{Stored, install, remove_old_files};
pub(crate) use writer::Writer;
