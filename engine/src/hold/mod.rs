//! The hold: from "I want these seats" to an open booking, or a refusal that cost next to nothing.
//!
//! Seat table, admission, guard, actors, log: each stands in front of the next and keeps losers away
//! from it. Only the last decides.

mod append_hold;
mod choose;
mod lock;
mod repair_hold;

use crate::box_office::{Hold, HoldRequest, SeatSelection};
use crate::core::Core;
use crate::error::{CommandError, Fault};
use crate::seat_table::Claim;
use crate::show_registry::ActiveShow;
use append_hold::HoldOutcome;
use choose::Choice;
use lastseat_domain::booking::Phase;
use lastseat_domain::event::AbortReason;
use lastseat_domain::show::Show;
use lastseat_domain::{BookingId, Rejection, SeatId, ShowId, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Times that other seats are chosen after the chosen ones were lost. Only where the buyer left
/// the choice to us.
const CHOICES: u32 = 200;

/// Seats that a hold tries to bring into the log.
struct Chosen {
    /// In sorted order.
    seats: Vec<SeatId>,
    /// Whether the guard has them for us.
    guarded: bool,
    _claim: Claim,
}

/// What is selection of which show, and when.
struct HoldTarget<'a> {
    active_show: Arc<ActiveShow>,
    show: Arc<Show>,
    selection: &'a SeatSelection,
    now: Timestamp,
}

/// One hold on its way.
struct Attempt<'a> {
    core: &'a Arc<Core>,
    target: HoldTarget<'a>,
    request: &'a HoldRequest,
    /// The guard gave this hold no answer. It is not asked again: in a rush without it a hold that
    /// chooses anew would wait in vain for every choice.
    without_guard: AtomicBool,
    /// The guard's word on an area was doubted already.
    doubted: AtomicBool,
}

impl Core {
    /// Holds seats.
    pub(crate) async fn hold(self: &Arc<Self>, request: HoldRequest) -> Result<Hold, CommandError> {
        let target = self.target(&request.show, &request.selection)?;
        let (without_guard, doubted) = (AtomicBool::new(false), AtomicBool::new(false));
        let attempt = Attempt { core: self, target, request: &request, without_guard, doubted };
        match attempt.run(true).await {
            // The same request before may have got the very seats that are taken now.
            Err(CommandError::Rejected(rejection)) if request.request.is_some() => match self.replay(&request).await? {
                Some(hold) => Ok(hold),
                None if self.is_left_over(&request, &rejection).await? => attempt.run(false).await,
                None => Err(rejection.into()),
            },
            other => other,
        }
    }

    fn target<'a>(&self, show: &ShowId, selection: &'a SeatSelection) -> Result<HoldTarget<'a>, Rejection> {
        let active_show = self.shows.get(show).ok_or(Rejection::ShowNotFound)?;
        Ok(HoldTarget { show: active_show.show.load_full(), active_show, selection, now: self.now() })
    }

    /// The refusals that need no waiting: nearly all of a flash sale. Apart from [`Core::hold`] so
    /// that they don't pay for the room that a hold's whole way takes in memory.
    pub(crate) fn refuse_at_once(&self, show: &ShowId, selection: &SeatSelection) -> Result<(), Rejection> {
        let target = self.target(show, selection)?;
        target.show.check_on_sale(target.now)?;
        Choice::of(&target)?.refuse_what_is_taken(&target)
    }

    /// Whether the seat that is in the way was locked by an earlier try of the same request, which
    /// did not get as far as opening its booking. Only a log without appends across streams knows
    /// such a thing.
    async fn is_left_over(&self, request: &HoldRequest, rejection: &Rejection) -> Result<bool, Fault> {
        match rejection {
            Rejection::SeatUnavailable { seat, .. } if !self.ports.log.atomic_across_streams() => {
                self.is_owner(&request.show, seat, request.booking).await
            }
            _ => Ok(false),
        }
    }

    /// The booking that the same request opened before, if it did.
    ///
    /// # Errors
    /// `IdempotencyKeyReused` if another request did.
    async fn replay(&self, request: &HoldRequest) -> Result<Option<Hold>, CommandError> {
        let Some(booking) = self.journal.booking(request.booking).await?.state else { return Ok(None) };
        match &booking.opened {
            Some(opened) if opened.request == request.request => {
                let booking = match booking.phase {
                    // It lost a seat before anybody was told that it was open.
                    Phase::Aborted { reason: AbortReason::SeatLost } => None,
                    // All or nothing was appended, so it has its seats.
                    _ if self.ports.log.atomic_across_streams() || !booking.is_undecided() => Some(booking),
                    _ => self.repair_hold(booking).await.map_err(CommandError::begun)?,
                };
                Ok(booking.map(|booking| Hold { booking, replayed: true }))
            }
            Some(_) => Err(Rejection::IdempotencyKeyReused.into()),
            // Fenced: the first try crashed on its way, and nothing came of it.
            None => Ok(None),
        }
    }
}

impl Attempt<'_> {
    async fn run(&self, check_table: bool) -> Result<Hold, CommandError> {
        self.target.show.check_on_sale(self.target.now)?;
        let choice = Choice::of(&self.target)?;
        // The seat table says no without taking part in anything.
        if check_table {
            choice.refuse_what_is_taken(&self.target)?;
        }
        let _permit = self.core.holds.enter(self.core.is_without_guard())?;
        let _share = self.reserve_share(choice.quantity())?;
        let mut avoid = HashSet::new();
        for _ in 0..CHOICES {
            let chosen = self.lock(&choice, &mut avoid).await?;
            match self.append_hold(&chosen.seats, choice.is_ours()).await {
                Ok(HoldOutcome::Open(hold)) => return Ok(*hold),
                Ok(HoldOutcome::Lost { seat, rejection }) => {
                    self.unlock(&chosen).await;
                    if !choice.is_ours() {
                        return Err(rejection.into());
                    }
                    avoid.extend(self.target.show.plan.index_of(&seat));
                }
                // Unknown: our seats may be ours. The leases lapse by themselves.
                Err(CommandError::Failed(fault @ Fault::OutcomeUnknown(_))) => return Err(fault.into()),
                Err(error) => {
                    self.unlock(&chosen).await;
                    return Err(error);
                }
            }
        }
        Err(Fault::Busy { retry_after: Duration::from_secs(1) }.into())
    }

    fn reserve_share(&self, seats: u32) -> Result<Option<crate::buyers::Reservation>, Rejection> {
        match self.target.show.facts.max_seats_per_buyer {
            Some(most) if !self.request.buyer.is_guest() => self
                .core
                .buyers
                .reserve(&self.target.active_show.id, &self.request.buyer, self.request.booking, seats, most)
                .map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) fn expires_at(&self) -> Timestamp {
        self.target.now + chrono::TimeDelta::seconds(self.target.show.facts.hold_seconds.into())
    }

    pub(crate) fn names(&self, seats: &[u32]) -> Vec<SeatId> {
        seats.iter().filter_map(|index| self.target.show.plan.seat(*index).map(|s| s.seat.clone())).collect()
    }

    pub(crate) fn booking_id(&self) -> BookingId {
        self.request.booking
    }
}

/// What was asked for, in words of the request.
impl SeatSelection {
    /// How many seats.
    #[must_use]
    pub fn quantity(&self) -> u64 {
        match self {
            Self::Seats(seats) => seats.len() as u64,
            Self::Any { quantity, .. } | Self::BestAvailable { quantity, .. } => u64::from(*quantity),
        }
    }
}
