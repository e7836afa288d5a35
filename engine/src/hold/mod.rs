//! The hold: from "I want these seats" to an open booking, or a refusal that cost next to nothing.
//!
//! Board, admission, guard, actors, log: each stands in front of the next and keeps losers away
//! from it. Only the last decides.

mod choose;
mod heal;
mod land;

use crate::box_office::{Hold, HoldRequest, Wanted};
use crate::core::Core;
use crate::error::{CommandError, Fault};
use crate::hall::OnSale;
use choose::Choice;
use land::Landing;
use lastseat_domain::booking::Phase;
use lastseat_domain::event::AbortReason;
use lastseat_domain::ports::seat_guard::{Lock, LockAny};
use lastseat_domain::rejection::SeatState;
use lastseat_domain::show::Show;
use lastseat_domain::{BookingId, Rejection, SeatId, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// What the lease has over the hold, so that Redis never lets go before the log does.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// Times that other seats are chosen after the chosen ones were lost. Only where the buyer left
/// the choice to us.
const CHOICES: u32 = 200;

/// One hold on its way.
pub(crate) struct Attempt<'a> {
    pub core: &'a Arc<Core>,
    pub on_sale: Arc<OnSale>,
    pub show: Arc<Show>,
    pub request: &'a HoldRequest,
    pub now: Timestamp,
}

impl Core {
    /// Holds seats.
    pub(crate) async fn hold(self: &Arc<Self>, request: HoldRequest) -> Result<Hold, CommandError> {
        let on_sale = self.hall.get(&request.show).ok_or(Rejection::ShowNotFound)?;
        let attempt = Attempt { core: self, show: on_sale.show.load_full(), on_sale, request: &request, now: self.now() };
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
                    _ => self.complete(booking).await.map_err(CommandError::begun)?,
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
    async fn run(&self, ask_board: bool) -> Result<Hold, CommandError> {
        self.show.check_on_sale(self.now)?;
        let choice = Choice::of(self)?;
        // The board says no without taking part in anything.
        if ask_board {
            choice.refuse_what_is_taken(self)?;
        }
        let _permit = self.core.holds.enter(self.core.is_without_guard())?;
        let _share = self.reserve_share(choice.quantity())?;
        let mut avoid = HashSet::new();
        for round in 0..CHOICES {
            let (seats, guarded) = self.lock(&choice, round, &mut avoid).await?;
            match self.land(&seats, choice.is_ours()).await {
                Ok(Landing::Open(hold)) => return Ok(*hold),
                Ok(Landing::Lost { seat, rejection }) => {
                    self.unlock(&seats, guarded).await;
                    if !choice.is_ours() {
                        return Err(rejection.into());
                    }
                    avoid.extend(self.show.plan.index_of(&seat));
                }
                // Unknown: our seats may be ours. The leases lapse by themselves.
                Err(CommandError::Failed(fault @ Fault::OutcomeUnknown(_))) => return Err(fault.into()),
                Err(error) => {
                    self.unlock(&seats, guarded).await;
                    return Err(error);
                }
            }
        }
        Err(Fault::Busy { retry_after: Duration::from_secs(1) }.into())
    }

    fn reserve_share(&self, seats: u32) -> Result<Option<crate::buyers::Reservation>, Rejection> {
        match self.show.facts.max_seats_per_buyer {
            Some(most) if !self.request.buyer.is_guest() => {
                self.core.buyers.reserve(&self.on_sale.id, &self.request.buyer, self.request.booking, seats, most).map(Some)
            }
            _ => Ok(None),
        }
    }

    pub(crate) fn expires_at(&self) -> Timestamp {
        self.now + chrono::TimeDelta::seconds(self.show.facts.hold_seconds.into())
    }

    fn lease(&self) -> Duration {
        Duration::from_secs(self.show.facts.hold_seconds.into()) + LEASE_MARGIN
    }

    /// Chooses seats and locks them in the guard. Says whether the guard has them.
    async fn lock(&self, choice: &Choice, round: u32, avoid: &mut HashSet<u32>) -> Result<(Vec<SeatId>, bool), CommandError> {
        let (guard, owner) = (&self.core.ports.guard, self.request.booking);
        loop {
            let candidates =
                choice.candidates(self, round.saturating_add(u32::try_from(avoid.len()).unwrap_or(u32::MAX)), avoid)?;
            let seats = self.names(&candidates);
            if let Choice::Any { quantity, .. } = choice {
                let n = *quantity as usize;
                match guard.lock_any(&self.on_sale.id, &seats, n, owner, self.lease()).await {
                    Ok(LockAny::Locked(picked)) => {
                        let mut mine: Vec<SeatId> = picked.into_iter().filter_map(|i| seats.get(i).cloned()).collect();
                        mine.sort_unstable();
                        return Ok((mine, true));
                    }
                    Ok(LockAny::NotEnough { .. }) => avoid.extend(candidates),
                    Err(_) => {
                        self.core.saw_guard_fail();
                        let mut mine: Vec<SeatId> = seats.into_iter().take(n).collect();
                        mine.sort_unstable();
                        return Ok((mine, false));
                    }
                }
            } else {
                let mut seats = seats;
                seats.sort_unstable();
                match guard.lock(&self.on_sale.id, &seats, owner, self.lease()).await {
                    Ok(Lock::Locked { .. }) => return Ok((seats, true)),
                    Ok(Lock::Taken { index, lease_left, sold }) => {
                        let Some(seat) = seats.get(index) else { return Ok((seats, false)) };
                        // Marked as sold, which the log knew first: if the log has freed it since,
                        // the mark is a leftover. Let the log decide.
                        if sold && self.is_free_on_board(seat) {
                            return Ok((seats, false));
                        }
                        if !choice.is_ours() {
                            return Err(self.refused_by_guard(seat, lease_left, sold).into());
                        }
                        avoid.extend(self.show.plan.index_of(seat));
                    }
                    Err(_) => {
                        self.core.saw_guard_fail();
                        return Ok((seats, false));
                    }
                }
            }
        }
    }

    fn is_free_on_board(&self, seat: &SeatId) -> bool {
        let index = self.show.plan.index_of(seat);
        index.is_some_and(|index| self.on_sale.board.state(index) == SeatState::Available)
    }

    fn refused_by_guard(&self, seat: &SeatId, lease_left: Duration, sold: bool) -> Rejection {
        let free_at =
            (!sold).then(|| self.now + chrono::TimeDelta::from_std(lease_left.saturating_sub(LEASE_MARGIN)).unwrap_or_default());
        Rejection::SeatUnavailable {
            seat: seat.clone(),
            state: if sold { SeatState::Booked } else { SeatState::Locked },
            free_at,
        }
    }

    async fn unlock(&self, seats: &[SeatId], guarded: bool) {
        if guarded && self.core.ports.guard.release(&self.on_sale.id, seats, self.request.booking).await.is_err() {
            self.core.saw_guard_fail();
        }
    }

    pub(crate) fn names(&self, seats: &[u32]) -> Vec<SeatId> {
        seats.iter().filter_map(|index| self.show.plan.seat(*index).map(|s| s.seat.clone())).collect()
    }

    pub(crate) fn booking_id(&self) -> BookingId {
        self.request.booking
    }
}

/// What was asked for, in words of the request.
impl Wanted {
    /// How many seats.
    #[must_use]
    pub fn quantity(&self) -> u64 {
        match self {
            Self::Seats(seats) => seats.len() as u64,
            Self::Any { quantity, .. } | Self::BestAvailable { quantity, .. } => u64::from(*quantity),
        }
    }
}
