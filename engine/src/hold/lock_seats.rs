//! Seats for a hold: chosen, claimed from the other holds of this node, and locked in the guard, which
//! keeps the holds of all nodes apart. The guard is a filter and may be wrong; the log is not.

use super::choice::Choice;
use super::hold_in_progress::HoldInProgress;
use crate::error::CommandError;
use crate::guard_service::LEASE_MARGIN;
use crate::seat_table::Claim;
use lastseat_domain::ports::seat_guard::{Lock, LockAny};
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::{BookingId, Rejection, SeatId, ShowId};
use std::collections::HashSet;
use std::time::Duration;

/// Units offered to the guard beyond what is needed, so that it can avoid those that another node is
/// taking at this moment.
const SPARE: usize = 16;
/// How many times more are offered if those were not enough.
const SPARE_GROWS: usize = 8;
/// Units beyond what is needed that are checked one by one for leftovers in the guard.
const LEFTOVERS_CHECKED: usize = 8;

/// Seats that a hold tries to get in the log.
pub(super) struct Chosen {
    /// In sorted order.
    pub seats: Vec<SeatId>,
    /// Whether the guard has locked them for this booking.
    guarded: bool,
    _claim: Claim,
}

/// Chooses and locks seats for one hold, again and again if the log says that they were lost.
pub(super) struct SeatLocker<'a> {
    hold: &'a HoldInProgress<'a>,
    /// Plan indexes of seats that were tried and are taken.
    avoid: HashSet<u32>,
    /// The guard gave this hold no answer. It is not asked again: without it, a hold that chooses
    /// other seats would wait for a time-out with every choice.
    without_guard: bool,
    /// The guard's leftovers were looked for already.
    checked_leftovers: bool,
}

impl<'a> SeatLocker<'a> {
    pub(super) fn new(hold: &'a HoldInProgress<'a>) -> Self {
        Self { hold, avoid: HashSet::new(), without_guard: false, checked_leftovers: false }
    }

    /// Chooses seats, claims them from the other holds of this node, and locks them in the guard.
    pub(super) async fn lock(&mut self, choice: &Choice) -> Result<Chosen, CommandError> {
        let (hold, target) = (self.hold, &self.hold.target);
        loop {
            let indexes = match choice.seats(target, &self.avoid) {
                Ok(indexes) => indexes,
                Err(rejection) => {
                    let is_contended = choice.has_claims(target);
                    return self.leftovers(choice).await.ok_or_else(|| match is_contended {
                        true => CommandError::Contended(rejection),
                        false => rejection.into(),
                    });
                }
            };
            let claim = match Claim::of(&target.seats, &indexes) {
                Ok(claim) => claim,
                Err(_) if choice.any_seats_will_do() => continue,
                Err(index) => return Err(CommandError::Contended(self.refused_by_claim(index))),
            };
            let mut seats = target.names(&indexes);
            seats.sort_unstable();
            if self.without_guard {
                return Ok(Chosen { seats, guarded: false, _claim: claim });
            }
            if let Choice::Any { area, .. } = choice {
                match self.lock_any(*area, &indexes, claim).await {
                    Ok(Some(chosen)) => return Ok(chosen),
                    Ok(None) => continue,
                    Err(rejection) => return self.leftovers(choice).await.ok_or_else(|| rejection.into()),
                }
            }
            match hold.services.guard.lock(self.show(), &seats, self.owner(), self.lease()).await {
                Ok(Lock::Locked { .. }) => return Ok(Chosen { seats, guarded: true, _claim: claim }),
                Err(_) => {
                    self.without_guard = true;
                    return Ok(Chosen { seats, guarded: false, _claim: claim });
                }
                Ok(Lock::Taken { index, lease_left, sold }) => {
                    let Some(seat) = seats.get(index) else { return Ok(Chosen { seats, guarded: false, _claim: claim }) };
                    // Let the log decide.
                    if self.is_leftover(lease_left, sold) && self.is_free_in_table(seat) {
                        return Ok(Chosen { seats, guarded: false, _claim: claim });
                    }
                    if !choice.any_seats_will_do() {
                        return Err(self.refused_by_guard(seat, lease_left, sold).into());
                    }
                    self.avoid(seat);
                }
            }
        }
    }

    /// Does not choose this seat again.
    pub(super) fn avoid(&mut self, seat: &SeatId) {
        self.avoid.extend(self.hold.target.show.plan.index_of(seat));
    }

    /// Releases seats in the guard that the hold did not get in the log.
    pub(super) async fn unlock(&self, chosen: &Chosen) {
        if chosen.guarded {
            self.hold.services.guard.unlock(self.show(), &chosen.seats, self.owner()).await;
        }
    }

