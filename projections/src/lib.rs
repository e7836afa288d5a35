//! The read side of lastseat: views folded from the event log, and the seat feed.
//!
//! Nothing here appends. A view is a pure fold of the log ([`view`]); one task folds the log's
//! subscription into all of them, in position order ([`ReadModel`]). What they store is a shortcut
//! past the beginning of the log, never a second truth: [`rebuild`] comes to the same bytes.

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
