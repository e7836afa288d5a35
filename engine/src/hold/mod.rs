//! The hold: from "I want these seats" to an open booking, or a refusal that cost next to nothing.
//!
//! Board, admission, guard, actors, log: each stands in front of the next and keeps losers away
//! from it. Only the last decides.

mod choose;
mod heal;
mod land;

use crate::board::Claim;
use crate::box_office::{Hold, HoldRequest, Wanted};
use crate::core::{Core, LEASE_MARGIN};
use crate::error::{CommandError, Fault};
use crate::hall::OnSale;
use choose::Choice;
use land::Landing;
use lastseat_domain::booking::Phase;
use lastseat_domain::event::AbortReason;
use lastseat_domain::ports::seat_guard::{Lock, LockAny};
use lastseat_domain::rejection::SeatState;
use lastseat_domain::show::Show;
use lastseat_domain::{BookingId, Rejection, SeatId, ShowId, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Units offered to the guard beyond what is needed, so that it can step around those that another
/// node is just taking.
const SPARE: usize = 16;
/// Units beyond what is needed that are looked at one by one for leftovers in the guard.
const DOUBTED: usize = 8;
/// How many times more are offered if those were not enough.
const SPARE_GROWS: usize = 8;
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

/// What is wanted of which show, and when.
struct Wish<'a> {
    on_sale: Arc<OnSale>,
    show: Arc<Show>,
    wanted: &'a Wanted,
    now: Timestamp,
}

