//! The hold: from a buyer's request for seats to an open booking, or a refusal that cost next to nothing.
//!
//! Seat table, admission, buyer's limit, guard, log: each keeps losers away from the next. Only the log
//! decides.

mod attempt;
mod choose;
mod lock;
mod open_atomic;
mod open_compensated;
mod opening;
mod repair_hold;
mod replay;

use crate::buyers::Reservation;
use crate::core::Core;
use crate::error::{CommandError, Fault};
use crate::requests::{Hold, HoldRequest, SeatSelection};
use attempt::{HoldAttempt, HoldContext};
use choose::Choice;
use lastseat_domain::{Rejection, SeatId, ShowId};
use opening::{HoldOutcome, Opening};
use replay::replay;
use std::collections::HashSet;
use std::time::Duration;

/// Times that other seats are chosen after the chosen ones were lost. Only where the buyer leaves the
/// choice to us.
const CHOICES: u32 = 200;

/// The refusals that need no waiting: nearly all of a flash sale. Apart from [`hold`], so that a refusal
/// avoids allocating the hold's future.
///
/// # Errors
/// The rejection.
pub(crate) fn refuse_at_once(core: &Core, show: &ShowId, selection: &SeatSelection) -> Result<(), Rejection> {
    let context = HoldContext::of(core, show, selection)?;
    context.show.check_on_sale(context.now)?;
    Choice::of(&context)?.refuse_what_is_taken(&context)
}

/// Holds seats.
///
/// # Errors
/// [`CommandError`].
pub(crate) async fn hold(core: &Core, request: &HoldRequest) -> Result<Hold, CommandError> {
    let attempt = HoldAttempt::of(core, request)?;
    match run(&attempt, true).await {
        // The same request before may have got the very seats that are taken now.
        Err(CommandError::Rejected(rejection)) if request.request.is_some() => match replay(core, request).await? {
            Some(hold) => Ok(hold),
            None if is_leftover_lock(core, request, &rejection).await? => run(&attempt, false).await,
            None => Err(rejection.into()),
        },
        other => other,
    }
}

/// Whether the seat that is in the way was locked by an earlier try of the same request, which failed
/// before it opened its booking. Only happens in a log without appends across streams.
async fn is_leftover_lock(core: &Core, request: &HoldRequest, rejection: &Rejection) -> Result<bool, Fault> {
    match rejection {
        Rejection::SeatUnavailable { seat, .. } if !core.ports.log.atomic_across_streams() => {
            core.seats.is_owner(&request.show, seat, request.booking).await
        }
        _ => Ok(false),
    }
}

async fn run(attempt: &HoldAttempt<'_>, ask_seat_table: bool) -> Result<Hold, CommandError> {
    let context = &attempt.context;
    context.show.check_on_sale(context.now)?;
    let choice = Choice::of(context)?;
    if ask_seat_table {
        choice.refuse_what_is_taken(context)?;
    }
    let _permit = attempt.core.holds.enter(attempt.core.guard.has_just_failed())?;
    let _share = reserve_share(attempt, choice.quantity())?;
    let mut avoid = HashSet::new();
    for _ in 0..CHOICES {
        let chosen = attempt.lock(&choice, &mut avoid).await?;
        match open(attempt, &chosen.seats, choice.is_ours()).await {
            Ok(HoldOutcome::Open(hold)) => return Ok(*hold),
            Ok(HoldOutcome::Lost { seat, rejection }) => {
                attempt.unlock(&chosen).await;
                if !choice.is_ours() {
                    return Err(rejection.into());
                }
                avoid.extend(context.show.plan.index_of(&seat));
            }
            // Unknown: the seats may be ours. The leases end by themselves.
            Err(CommandError::Failed(fault @ Fault::OutcomeUnknown(_))) => return Err(fault.into()),
            Err(error) => {
                attempt.unlock(&chosen).await;
                return Err(error);
            }
        }
    }
    Err(Fault::Busy { retry_after: Duration::from_secs(1) }.into())
}

/// Sets the seats aside within the buyer's limit, where the show has one.
fn reserve_share(attempt: &HoldAttempt<'_>, seats: u32) -> Result<Option<Reservation>, Rejection> {
    let (context, request) = (&attempt.context, attempt.request);
    match context.show.facts.max_seats_per_buyer {
        Some(most) if !request.buyer.is_guest() => {
            attempt.core.buyers.reserve(&context.active.id, &request.buyer, request.booking, seats, most).map(Some)
        }
        _ => Ok(None),
    }
}

/// Appends the booking and its locks, the way the log allows. `others_would_do`: if a seat is lost, the
/// booking goes on with others.
async fn open(attempt: &HoldAttempt<'_>, seats: &[SeatId], others_would_do: bool) -> Result<HoldOutcome, CommandError> {
    let opening = Opening::of(attempt, seats)?;
    if attempt.core.ports.log.atomic_across_streams() {
        open_atomic::open(&opening).await
    } else {
        open_compensated::open(&opening, others_would_do).await
    }
}
