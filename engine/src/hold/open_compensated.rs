//! Opens a hold on a log that appends to each stream for itself. A hold that gets only some of its
//! seats is undone.

use super::hold_in_progress::{Appended, HoldInProgress, lock_command};
use super::repair_hold::{close_lost, kept_seats};
use crate::error::{CommandError, Fault};
use crate::seats::SeatDecision;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::{AbortReason, BookingOpened};
use lastseat_domain::ports::event_log::WriteOutcome;
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{Metadata, SeatId};

pub(super) async fn open_compensated(
    hold: &HoldInProgress<'_>,
    opened: &BookingOpened,
    decisions: &[SeatDecision],
    any_seats_will_do: bool,
) -> Result<Appended, CommandError> {
    let metadata = hold.metadata();
    if any_seats_will_do {
        open_after_seats(hold, opened, decisions, &metadata).await
    } else {
        open_with_seats(hold, opened, decisions, &metadata).await
    }
}

/// The booking and its seats at the same time. If a seat is lost, the booking is closed.
async fn open_with_seats(
    hold: &HoldInProgress<'_>,
    opened: &BookingOpened,
    decisions: &[SeatDecision],
    metadata: &Metadata,
) -> Result<Appended, CommandError> {
    let seats = decisions.iter().map(|p| p.write(metadata));
    let writes = std::iter::once(hold.first_write(opened, metadata)).chain(seats).collect::<Result<Vec<_>, _>>()?;
    let outcomes = hold.services.journal.append(writes).await?;
    let Some((booking, seats)) = outcomes.split_first() else {
        return Err(Fault::Damaged("the log gave no outcome".into()).into());
    };
    let conflicts = conflicts(hold, decisions, seats, metadata);
    if !booking.is_written() {
        return Ok(Appended::BookingExists);
    }
    for seat in conflicts {
        match lock_again(hold, opened, &seat, metadata).await {
            Ok(()) => {}
            Err(CommandError::Rejected(rejection)) => {
                close_lost(hold.services, opened, metadata).await.map_err(CommandError::begun)?;
                return Ok(Appended::Lost(seat, rejection));
            }
            Err(failed) => return Err(failed.begun()),
        }
    }
    Ok(Appended::All)
}

/// The seats first, then the booking: a booking that lost a seat is over, and could not go on with
/// another.
async fn open_after_seats(
    hold: &HoldInProgress<'_>,
    opened: &BookingOpened,
    decisions: &[SeatDecision],
    metadata: &Metadata,
) -> Result<Appended, CommandError> {
    if !decisions.is_empty() {
        let writes = decisions.iter().map(|p| p.write(metadata)).collect::<Result<Vec<_>, _>>()?;
        let outcomes = hold.services.journal.append(writes).await?;
        let conflicts = conflicts(hold, decisions, &outcomes, metadata);
        let mut ours: Vec<SeatId> =
            decisions.iter().map(|p| p.key.seat.clone()).filter(|seat| !conflicts.contains(seat)).collect();
        for seat in conflicts {
            // The same request on another node has locked it for this very booking, and may open with it.
            let owned = hold.services.seats.is_owner(&opened.show, &seat, opened.booking).await;
            if owned.map_err(|fault| CommandError::from(fault).begun())? {
                continue;
            }
            match lock_again(hold, opened, &seat, metadata).await {
                Ok(()) => ours.push(seat),
                Err(CommandError::Rejected(rejection)) => {
                    release_in_log(hold, &ours, metadata).await.map_err(CommandError::begun)?;
                    return Ok(Appended::Lost(seat, rejection));
                }
                Err(failed) => return Err(failed.begun()),
            }
        }
    }
    let write = hold.first_write(opened, metadata)?;
    let outcomes = hold.services.journal.append(vec![write]).await.map_err(|fault| CommandError::from(fault).begun())?;
    let opened = outcomes.first().is_some_and(|outcome| outcome.is_written());
    Ok(if opened { Appended::All } else { Appended::BookingExists })
}

/// Passes the outcomes of the seats' writes on. Returns the seats that had a conflict.
fn conflicts(
    hold: &HoldInProgress<'_>,
    decisions: &[SeatDecision],
    outcomes: &[WriteOutcome],
    metadata: &Metadata,
) -> Vec<SeatId> {
    let seats = &hold.services.seats;
    let lost = decisions.iter().zip(outcomes).filter(|(decision, outcome)| !seats.take_outcome(decision, **outcome, metadata.at));
    lost.map(|(decision, _)| decision.key.seat.clone()).collect()
}

/// Locks a seat whose write had a conflict, unless it is another booking's. The conflict may be with
/// old events that this node had not seen, or with the same request on another node.
async fn lock_again(
    hold: &HoldInProgress<'_>,
    opened: &BookingOpened,
    seat: &SeatId,
    metadata: &Metadata,
) -> Result<(), CommandError> {
    let Some(priced) = opened.seats.iter().find(|p| p.seat == *seat) else { return Ok(()) };
    let lock = lock_command(opened, priced, opened.expires_at, hold.target.access.blocks());
    hold.services.seats.execute(&opened.show, std::slice::from_ref(seat), &lock, metadata).await
}

/// Releases seats that this very hold has locked, except those that its booking was opened with by
/// another node meanwhile.
async fn release_in_log(hold: &HoldInProgress<'_>, locked: &[SeatId], metadata: &Metadata) -> Result<(), CommandError> {
    let booking = hold.request.booking;
    let state = hold.services.journal.load::<Booking>(&booking).await?.state;
    let kept = kept_seats(state.as_ref());
    let seats: Vec<SeatId> = locked.iter().filter(|seat| !kept.contains(seat)).cloned().collect();
    let release = SeatCommand::GiveUp { booking, reason: AbortReason::SeatLost, by: (0, 0) };
    hold.services.seats.execute(&hold.request.show, &seats, &release, metadata).await
}
