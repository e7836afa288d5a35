//! Seats for a hold: chosen, claimed from the other holds of this node, and locked in the guard, which
//! keeps the holds of all nodes apart. The guard is a filter and may be wrong; only the log decides.

use super::attempt::HoldAttempt;
use super::choose::Choice;
use crate::error::CommandError;
use crate::guard_service::LEASE_MARGIN;
use crate::seat_table::Claim;
use lastseat_domain::ports::seat_guard::{Lock, LockAny};
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::{Rejection, SeatId};
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Units offered to the guard beyond what is needed, so that it can step around those that another
/// node is just taking.
const SPARE: usize = 16;
/// Units beyond what is needed that are looked at one by one for leftovers in the guard.
const DOUBTED: usize = 8;
/// How many times more are offered if those were not enough.
const SPARE_GROWS: usize = 8;

/// Seats that a hold tries to bring into the log.
pub(super) struct Chosen {
    /// In sorted order.
    pub seats: Vec<SeatId>,
    /// Whether the guard has locked them for this booking.
    guarded: bool,
    _claim: Claim,
}

impl HoldAttempt<'_> {
    /// Chooses seats, claims them from the other holds of this node, and locks them in the guard.
    pub(super) async fn lock(&self, choice: &Choice, avoid: &mut HashSet<u32>) -> Result<Chosen, CommandError> {
        loop {
            let indexes = match choice.seats(&self.context, avoid) {
                Ok(indexes) => indexes,
                Err(rejection) => return self.leftovers(choice).await.ok_or_else(|| rejection.into()),
            };
            let claim = match Claim::of(&self.context.active.seats, &indexes) {
                Ok(claim) => claim,
                Err(_) if choice.is_ours() => continue,
                Err(index) => return Err(self.refused_by_claim(index).into()),
            };
            let mut seats = self.names(&indexes);
            seats.sort_unstable();
            if self.without_guard.load(Ordering::Relaxed) {
                return Ok(Chosen { seats, guarded: false, _claim: claim });
            }
            if let Choice::Any { area, .. } = choice {
                match self.lock_any(*area, &indexes, claim, avoid).await {
                    Ok(Some(chosen)) => return Ok(chosen),
                    Ok(None) => continue,
                    Err(rejection) => return self.leftovers(choice).await.ok_or_else(|| rejection.into()),
                }
            }
            let lock = self.core.guard.port().lock(&self.context.active.id, &seats, self.request.booking, self.lease()).await;
            match lock {
                Ok(Lock::Locked { .. }) => return Ok(Chosen { seats, guarded: true, _claim: claim }),
                Err(_) => {
                    self.record_guard_failure();
                    return Ok(Chosen { seats, guarded: false, _claim: claim });
                }
                Ok(Lock::Taken { index, lease_left, sold }) => {
                    let Some(seat) = seats.get(index) else { return Ok(Chosen { seats, guarded: false, _claim: claim }) };
                    // Let the log decide.
                    if self.is_leftover(lease_left, sold) && self.is_free_in_table(seat) {
                        return Ok(Chosen { seats, guarded: false, _claim: claim });
                    }
                    if !choice.is_ours() {
                        return Err(self.refused_by_guard(seat, lease_left, sold).into());
                    }
                    avoid.extend(self.context.show.plan.index_of(seat));
                }
            }
        }
    }

    /// Locks as many units of an area as are claimed: these, or others where another node was
    /// faster. `None` if those tried are all taken: they are in `avoid` from now on.
    ///
    /// # Errors
    /// `NotEnoughTogether` if some are free, but fewer than asked for in the whole area.
    async fn lock_any(
        &self,
        area: u32,
        claimed: &[u32],
        claim: Claim,
        avoid: &mut HashSet<u32>,
    ) -> Result<Option<Chosen>, Rejection> {
        let (owner, n) = (self.request.booking, claimed.len());
        let mut spare = SPARE;
        loop {
            let others =
                self.context.active.seats.candidates(area, 0).filter(|seat| !avoid.contains(seat) && !claimed.contains(seat));
            let candidates: Vec<u32> = claimed.iter().copied().chain(others.take(spare)).collect();
            let names = self.names(&candidates);
            let locked = self.core.guard.port().lock_any(&self.context.active.id, &names, n, owner, self.lease()).await;
            let (mut seats, guarded) = match locked {
                Ok(LockAny::Locked(picked)) => (picked.into_iter().filter_map(|i| names.get(i).cloned()).collect(), true),
                Ok(LockAny::NotEnough { free: 0 }) => {
                    avoid.extend(candidates);
                    return Ok(None);
                }
                // Too few of these, but with those of the rest of the area they may do.
                Ok(LockAny::NotEnough { .. }) if candidates.len() == n + spare => {
                    spare *= SPARE_GROWS;
                    continue;
                }
                Ok(LockAny::NotEnough { free }) => {
                    return Err(Rejection::NotEnoughTogether { available: u32::try_from(free).unwrap_or(u32::MAX) });
                }
                Err(_) => {
                    self.record_guard_failure();
                    (self.names(claimed), false)
                }
            };
            seats.sort_unstable();
            return Ok(Some(Chosen { seats, guarded, _claim: claim }));
        }
    }

    /// Whether what the guard has on a seat that the seat table has as free is a leftover: a mark of a sale,
    /// which the log knew first and has undone since; or a lease longer than any that is given, as a
    /// clock that was set back leaves behind.
    fn is_leftover(&self, lease_left: Duration, sold: bool) -> bool {
        sold || lease_left > self.longest_lease()
    }

    /// Units of an area that only leftovers in the guard keep from being sold: looked for once, and
    /// only when the area would be called sold out although the seat table has free ones.
    async fn leftovers(&self, choice: &Choice) -> Option<Chosen> {
        let Choice::Any { area, quantity } = choice else { return None };
        if self.without_guard.load(Ordering::Relaxed) || self.checked_leftovers.swap(true, Ordering::Relaxed) {
            return None;
        }
        let (show, owner, n) = (&self.context.active.id, self.request.booking, *quantity as usize);
        let candidates: Vec<u32> = self.context.active.seats.candidates(*area, 0).take(n + DOUBTED).collect();
        let mut found = Vec::with_capacity(n);
        for index in candidates {
            if found.len() == n {
                break;
            }
            match self.core.guard.port().lock(show, &self.names(&[index]), owner, self.lease()).await {
                Ok(Lock::Taken { lease_left, sold, .. }) if !self.is_leftover(lease_left, sold) => {}
                Ok(_) => found.push(index),
                Err(_) => {
                    self.record_guard_failure();
                    break;
                }
            }
        }
        let mut seats = self.names(&found);
        seats.sort_unstable();
        match Claim::of(&self.context.active.seats, &found) {
            Ok(claim) if found.len() == n => Some(Chosen { seats, guarded: true, _claim: claim }),
            _ => {
                self.core.guard.unlock(show, &seats, owner).await;
                None
            }
        }
    }

    fn refused_by_claim(&self, index: u32) -> Rejection {
        match self.context.show.plan.seat(index) {
            Some(planned) => {
                let free_at = Some(self.expires_at());
                Rejection::SeatUnavailable { seat: planned.seat.clone(), state: SeatState::Locked, free_at, position: None }
            }
            None => Rejection::ShowNotFound,
        }
    }

    fn is_free_in_table(&self, seat: &SeatId) -> bool {
        let index = self.context.show.plan.index_of(seat);
        index.is_some_and(|index| self.context.active.seats.state(index) == SeatState::Available)
    }

    fn refused_by_guard(&self, seat: &SeatId, lease_left: Duration, sold: bool) -> Rejection {
        let free_at = (!sold)
            .then(|| self.context.now + chrono::TimeDelta::from_std(lease_left.saturating_sub(LEASE_MARGIN)).unwrap_or_default());
        Rejection::SeatUnavailable {
            seat: seat.clone(),
            state: if sold { SeatState::Booked } else { SeatState::Locked },
            free_at,
            position: None,
        }
    }

    pub(super) async fn unlock(&self, chosen: &Chosen) {
        let Chosen { seats, guarded, .. } = chosen;
        if *guarded {
            self.core.guard.unlock(&self.context.active.id, seats, self.request.booking).await;
        }
    }
}
