//! The read side of lastseat: views folded from the event log, and the seat feed.
//!
//! Start with [`ReadModel`]: it subscribes to the log and folds each event into all views, in position
//! order. Nothing here appends. A view is a pure fold of the log, so its stored file only
//! saves time at the next start: [`rebuild`] computes the same bytes from the log.

mod batch;
mod booking_filter;
mod bookings;
mod campaigns;
mod checkins;
mod checkpoint;
mod error;
mod fill;
mod freshness;
mod loyalty;
mod map_bodies;
#[cfg(test)]
mod oracle;
mod read_model;
mod rebuild;
mod recent_buyers;
mod refunds;
mod runner;
mod sales;
mod sales_lines;
mod same_log;
mod seat_feed;
mod seat_map;
mod seats_at;
mod show_seats;
mod stored_status;
mod tables;
#[cfg(test)]
mod tests;
mod trouble;
mod view;

pub use booking_filter::{BookingFilter, TimeSpan};
pub use bookings::{BookingStatus, BookingView, Page};
pub use campaigns::{CampaignCounts, CampaignEndView, CampaignView};
pub use checkins::{CheckinsView, GateView, ScanInConflict, ScanView};
pub use error::{PageError, ProjectionError, UnknownCursor};
#[doc(hidden)]
pub use fill::Filler;
pub use freshness::Freshness;
pub use loyalty::{RewardsView, VoucherView};
pub use map_bodies::{MapBody, MapForm};
pub use read_model::{ReadModel, SEAT_MAP, ViewStatus};
pub use rebuild::{RebuildReport, RebuiltView, rebuild};
pub use refunds::{RefundStatus, RefundView, ShowRefundsView};
pub use sales::{BookingCounts, CategorySales, SalesView};
pub use sales_lines::{HourOfSales, SalesBreakdown, SalesLine, SalesOfCategory, SalesOfChannel, SalesOfPriceType, WEB};
pub use seat_feed::SEAT_FEED_REACH;
pub use seat_map::{AreaView, SeatMapView, SeatView};
pub use seats_at::seats_at;
pub use show_seats::SeatCounts;
pub use stored_status::{StoredView, stored_status};
