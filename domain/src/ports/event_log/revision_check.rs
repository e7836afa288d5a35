//! What becomes of an append: the rule on expected revisions and repeats, apart from any storage.

use super::{Expected, Position, Revision, StreamWrite, WriteOutcome};
use crate::stream_name::StreamName;
use uuid::Uuid;

/// What the rule has to know of the streams as they stand.
pub trait Streams {
    /// Why the streams can't be looked at.
    type Error;

    /// Revision of the last event of a stream; `None` if it has none.
    fn last(&mut self, stream: &StreamName) -> Result<Option<Revision>, Self::Error>;

    /// Id and position of the event that stands at a revision.
    fn standing(&mut self, stream: &StreamName, revision: Revision) -> Result<Option<(Uuid, Position)>, Self::Error>;
}

/// What becomes of one write, taken by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The stream looks as expected: write.
    Fits {
        /// Revision of the first event to write.
        first: Revision,
    },
    /// An answer that needs no writing.
    Answer(WriteOutcome),
}

/// Judges the writes of one append, in order.
///
/// Taking them one by one is sound because no stream occurs twice. With `atomic`, one conflict
/// withholds every write that would fit. What stands already stands: it is reported as written
/// even then.
pub fn judge<S: Streams>(streams: &mut S, writes: &[StreamWrite], atomic: bool) -> Result<Vec<Verdict>, S::Error> {
    let mut verdicts = writes.iter().map(|write| judge_one(streams, write)).collect::<Result<Vec<_>, _>>()?;
    let conflict = |verdict: &Verdict| matches!(verdict, Verdict::Answer(WriteOutcome::Conflict { .. }));
    if atomic && verdicts.iter().any(conflict) {
        for verdict in &mut verdicts {
            if matches!(verdict, Verdict::Fits { .. }) {
                *verdict = Verdict::Answer(WriteOutcome::Withheld);
            }
        }
    }
    Ok(verdicts)
}

fn judge_one<S: Streams>(streams: &mut S, write: &StreamWrite) -> Result<Verdict, S::Error> {
    let actual = streams.last(&write.stream)?;
    let (expected, first) = match write.expected {
        Expected::NoStream => (None, Some(0)),
        Expected::Revision(last) => (Some(last), last.checked_add(1)),
    };
    if let Some(first) = first
        && actual == expected
    {
        return Ok(Verdict::Fits { first });
    }
    let conflict = Verdict::Answer(WriteOutcome::Conflict { actual });
    let (Some(actual), Some(first)) = (actual, first) else { return Ok(conflict) };

    // The stream looks different. If it does so because exactly these events stand there, this is
    // a repeat. The last event is looked at first: it tells most conflicts from repeats.
    let last_revision = first.saturating_add(write.events.len() as u64).saturating_sub(1);
    if last_revision > actual {
        return Ok(conflict);
    }
    let mut position_of_last = None;
    for (event, revision) in write.events.iter().rev().zip((first..=last_revision).rev()) {
        match streams.standing(&write.stream, revision)? {
            Some((id, position)) if id == event.id => {
                position_of_last.get_or_insert(position);
            }
            _ => return Ok(conflict),
        }
    }
    Ok(position_of_last.map_or(conflict, |position| Verdict::Answer(WriteOutcome::Written { last_revision, position })))
}
