//! The write side of lastseat: commands in, events out.
//!
//! Start with [`box_office::BoxOffice`]. A hold goes through `hold`, everything after it through the
//! booking's payment actor (`actors/payment`); `journal` is the one place that appends a decision.

mod actors;
mod admission;
pub mod box_office;
mod buyers;
mod core;
pub mod error;
mod guard_service;
mod hold;
mod journal;
mod payments;
mod ports;
mod reactors;
mod requests;
mod seat_table;
mod seats;
mod settings;
mod show_registry;

pub use box_office::BoxOffice;
pub use error::{CommandError, Fault};
pub use ports::Ports;
pub use requests::{Hold, HoldRequest, Paid, PayRequest, SeatSelection, Status};
pub use settings::Settings;
