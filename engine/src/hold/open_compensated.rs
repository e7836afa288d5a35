//! Opens a hold in a log where each stream's append is independent, as in EventStoreDB: what was won is
//! given back if a seat was lost.

use super::opening::{HoldOutcome, Locks, Opening};
use super::repair_hold::{close_lost, kept_seats, lock_of};
use crate::error::{CommandError, Fault};
use crate::seats::Planned;
use lastseat_domain::SeatId;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::AbortReason;
use lastseat_domain::ports::event_log::WriteOutcome;
use lastseat_domain::seat::SeatCommand;

/// `others_would_do`: if one of the seats is lost, the booking goes on with others.
///
/// # Errors
/// [`CommandError`].
pub(super) async fn open(opening: &Opening<'_>, others_would_do: bool) -> Result<HoldOutcome, CommandError> {
    match opening.plan_locks().await? {
        Locks::Lost(outcome) => Ok(outcome),
        Locks::Planned(planned) if others_would_do => seats_first(opening, &planned).await,
        Locks::Planned(planned) => all_at_once(opening, &planned).await,
    }
}

/// Appends booking and locks at once, each to its stream. A booking that is open without having got
/// all of its seats is closed.
async fn all_at_once(opening: &Opening<'_>, planned: &[Planned]) -> Result<HoldOutcome, CommandError> {
    let core = opening.attempt.core;
    let mut writes = vec![opening.booking_write()];
    writes.extend(opening.seat_writes(planned)?);
    let outcomes = core.journal.append(writes).await?;
    let Some((booking, seats)) = outcomes.split_first() else {
        return Err(Fault::Damaged("the log gave no outcome".into()).into());
    };
    let conflicts = opening.conflicts(planned, seats);
    if !booking.is_written() {
        return opening.found_booking(planned).await;
    }
    for seat in conflicts {
        match lock_again(opening, &seat).await {
            Ok(()) => {}
            Err(CommandError::Rejected(rejection)) => {
                close_lost(core, &opening.opened, &opening.metadata).await.map_err(CommandError::begun)?;
                return Ok(HoldOutcome::Lost { seat, rejection });
            }
            Err(failed) => return Err(failed.begun()),
        }
    }
    opening.open()
}

/// Appends the locks, and the booking once it has them: a booking that lost a seat is over, and could
/// not go on with another.
async fn seats_first(opening: &Opening<'_>, planned: &[Planned]) -> Result<HoldOutcome, CommandError> {
    let (core, opened) = (opening.attempt.core, &opening.opened);
    if !planned.is_empty() {
        let outcomes = core.journal.append(opening.seat_writes(planned)?).await?;
        let conflicts = opening.conflicts(planned, &outcomes);
        let mut locked: Vec<SeatId> = planned.iter().map(|p| p.seat.clone()).filter(|seat| !conflicts.contains(seat)).collect();
        for seat in conflicts {
            // The same request on another node has locked it for this very booking, and may open with it.
            let owned = core.seats.is_owner(&opened.show, &seat, opened.booking).await;
            if owned.map_err(|fault| CommandError::from(fault).begun())? {
                continue;
            }
            match lock_again(opening, &seat).await {
                Ok(()) => locked.push(seat),
                Err(CommandError::Rejected(rejection)) => {
                    give_back(opening, &locked).await.map_err(CommandError::begun)?;
                    return Ok(HoldOutcome::Lost { seat, rejection });
                }
                Err(failed) => return Err(failed.begun()),
            }
        }
    }
    let outcomes = core.journal.append(vec![opening.booking_write()]).await;
    match outcomes.map_err(|fault| CommandError::from(fault).begun())?.first() {
        Some(WriteOutcome::Written { .. }) => opening.open(),
        _ => opening.found_booking(planned).await,
    }
}

/// Locks a seat whose append had a conflict, unless another booking has it. The conflict may be with
/// an event that this node had not seen, or with the same request on another node.
///
/// # Errors
/// `SeatUnavailable` if another booking has it; faults.
async fn lock_again(opening: &Opening<'_>, seat: &SeatId) -> Result<(), CommandError> {
    let opened = &opening.opened;
    let Some(priced) = opened.seats.iter().find(|p| p.seat == *seat) else { return Ok(()) };
    let lock = lock_of(opened, priced, opened.expires_at);
    opening.attempt.core.seats.change(&opened.show, std::slice::from_ref(seat), &lock, &opening.metadata).await
}

/// Releases seats that this very attempt has locked, and that the booking did not open with meanwhile.
///
/// # Errors
/// Faults.
async fn give_back(opening: &Opening<'_>, locked: &[SeatId]) -> Result<(), CommandError> {
    let (core, opened) = (opening.attempt.core, &opening.opened);
    let booking = core.journal.load::<Booking>(&opened.booking).await?.state;
    let kept = kept_seats(booking.as_ref());
    let seats: Vec<SeatId> = locked.iter().filter(|seat| !kept.contains(seat)).cloned().collect();
    let release = SeatCommand::Release { booking: opened.booking, reason: AbortReason::SeatLost };
    core.seats.change(&opened.show, &seats, &release, &opening.metadata).await
}
