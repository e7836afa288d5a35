//! Opens a hold in a log with transactions across streams: `BookingOpened` and a `SeatLocked` for each
//! seat, all or nothing.

use super::opening::{HoldOutcome, Locks, Opening};
use crate::error::{CommandError, Fault};
use lastseat_domain::ports::event_log::WriteOutcome;

/// Times that the append is tried again because a seat's actor was behind the log.
const TRIES: usize = 4;

/// # Errors
/// [`CommandError`].
pub(super) async fn open(opening: &Opening<'_>) -> Result<HoldOutcome, CommandError> {
    for _ in 0..TRIES {
        let planned = match opening.plan_locks().await? {
            Locks::Planned(planned) => planned,
            Locks::Lost(outcome) => return Ok(outcome),
        };
        let mut writes = vec![opening.booking_write()];
        writes.extend(opening.seat_writes(&planned)?);
        let outcomes = opening.attempt.core.journal.append(writes).await?;
        let Some((booking, seats)) = outcomes.split_first() else {
            return Err(Fault::Damaged("the log gave no outcome".into()).into());
        };
        opening.conflicts(&planned, seats);
        match booking {
            WriteOutcome::Written { .. } => return opening.open(),
            WriteOutcome::Conflict { .. } => return opening.found_booking(&planned).await,
            // A seat was in the way: decide again on what the log has now.
            WriteOutcome::Withheld => {}
        }
    }
    Err(Fault::Unavailable("too many changes to these seats at once; try again".into()).into())
}
