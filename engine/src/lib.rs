//! The write side of lastseat: commands in, events out.
//!
//! Start with [`box_office::BoxOffice`].

mod actors;
mod admission;
mod seat_table;
pub mod box_office;
mod buyers;
mod core;
pub mod error;
mod show_registry;
mod hold;
mod journal;
mod reactors;
mod seats;

pub use box_office::{BoxOffice, Hold, HoldRequest, Paid, PayRequest, Ports, Settings, Status, SeatSelection};
pub use error::{CommandError, Fault};
