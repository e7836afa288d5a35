//! Which seats of which show a hold is for, at one moment.

use crate::error::Fault;
use crate::requests::SeatSelection;
use crate::seat_table::SeatTable;
use crate::services::Services;
use crate::show_registry::ActiveShow;
use lastseat_domain::event::PricedSeat;
use lastseat_domain::show::Show;
use lastseat_domain::{Money, Rejection, SeatId, ShowId, Timestamp};
use std::sync::Arc;

pub(super) struct HoldTarget<'a> {
    pub active_show: Arc<ActiveShow>,
    pub show: Arc<Show>,
    /// The seats of exactly this show.
    pub seats: Arc<SeatTable>,
    pub selection: &'a SeatSelection,
    pub now: Timestamp,
}

impl<'a> HoldTarget<'a> {
    /// # Errors
    /// `ShowNotFound`.
    pub(super) fn find(services: &Services, show: &ShowId, selection: &'a SeatSelection) -> Result<Self, Rejection> {
        let active_show = services.shows.get(show).ok_or(Rejection::ShowNotFound)?;
        let now = active_show.now();
        let (show, seats) = (Arc::clone(&now.show), Arc::clone(&now.seats));
        Ok(Self { active_show, show, seats, selection, now: services.now() })
    }

    pub(super) fn expires_at(&self) -> Timestamp {
        self.now + chrono::TimeDelta::seconds(self.show.facts.hold_seconds.into())
    }

    pub(super) fn names(&self, seats: &[u32]) -> Vec<SeatId> {
        seats.iter().filter_map(|index| self.show.plan.id_of(*index)).collect()
    }

    /// The seats with their prices, and the sum.
    pub(super) fn priced(&self, seats: &[SeatId]) -> Result<(Vec<PricedSeat>, Money), Fault> {
        let price = |seat: &SeatId| {
            let planned = self.show.plan.index_of(seat).and_then(|i| self.show.plan.seat(i));
            planned.map(|p| PricedSeat::new(seat.clone(), p.price))
        };
        let priced: Vec<PricedSeat> = seats.iter().filter_map(price).collect();
        let amount = Money::sum(self.show.facts.currency, priced.iter().map(|p| p.price))
            .ok_or_else(|| Fault::Damaged("the prices of the show don't add up".into()))?;
        Ok((priced, amount))
    }
}
