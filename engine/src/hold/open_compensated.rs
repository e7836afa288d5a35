//! Opens a hold on a log that appends to each stream for itself. A hold that gets only some of its
//! seats is undone.

use super::attempt::{Appended, Attempt, lock_command};
use super::repair_hold::{close_lost, kept_seats};
use crate::error::{CommandError, Fault};
use crate::seats::Planned;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::{AbortReason, BookingOpened};
use lastseat_domain::ports::event_log::WriteOutcome;
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{Metadata, SeatId};

pub(super) async fn open_compensated(
    attempt: &Attempt<'_>,
    opened: &BookingOpened,
    planned: &[Planned],
    others_would_do: bool,
) -> Result<Appended, CommandError> {
    let metadata = attempt.metadata();
    if others_would_do {
        open_after_seats(attempt, opened, planned, &metadata).await
    } else {
        open_with_seats(attempt, opened, planned, &metadata).await
    }
}

/// The booking and its seats at the same time. If a seat is lost, the booking is closed.
async fn open_with_seats(
    attempt: &Attempt<'_>,
    opened: &BookingOpened,
    planned: &[Planned],
    metadata: &Metadata,
) -> Result<Appended, CommandError> {
    let seats = planned.iter().map(|p| p.write(metadata));
    let writes = std::iter::once(attempt.opening_write(opened, metadata)).chain(seats).collect::<Result<Vec<_>, _>>()?;
    let outcomes = attempt.services.journal.append(writes).await?;
    let Some((booking, seats)) = outcomes.split_first() else {
        return Err(Fault::Damaged("the log gave no outcome".into()).into());
    };
    let conflicts = conflicts(attempt, planned, seats, metadata);
    if !booking.is_written() {
        return Ok(Appended::BookingExists);
    }
    for seat in conflicts {
        match lock_again(attempt, opened, &seat, metadata).await {
            Ok(()) => {}
            Err(CommandError::Rejected(rejection)) => {
                close_lost(attempt.services, opened, metadata).await.map_err(CommandError::begun)?;
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
    attempt: &Attempt<'_>,
    opened: &BookingOpened,
    planned: &[Planned],
    metadata: &Metadata,
) -> Result<Appended, CommandError> {
    if !planned.is_empty() {
        let writes = planned.iter().map(|p| p.write(metadata)).collect::<Result<Vec<_>, _>>()?;
        let outcomes = attempt.services.journal.append(writes).await?;
        let conflicts = conflicts(attempt, planned, &outcomes, metadata);
        let mut ours: Vec<SeatId> = planned.iter().map(|p| p.key.seat.clone()).filter(|seat| !conflicts.contains(seat)).collect();
        for seat in conflicts {
            // The same request on another node has locked it for this very booking, and may open with it.
            let owned = attempt.services.seats.is_owner(&opened.show, &seat, opened.booking).await;
            if owned.map_err(|fault| CommandError::from(fault).begun())? {
                continue;
            }
            match lock_again(attempt, opened, &seat, metadata).await {
                Ok(()) => ours.push(seat),
                Err(CommandError::Rejected(rejection)) => {
                    give_back(attempt, &ours, metadata).await.map_err(CommandError::begun)?;
                    return Ok(Appended::Lost(seat, rejection));
                }
                Err(failed) => return Err(failed.begun()),
            }
        }
    }
    let write = attempt.opening_write(opened, metadata)?;
    let outcomes = attempt.services.journal.append(vec![write]).await.map_err(|fault| CommandError::from(fault).begun())?;
    let opened = outcomes.first().is_some_and(|outcome| outcome.is_written());
    Ok(if opened { Appended::All } else { Appended::BookingExists })
}

/// Passes the outcomes of the seats' writes on. Returns the seats that had a conflict.
fn conflicts(attempt: &Attempt<'_>, planned: &[Planned], outcomes: &[WriteOutcome], metadata: &Metadata) -> Vec<SeatId> {
    let seats = &attempt.services.seats;
    let lost = planned.iter().zip(outcomes).filter(|(planned, outcome)| !seats.take_outcome(planned, **outcome, metadata.at));
    lost.map(|(planned, _)| planned.key.seat.clone()).collect()
}

/// Locks a seat whose write had a conflict, unless it is another booking's. The conflict may be with
/// old events that this node had not seen, or with the same request on another node.
async fn lock_again(
    attempt: &Attempt<'_>,
    opened: &BookingOpened,
    seat: &SeatId,
    metadata: &Metadata,
) -> Result<(), CommandError> {
    let Some(priced) = opened.seats.iter().find(|p| p.seat == *seat) else { return Ok(()) };
    let lock = lock_command(opened, priced, opened.expires_at);
    attempt.services.seats.execute(&opened.show, std::slice::from_ref(seat), &lock, metadata).await
}

/// Releases seats that this very attempt has locked, except those that its booking was opened with by
/// another node meanwhile.
async fn give_back(attempt: &Attempt<'_>, locked: &[SeatId], metadata: &Metadata) -> Result<(), CommandError> {
    let booking = attempt.request.booking;
    let state = attempt.services.journal.load::<Booking>(&booking).await?.state;
    let kept = kept_seats(state.as_ref());
    let seats: Vec<SeatId> = locked.iter().filter(|seat| !kept.contains(seat)).cloned().collect();
    let release = SeatCommand::Release { booking, reason: AbortReason::SeatLost };
    attempt.services.seats.execute(&attempt.request.show, &seats, &release, metadata).await
}
