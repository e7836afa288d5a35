//! How shows sell, for dashboards. Labels cost a monitoring system memory, so their number is bounded.

use super::samples::{Samples, whole};
use lastseat_projections::SalesView;
use std::fmt;

/// The shows as far as they have series.
#[derive(Debug, Clone, Default)]
pub struct ShowGauges {
    shows: Vec<SalesView>,
    left_out: u64,
}

impl ShowGauges {
    /// Those that were read, and how many have no series.
    #[must_use]
    pub fn of(shows: Vec<SalesView>, left_out: u64) -> Self {
        Self { shows, left_out }
    }

    pub(super) fn encode(&self, samples: &mut Samples<'_>) -> fmt::Result {
        let seats = self.shows.iter().flat_map(|sales| {
            let (show, seats) = (sales.show.as_str(), &sales.seats);
            [
                ("available", seats.available),
                ("unavailable", seats.unavailable),
                ("locked", seats.held),
                ("in_process", seats.in_process),
                ("booked", seats.booked),
            ]
            .map(|(state, many)| ([("show", show), ("state", state)], i64::from(many)))
        });
        samples.gauges("lastseat_show_seats", "Seats of a show by state; held ones are locked", seats)?;
        let bookings = self.shows.iter().flat_map(|sales| {
            let (show, bookings) = (sales.show.as_str(), &sales.bookings);
            [
                ("held", bookings.held),
                ("paying", bookings.paying),
                ("confirmed", bookings.confirmed),
                ("refunded", bookings.refunded),
            ]
            .map(|(status, many)| ([("show", show), ("status", status)], whole(many)))
        });
        samples.gauges("lastseat_show_bookings", "Bookings of a show by status", bookings)?;
        let money = self.shows.iter().flat_map(|sales| {
            let (show, currency) = (sales.show.as_str(), sales.currency.code());
            [("captured", sales.captured.value), ("refunded", sales.refunded.value)]
                .map(|(kind, value)| ([("show", show), ("currency", currency), ("kind", kind)], value))
        });
        samples.gauges("lastseat_show_money_minor_units", "What a show has taken, and returned of it", money)?;
        samples.gauge("lastseat_shows_without_series", "Shows beyond the first 100, which have no series", self.left_out)
    }
}
