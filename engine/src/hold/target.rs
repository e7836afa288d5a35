//! Which seats of which show a hold is for, and what they cost, at one moment.

use super::access::HoldAccess;
use crate::error::{CommandError, Fault};
use crate::requests::{HoldRequest, PriceTypeChoice, SeatSelection};
use crate::seat_table::SeatTable;
use crate::services::Services;
use crate::show_registry::ActiveShow;
use lastseat_domain::block::Access;
use lastseat_domain::event::PricedSeat;
use lastseat_domain::show::Show;
use lastseat_domain::{Money, PriceTypeId, Rejection, SeatId, ShowId, Timestamp};
use std::sync::Arc;

pub(super) struct HoldTarget<'a> {
    pub active_show: Arc<ActiveShow>,
    pub show: Arc<Show>,
    /// The seats of exactly this show.
    pub seats: Arc<SeatTable>,
    pub selection: &'a SeatSelection,
    pub price_types: &'a PriceTypeChoice,
    pub access: HoldAccess<'a>,
    pub now: Timestamp,
}

/// Seats as they are sold, and what they cost together.
pub(super) struct PricedSeats {
    pub seats: Vec<PricedSeat>,
    /// The show's fee for a booking.
    pub fee: i64,
    pub amount: Money,
}

impl<'a> HoldTarget<'a> {
    /// # Errors
    /// `ShowNotFound`.
    pub(super) fn find(
        services: &Services,
        show: &ShowId,
        selection: &'a SeatSelection,
        price_types: &'a PriceTypeChoice,
    ) -> Result<Self, Rejection> {
        let active_show = services.shows.get(show).ok_or(Rejection::ShowNotFound)?;
        let now = active_show.now();
        let (show, seats) = (Arc::clone(&now.show), Arc::clone(&now.seats));
        let access = HoldAccess::unknown();
        Ok(Self { active_show, show, seats, selection, price_types, access, now: services.now() })
    }

    /// # Errors
    /// `ShowNotFound`; a fault if the show's stream can't be read.
    pub(super) fn of(services: &Services, request: &'a HoldRequest) -> Result<Self, CommandError> {
        let target = Self::find(services, &request.show, &request.selection, &request.price_types)?;
        target.active_show.check_readable()?;
        Ok(target)
    }

    /// With what the buyer shows to buy from blocks.
    pub(super) fn with_access(self, access: &'a Access) -> Self {
        Self { access: HoldAccess::of(&self.active_show, access), ..self }
    }

    pub(super) fn expires_at(&self) -> Timestamp {
        self.now + chrono::TimeDelta::seconds(self.show.facts.hold_seconds.into())
    }

    /// Whether a hold may try to get a seat.
    pub(super) fn may_try(&self, seat: u32) -> bool {
        !self.seats.is_claimed(seat) && self.access.allows(&self.seats, seat)
    }

    /// Units of an area that may be tried, each once: first those of the hold's blocks, then free ones.
    pub(super) fn candidates(&self, area: u32, step: u32) -> impl Iterator<Item = u32> {
        let blocked =
            if self.access.is_empty() { Vec::new() } else { self.access.blocked_seats(&self.seats, &self.show.plan, area) };
        blocked.into_iter().chain(self.seats.candidates(area, step))
    }

    pub(super) fn names(&self, seats: &[u32]) -> Vec<SeatId> {
        seats.iter().filter_map(|index| self.show.plan.id_of(*index)).collect()
    }

    /// Refuses a price type that the seats don't have.
    pub(super) fn check_price_types(&self) -> Result<(), Rejection> {
        match self.price_types {
            PriceTypeChoice::First => Ok(()),
            PriceTypeChoice::BySeat(chosen) => {
                let check = |(seat, price_type): &(SeatId, PriceTypeId)| {
                    self.show.check_price_type(self.show.category_of(seat), price_type, seat.as_str())
                };
                chosen.iter().try_for_each(check)
            }
            PriceTypeChoice::Counts(chosen) => {
                let (category, of) = match self.selection {
                    SeatSelection::Any { area, .. } => (self.show.plan.area(area).map(|area| &area.category), area.as_str()),
                    SeatSelection::BestAvailable { category, .. } => (Some(category), category.as_str()),
                    SeatSelection::Seats(_) => (None, ""),
                };
                let category = category.and_then(|category| self.show.category(category));
                chosen.iter().try_for_each(|(price_type, _)| self.show.check_price_type(category, price_type, of))
            }
        }
    }

    /// The seats as they are sold, and what they cost together.
    pub(super) fn priced(&self, seats: &[SeatId]) -> Result<PricedSeats, Fault> {
        let (show, fee) = (&self.show, self.show.facts.fees.per_booking);
        // What the plan and its categories lack was refused before.
        let damaged = |doubt: Rejection| Fault::Damaged(doubt.to_string());
        let types = self.types_of(seats);
        let priced = seats.iter().zip(types).map(|(seat, chosen)| show.priced(seat, chosen).map_err(damaged));
        let seats = priced.collect::<Result<Vec<_>, _>>()?;
        let amount = PricedSeat::total(&seats, fee, show.facts.currency)
            .ok_or_else(|| Fault::Damaged("the prices of the show don't add up".into()))?;
        Ok(PricedSeats { seats, fee, amount })
    }

    /// The price type that is chosen for each of the seats, in their order.
    fn types_of(&self, seats: &[SeatId]) -> Vec<Option<&'a PriceTypeId>> {
        match self.price_types {
            PriceTypeChoice::First => vec![None; seats.len()],
            PriceTypeChoice::BySeat(chosen) => {
                seats.iter().map(|seat| chosen.iter().find(|(named, _)| named == seat).map(|(_, chosen)| chosen)).collect()
            }
            PriceTypeChoice::Counts(counts) => {
                let mut places: Vec<(Option<u32>, usize)> =
                    seats.iter().enumerate().map(|(place, seat)| (self.show.plan.index_of(seat), place)).collect();
                places.sort_unstable();
                let each = counts.iter().flat_map(|(chosen, count)| std::iter::repeat_n(chosen, *count as usize));
                let mut types = vec![None; seats.len()];
                for ((_, place), chosen) in places.into_iter().zip(each) {
                    if let Some(slot) = types.get_mut(place) {
                        *slot = Some(chosen);
                    }
                }
                types
            }
        }
    }
}