    /// Locks as many units of an area as are claimed: these, or others where another node was faster.
    /// `None` if all that were tried are taken: they are avoided from now on.
    ///
    /// # Errors
    /// `NotEnoughTogether` if the whole area has some free units, but too few.
    async fn lock_any(&mut self, area: u32, claimed: &[u32], claim: Claim) -> Result<Option<Chosen>, Rejection> {
        let (target, n) = (&self.hold.target, claimed.len());
        let mut spare = SPARE;
        loop {
            let others = target.candidates(area, 0);
            let others = others.filter(|seat| !self.avoid.contains(seat) && !claimed.contains(seat));
            let candidates: Vec<u32> = claimed.iter().copied().chain(others.take(spare)).collect();
            let names = target.names(&candidates);
            let locked = self.hold.services.guard.lock_any(self.show(), &names, n, self.owner(), self.lease()).await;
            let (mut seats, guarded) = match locked {
                Ok(LockAny::Locked(picked)) => (picked.into_iter().filter_map(|i| names.get(i).cloned()).collect(), true),
                Ok(LockAny::NotEnough { free: 0 }) => {
                    self.avoid.extend(candidates);
                    return Ok(None);
                }
                // Too few of these, but the rest of the area may have more.
                Ok(LockAny::NotEnough { .. }) if candidates.len() == n + spare => {
                    spare *= SPARE_GROWS;
                    continue;
                }
                Ok(LockAny::NotEnough { free }) => {
                    return Err(Rejection::NotEnoughTogether { available: u32::try_from(free).unwrap_or(u32::MAX) });
                }
                Err(_) => {
                    self.without_guard = true;
                    (target.names(claimed), false)
                }
            };
            seats.sort_unstable();
            return Ok(Some(Chosen { seats, guarded, _claim: claim }));
        }
    }

    /// Whether the guard's entry for a seat that the seat table has as free is a leftover: a mark of a
    /// sale that the log has undone since; or a lease longer than any that is given, as a clock that
    /// was set back leaves it.
    fn is_leftover(&self, lease_left: Duration, sold: bool) -> bool {
        // A hold may be extended once, by its own length.
        sold || lease_left > self.lease() * 2
    }

    /// Units of an area that only leftovers in the guard keep from being sold. Looked for once, and only
    /// when the area would be called sold out although the seat table has free ones.
    async fn leftovers(&mut self, choice: &Choice) -> Option<Chosen> {
        let Choice::Any { area, quantity } = choice else { return None };
        if self.without_guard || std::mem::replace(&mut self.checked_leftovers, true) {
            return None;
        }
        let (target, guard, n) = (&self.hold.target, &self.hold.services.guard, *quantity as usize);
        let candidates: Vec<u32> = target.candidates(*area, 0).take(n + LEFTOVERS_CHECKED).collect();
        let mut found = Vec::with_capacity(n);
        for index in candidates {
            if found.len() == n {
                break;
            }
            match guard.lock(self.show(), &target.names(&[index]), self.owner(), self.lease()).await {
                Ok(Lock::Taken { lease_left, sold, .. }) if !self.is_leftover(lease_left, sold) => {}
                Ok(_) => found.push(index),
                Err(_) => {
                    self.without_guard = true;
                    break;
                }
            }
        }
        let mut seats = target.names(&found);
        seats.sort_unstable();
        match Claim::of(&target.seats, &found) {
            Ok(claim) if found.len() == n => Some(Chosen { seats, guarded: true, _claim: claim }),
            _ => {
                guard.unlock(self.show(), &seats, self.owner()).await;
                None
            }
        }
    }

    fn show(&self) -> &'a ShowId {
        &self.hold.target.active_show.id
    }

    fn owner(&self) -> BookingId {
        self.hold.request.booking
    }

    fn lease(&self) -> Duration {
        Duration::from_secs(self.hold.target.show.facts.hold_seconds.into()) + LEASE_MARGIN
    }

    fn is_free_in_table(&self, seat: &SeatId) -> bool {
        let target = &self.hold.target;
        let index = target.show.plan.index_of(seat);
        index.is_some_and(|index| target.access.allows(&target.seats, index))
    }

    fn refused_by_claim(&self, index: u32) -> Rejection {
        let target = &self.hold.target;
        match target.show.plan.id_of(index) {
            Some(seat) => {
                let free_at = Some(target.expires_at());
                Rejection::SeatUnavailable { seat, state: SeatState::Locked, free_at, position: None }
            }
            None => Rejection::ShowNotFound,
        }
    }

    fn refused_by_guard(&self, seat: &SeatId, lease_left: Duration, sold: bool) -> Rejection {
        let hold_left = chrono::TimeDelta::from_std(lease_left.saturating_sub(LEASE_MARGIN)).unwrap_or_default();
        Rejection::SeatUnavailable {
            seat: seat.clone(),
            state: if sold { SeatState::Booked } else { SeatState::Locked },
            free_at: (!sold).then(|| self.hold.target.now + hold_left),
            position: None,
        }
    }
}
