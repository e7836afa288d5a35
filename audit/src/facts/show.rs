//! A show, as its events have it.

use super::seat::SeatFact;
use lastseat_domain::event::ShowScheduled;
use lastseat_domain::plan::Plan;
use lastseat_domain::{CategoryId, Timestamp};
use std::sync::Arc;

/// A show and its seats.
#[derive(Debug)]
pub(crate) struct ShowFacts {
    scheduled: Edition,
    /// As its later events have it, in their order.
    revised: Vec<Edition>,
    pub cancelled: bool,
    /// Since when all its bookings are to be refunded.
    pub refunds_at: Option<Timestamp>,
    /// By the plan's index.
    pub seats: Vec<SeatFact>,
}

/// A show as one event of its stream has it.
#[derive(Debug)]
pub(crate) struct Edition {
    /// The event's revision: what bookings call it.
    pub revision: u64,
    pub facts: Arc<ShowScheduled>,
    pub plan: Arc<Plan>,
}

impl Edition {
    /// The category of a seat, by the plan's index.
    pub fn category_of(&self, seat: u32) -> Option<&CategoryId> {
        let area = self.plan.seat(seat)?.area;
        self.plan.areas.get(area as usize).map(|area| &area.category)
    }
}

impl ShowFacts {
    pub fn new(scheduled: Edition) -> Self {
        let seats = (0..scheduled.plan.len()).map(|_| SeatFact::default()).collect();
        Self { scheduled, revised: vec![], cancelled: false, refunds_at: None, seats }
    }

    /// Seats are only added: the plan of the latest edition has all.
    pub fn revise(&mut self, edition: Edition) {
        self.seats.resize_with(self.seats.len().max(edition.plan.len() as usize), SeatFact::default);
        self.revised.push(edition);
    }

    pub fn latest(&self) -> &Edition {
        self.revised.last().unwrap_or(&self.scheduled)
    }

    /// The show as it was at a revision; none if no event has made it so until now.
    pub fn at(&self, revision: u64) -> Option<&Edition> {
        self.editions().find(|edition| edition.revision == revision)
    }

    /// The longest that a hold may be extended by, if its booking was opened at this revision.
    pub fn longest_hold(&self, revision: u64) -> Option<u32> {
        self.editions().filter(|edition| edition.revision >= revision).map(|edition| edition.facts.hold_seconds).max()
    }

    /// Whether a seat costs that at any revision.
    pub fn ever_costs(&self, seat: u32, price: i64) -> bool {
        self.editions().any(|edition| edition.prices_of(seat).contains(&price))
    }

    fn editions(&self) -> impl Iterator<Item = &Edition> {
        std::iter::once(&self.scheduled).chain(&self.revised)
    }
}
