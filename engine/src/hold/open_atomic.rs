//! Opens a hold on a log that appends to several streams in one transaction: all or nothing.

use super::hold_in_progress::{Appended, HoldInProgress};
use crate::error::{CommandError, Fault};
use crate::seats::SeatDecision;
use lastseat_domain::event::BookingOpened;
use lastseat_domain::ports::event_log::WriteOutcome;

pub(super) async fn open_atomic(
    hold: &HoldInProgress<'_>,
    opened: &BookingOpened,
    decisions: &[SeatDecision],
) -> Result<Appended, CommandError> {
    let metadata = hold.metadata();
    let seats = decisions.iter().map(|p| p.write(&metadata));
    let writes = std::iter::once(hold.first_write(opened, &metadata)).chain(seats).collect::<Result<Vec<_>, _>>()?;
    let outcomes = hold.append(writes).await?;
    let Some((booking, seats)) = outcomes.split_first() else {
        return Err(Fault::Damaged("the log gave no outcome".into()).into());
    };
    for (decision, outcome) in decisions.iter().zip(seats) {
        hold.services.seats.take_outcome(decision, *outcome, metadata.at);
    }
    Ok(match booking {
        WriteOutcome::Written { .. } => Appended::All,
        WriteOutcome::Conflict { .. } => Appended::BookingExists,
        WriteOutcome::Withheld => Appended::Nothing,
    })
}
