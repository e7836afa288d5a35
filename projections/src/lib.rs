//! The read side of lastseat: views folded from the event log, and the seat feed.
//!
//! Start with [`ReadModel`]: it subscribes to the log and folds each event into all views, in position
//! order, on one task. Nothing here appends. A view is a pure fold of the log, so its stored file only
//! saves time at the next start: [`rebuild`] computes the same bytes from the log.

mod bookings;
mod checkpoint;
mod error;
mod loyalty;
mod map_bodies;
mod read_model;
mod rebuild;
mod runner;
mod sales;
mod seat_feed;
mod seat_map;
mod show_seats;
#[cfg(test)]
mod tests;
mod view;

pub use bookings::{BookingStatus, BookingView, Page};
pub use checkpoint::{StoredView, stored_status};
pub use error::{ProjectionError, UnknownCursor};
pub use loyalty::{RewardsView, VoucherView};
pub use map_bodies::{MapBody, MapForm};
pub use read_model::{Freshness, ReadModel, ViewStatus};
pub use rebuild::{RebuildReport, RebuiltView, rebuild};
pub use sales::{BookingCounts, CategorySales, SalesView, SeatCounts};
pub use seat_map::{AreaView, SeatMapView, SeatView};
