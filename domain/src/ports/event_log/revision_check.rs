//! Decides the outcome of an append from the expected revisions: to be written, a repeat, or a
//! conflict. The SQLite log and the test kit's log share it; where they store events doesn't matter.

use super::{Expected, Position, Revision, StreamWrite, WriteOutcome};
use crate::stream_name::StreamName;
use uuid::Uuid;

/// What the check has to know about the existing streams.
pub trait Streams {
    /// Why the streams can't be read.
    type Error;

    /// Revision of the last event of a stream; `None` if it has none.
    fn last(&mut self, stream: &StreamName) -> Result<Option<Revision>, Self::Error>;

    /// Id and position of the event at a revision; `None` if there is none.
    fn event_at(&mut self, stream: &StreamName, revision: Revision) -> Result<Option<(Uuid, Position)>, Self::Error>;
}

/// The outcome of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The stream is as expected: write the events.
    Fits {
        /// Revision of the first event to write.
        first: Revision,
    },
    /// Nothing is to be written.
    Answer(WriteOutcome),
}

/// Checks the writes of one append, in order.
///
/// Each can be checked on its own because no stream occurs twice. With `atomic`, one conflict withholds
/// every write that would fit. Events that are already written are reported as written even then.
///
/// # Errors
/// The error of `streams`.
pub fn check<S: Streams>(streams: &mut S, writes: &[StreamWrite], atomic: bool) -> Result<Vec<Check>, S::Error> {
    let mut checks = writes.iter().map(|write| check_one(streams, write)).collect::<Result<Vec<_>, _>>()?;
    let conflict = |check: &Check| matches!(check, Check::Answer(WriteOutcome::Conflict { .. }));
    if atomic && checks.iter().any(conflict) {
        for check in &mut checks {
            if matches!(check, Check::Fits { .. }) {
                *check = Check::Answer(WriteOutcome::Withheld);
            }
        }
    }
    Ok(checks)
}

fn check_one<S: Streams>(streams: &mut S, write: &StreamWrite) -> Result<Check, S::Error> {
    let actual = streams.last(&write.stream)?;
    let (expected, first) = match write.expected {
        Expected::NoStream => (None, Some(0)),
        Expected::Revision(last) => (Some(last), last.checked_add(1)),
    };
    if let Some(first) = first
        && actual == expected
    {
        return Ok(Check::Fits { first });
    }
    let conflict = Check::Answer(WriteOutcome::Conflict { actual });
    let (Some(actual), Some(first)) = (actual, first) else { return Ok(conflict) };

    // The stream isn't as expected. If that is because exactly these events were already written, this
    // is a repeat. The last event is compared first, because that is enough for most conflicts.
    let last_revision = first.saturating_add(write.events.len() as u64).saturating_sub(1);
    if last_revision > actual {
        return Ok(conflict);
    }
    let mut position_of_last = None;
    for (event, revision) in write.events.iter().rev().zip((first..=last_revision).rev()) {
        match streams.event_at(&write.stream, revision)? {
            Some((id, position)) if id == event.id => {
                position_of_last.get_or_insert(position);
            }
            _ => return Ok(conflict),
        }
    }
    Ok(position_of_last.map_or(conflict, |position| Check::Answer(WriteOutcome::Written { last_revision, position })))
}
