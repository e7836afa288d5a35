//! One hold on its way: what is asked for, of which show, and what it has learnt so far.

use crate::core::Core;
use crate::guard_service::LEASE_MARGIN;
use crate::requests::{HoldRequest, SeatSelection};
use crate::show_registry::ActiveShow;
use lastseat_domain::show::Show;
use lastseat_domain::{Rejection, SeatId, ShowId, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Which seats are asked for, of which show, and when.
pub(super) struct HoldContext<'a> {
    pub active: Arc<ActiveShow>,
    pub show: Arc<Show>,
    pub selection: &'a SeatSelection,
    pub now: Timestamp,
}

impl<'a> HoldContext<'a> {
    /// # Errors
    /// `ShowNotFound`.
    pub(super) fn of(core: &Core, show: &ShowId, selection: &'a SeatSelection) -> Result<Self, Rejection> {
        let active = core.shows.get(show).ok_or(Rejection::ShowNotFound)?;
        Ok(Self { show: active.show.load_full(), active, selection, now: core.now() })
    }
}

pub(super) struct HoldAttempt<'a> {
    pub core: &'a Core,
    pub context: HoldContext<'a>,
    pub request: &'a HoldRequest,
    /// The guard gave this hold no answer. It is not asked again: in a rush without it a hold that
    /// chooses again would wait in vain for every choice.
    pub without_guard: AtomicBool,
    /// The area's locks in the guard were checked for leftovers already.
    pub checked_leftovers: AtomicBool,
}

impl<'a> HoldAttempt<'a> {
    /// # Errors
    /// `ShowNotFound`.
    pub(super) fn of(core: &'a Core, request: &'a HoldRequest) -> Result<Self, Rejection> {
        let context = HoldContext::of(core, &request.show, &request.selection)?;
        let (without_guard, checked_leftovers) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { core, context, request, without_guard, checked_leftovers })
    }

    /// Deadline of the hold.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.context.now + chrono::TimeDelta::seconds(self.context.show.facts.hold_seconds.into())
    }

    /// How long the guard's locks last.
    pub(super) fn lease(&self) -> Duration {
        Duration::from_secs(self.context.show.facts.hold_seconds.into()) + LEASE_MARGIN
    }

    /// The longest lease that is ever given: a hold may be extended once, by its own length.
    pub(super) fn longest_lease(&self) -> Duration {
        self.lease() * 2
    }

    /// Ids of seats given by plan index.
    pub(super) fn names(&self, seats: &[u32]) -> Vec<SeatId> {
        seats.iter().filter_map(|index| self.context.show.plan.seat(*index).map(|s| s.seat.clone())).collect()
    }

    pub(super) fn record_guard_failure(&self) {
        self.without_guard.store(true, Ordering::Relaxed);
        self.core.guard.record_failure();
    }
}
