//! The write side of lastseat: commands in, events out.
//!
//! Start with [`box_office::BoxOffice`].

pub mod adapters;
pub mod box_office;
pub mod error;

pub use box_office::{BoxOffice, Hold, HoldRequest, Paid, PayRequest, Ports, Settings, Status, Wanted};
pub use error::{CommandError, Fault};
