//! The write side of lastseat: commands in, events out.
//!
//! Start with [`box_office::BoxOffice`].

mod actors;
mod admission;
pub mod box_office;
mod buyers;
mod core;
pub mod error;
mod hold;
mod journal;
mod reactors;
mod seat_table;
mod seats;
mod show_registry;

pub use box_office::{BoxOffice, Hold, HoldRequest, Paid, PayRequest, Ports, SeatSelection, Settings, Status};
pub use error::{CommandError, Fault};
