//! The read side of lastseat: views folded from the event log, the seat feed, the audit.
//!
//! Nothing here appends. A view is a pure fold of the log ([`view`]); one task folds the log's
//! subscription into all of them, in position order ([`ReadModel`]). What they store is a shortcut
//! past the beginning of the log, never a second truth: [`rebuild`] comes to the same bytes.
//!
//! [`audit`] shares nothing with the rules that it checks: it folds raw events with state machines
//! of its own, so that a wrong decider is found out.

pub mod audit;
mod board;
mod bookings;
mod checkpoint;
mod error;
mod loyalty;
mod read_model;
mod rebuild;
mod runner;
mod sales;
mod seat_feed;
mod seat_map;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
#[cfg(test)]
mod tests;
mod view;

pub use bookings::{BookingStatus, BookingView, Page};
pub use checkpoint::{StoredView, stored_status};
pub use error::{ProjectionError, UnknownCursor};
pub use loyalty::{RewardsView, VoucherView};
pub use read_model::{ReadModel, ViewStatus};
pub use rebuild::{RebuildReport, RebuiltView, rebuild};
pub use sales::{BookingCounts, CategorySales, SalesView, SeatCounts};
pub use seat_map::{AreaView, SeatMapView, SeatView};
