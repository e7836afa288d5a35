//! Opens a hold on a log that appends to several streams in one transaction: all or nothing.

use super::attempt::{Appended, Attempt};
use crate::error::{CommandError, Fault};
use crate::seats::Planned;
use lastseat_domain::event::BookingOpened;
use lastseat_domain::ports::event_log::WriteOutcome;

pub(super) async fn open_atomic(
    attempt: &Attempt<'_>,
    opened: &BookingOpened,
    planned: &[Planned],
) -> Result<Appended, CommandError> {
    let metadata = attempt.metadata();
    let seats = planned.iter().map(|p| p.write(&metadata));
    let writes = std::iter::once(attempt.opening_write(opened, &metadata)).chain(seats).collect::<Result<Vec<_>, _>>()?;
    let outcomes = attempt.services.journal.append(writes).await?;
    let Some((booking, seats)) = outcomes.split_first() else {
        return Err(Fault::Damaged("the log gave no outcome".into()).into());
    };
    for (planned, outcome) in planned.iter().zip(seats) {
        attempt.services.seats.take_outcome(planned, *outcome, metadata.at);
    }
    Ok(match booking {
        WriteOutcome::Written { .. } => Appended::All,
        WriteOutcome::Conflict { .. } => Appended::BookingExists,
        WriteOutcome::Withheld => Appended::Nothing,
    })
}
