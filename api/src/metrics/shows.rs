//! How shows sell, for dashboards. Labels cost a monitoring system memory, so their number is bounded.

use super::samples::{Samples, whole};
use crate::app::App;
use lastseat_domain::show::SaleState;
use lastseat_projections::SalesView;
use std::cmp::Reverse;
use std::fmt;

/// Most shows that have series of their own: those on sale come first, and of these the ones that begin last.
const MOST: usize = 100;

/// The shows as far as they have series.
#[derive(Debug, Clone, Default)]
pub struct ShowGauges {
    shows: Vec<SalesView>,
    left_out: u64,
}

impl ShowGauges {
    /// Reads them. Shows whose sales can't be read have no series meanwhile.
    pub async fn read(app: &App) -> Self {
        if !app.parts().metrics_of_shows {
            return Self::default();
        }
        let now = app.now();
        let mut all: Vec<_> = app.box_office().shows().into_iter().filter(|show| show.sale != SaleState::Cancelled).collect();
        // Among shows that sell, those that begin last: what began years ago may never have been closed.
        all.sort_by_key(|show| {
            (show.check_on_sale(now).is_err(), Reverse(show.facts.details.starts_at), show.facts.show.clone())
        });
        let left_out = all.len().saturating_sub(MOST) as u64;
        let mut shows = Vec::with_capacity(all.len().min(MOST));
        for show in all.iter().take(MOST) {
            if let Ok(Some(sales)) = app.read_model().sales(&show.facts.show).await {
                shows.push(sales);
            }
        }
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