/// One hold on its way.
struct Attempt<'a> {
    core: &'a Arc<Core>,
    wish: Wish<'a>,
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
        let wish = self.wish(&request.show, &request.wanted)?;
        let (without_guard, doubted) = (AtomicBool::new(false), AtomicBool::new(false));
        let attempt = Attempt { core: self, wish, request: &request, without_guard, doubted };
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

    fn wish<'a>(&self, show: &ShowId, wanted: &'a Wanted) -> Result<Wish<'a>, Rejection> {
        let on_sale = self.hall.get(show).ok_or(Rejection::ShowNotFound)?;
        Ok(Wish { show: on_sale.show.load_full(), on_sale, wanted, now: self.now() })
    }

    /// The refusals that need no waiting: nearly all of a flash sale. Apart from [`Core::hold`] so
    /// that they don't pay for the room that a hold's whole way takes in memory.
    pub(crate) fn refuse_at_once(&self, show: &ShowId, wanted: &Wanted) -> Result<(), Rejection> {
        let wish = self.wish(show, wanted)?;
        wish.show.check_on_sale(wish.now)?;
        Choice::of(&wish)?.refuse_what_is_taken(&wish)
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
        self.wish.show.check_on_sale(self.wish.now)?;
        let choice = Choice::of(&self.wish)?;
        // The board says no without taking part in anything.
        if ask_board {
            choice.refuse_what_is_taken(&self.wish)?;
        }
        let _permit = self.core.holds.enter(self.core.is_without_guard())?;
        let _share = self.reserve_share(choice.quantity())?;
        let mut avoid = HashSet::new();
        for _ in 0..CHOICES {
            let chosen = self.lock(&choice, &mut avoid).await?;
            match self.land(&chosen.seats, choice.is_ours()).await {
                Ok(Landing::Open(hold)) => return Ok(*hold),
                Ok(Landing::Lost { seat, rejection }) => {
                    self.unlock(&chosen).await;
                    if !choice.is_ours() {
                        return Err(rejection.into());
                    }
                    avoid.extend(self.wish.show.plan.index_of(&seat));
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
        match self.wish.show.facts.max_seats_per_buyer {
            Some(most) if !self.request.buyer.is_guest() => {
                self.core.buyers.reserve(&self.wish.on_sale.id, &self.request.buyer, self.request.booking, seats, most).map(Some)
            }
            _ => Ok(None),
        }
    }

    pub(crate) fn expires_at(&self) -> Timestamp {
        self.wish.now + chrono::TimeDelta::seconds(self.wish.show.facts.hold_seconds.into())
    }

    fn lease(&self) -> Duration {
        Duration::from_secs(self.wish.show.facts.hold_seconds.into()) + LEASE_MARGIN
    }

    /// A hold may be prolonged once, by its own length.
    fn longest_lease(&self) -> Duration {
        self.lease() * 2
    }

    /// Chooses seats, claims them from the other holds of this node, and locks them in the guard.
    async fn lock(&self, choice: &Choice, avoid: &mut HashSet<u32>) -> Result<Chosen, CommandError> {
        loop {
            let indexes = match choice.seats(&self.wish, avoid) {
                Ok(indexes) => indexes,
                Err(rejection) => return self.leftovers(choice).await.ok_or_else(|| rejection.into()),
            };
            let claim = match Claim::of(&self.wish.on_sale, &indexes) {
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
            let lock = self.core.ports.guard.lock(&self.wish.on_sale.id, &seats, self.request.booking, self.lease()).await;
            match lock {
                Ok(Lock::Locked { .. }) => return Ok(Chosen { seats, guarded: true, _claim: claim }),
                Err(_) => {
                    self.saw_guard_fail();
                    return Ok(Chosen { seats, guarded: false, _claim: claim });
                }
                Ok(Lock::Taken { index, lease_left, sold }) => {
                    let Some(seat) = seats.get(index) else { return Ok(Chosen { seats, guarded: false, _claim: claim }) };
                    // Let the log decide.
                    if self.is_leftover(lease_left, sold) && self.is_free_on_board(seat) {
                        return Ok(Chosen { seats, guarded: false, _claim: claim });
                    }
                    if !choice.is_ours() {
                        return Err(self.refused_by_guard(seat, lease_left, sold).into());
                    }
                    avoid.extend(self.wish.show.plan.index_of(seat));
                }
            }
        }
    }

    /// Locks as many units of an area as are claimed: these, or others where another node was
    /// faster. `None` if those tried are all taken: they are in `avoid` from now on.
    ///
    /// # Errors
    /// `NotEnoughTogether` if some are free, but fewer than wanted in the whole area.
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
                self.wish.on_sale.board.candidates(area, 0).filter(|seat| !avoid.contains(seat) && !claimed.contains(seat));
            let candidates: Vec<u32> = claimed.iter().copied().chain(others.take(spare)).collect();
            let names = self.names(&candidates);
            let locked = self.core.ports.guard.lock_any(&self.wish.on_sale.id, &names, n, owner, self.lease()).await;
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
                    self.saw_guard_fail();
                    (self.names(claimed), false)
                }
            };
            seats.sort_unstable();
            return Ok(Some(Chosen { seats, guarded, _claim: claim }));
        }
    }

    /// Whether what the guard has on a seat that the board has as free is a leftover: a mark of a sale,
    /// which the log knew first and has undone since; or a lease longer than any that is given, as a
    /// clock that was set back leaves behind.
    fn is_leftover(&self, lease_left: Duration, sold: bool) -> bool {
        sold || lease_left > self.longest_lease()
    }

    /// Units of an area that only leftovers in the guard keep from being sold: looked for once, and
    /// only when the area would be called sold out although the board has free ones.
    async fn leftovers(&self, choice: &Choice) -> Option<Chosen> {
        let Choice::Any { area, quantity } = choice else { return None };
        if self.without_guard.load(Ordering::Relaxed) || self.doubted.swap(true, Ordering::Relaxed) {
            return None;
        }
        let (show, owner, n) = (&self.wish.on_sale.id, self.request.booking, *quantity as usize);
        let candidates: Vec<u32> = self.wish.on_sale.board.candidates(*area, 0).take(n + DOUBTED).collect();
        let mut found = Vec::with_capacity(n);
        for index in candidates {
            if found.len() == n {
                break;
            }
            match self.core.ports.guard.lock(show, &self.names(&[index]), owner, self.lease()).await {
                Ok(Lock::Taken { lease_left, sold, .. }) if !self.is_leftover(lease_left, sold) => {}
                Ok(_) => found.push(index),
                Err(_) => {
                    self.saw_guard_fail();
                    break;
                }
            }
        }
        let mut seats = self.names(&found);
        seats.sort_unstable();
        match Claim::of(&self.wish.on_sale, &found) {
            Ok(claim) if found.len() == n => Some(Chosen { seats, guarded: true, _claim: claim }),
            _ => {
                self.core.unlock_in_guard(show, &seats, owner).await;
                None
            }
        }
    }

    fn saw_guard_fail(&self) {
        self.without_guard.store(true, Ordering::Relaxed);
        self.core.saw_guard_fail();
    }

    fn refused_by_claim(&self, index: u32) -> Rejection {
        match self.wish.show.plan.seat(index) {
            Some(planned) => {
                let free_at = Some(self.expires_at());
                Rejection::SeatUnavailable { seat: planned.seat.clone(), state: SeatState::Locked, free_at, position: None }
            }
            None => Rejection::ShowNotFound,
        }
    }

    fn is_free_on_board(&self, seat: &SeatId) -> bool {
        let index = self.wish.show.plan.index_of(seat);
        index.is_some_and(|index| self.wish.on_sale.board.state(index) == SeatState::Available)
    }

    fn refused_by_guard(&self, seat: &SeatId, lease_left: Duration, sold: bool) -> Rejection {
        let free_at = (!sold)
            .then(|| self.wish.now + chrono::TimeDelta::from_std(lease_left.saturating_sub(LEASE_MARGIN)).unwrap_or_default());
        Rejection::SeatUnavailable {
            seat: seat.clone(),
            state: if sold { SeatState::Booked } else { SeatState::Locked },
            free_at,
            position: None,
        }
    }

    async fn unlock(&self, chosen: &Chosen) {
        let Chosen { seats, guarded, .. } = chosen;
        if *guarded {
            self.core.unlock_in_guard(&self.wish.on_sale.id, seats, self.request.booking).await;
        }
    }

    pub(crate) fn names(&self, seats: &[u32]) -> Vec<SeatId> {
        seats.iter().filter_map(|index| self.wish.show.plan.seat(*index).map(|s| s.seat.clone())).collect()
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
