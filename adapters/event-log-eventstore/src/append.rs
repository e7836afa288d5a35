//! An append of one stream, from sending it to knowing what became of it.
//!
//! What the server's answer leaves open is settled by what stands at the revision that the events
//! were meant for:
//!
//! - Exactly these events: they are written, by whichever try.
//! - Another event: these will never stand there. A conflict.
//! - Nothing: send again, under the same ids; they can't land twice. Only the server's own word for
//!   a conflict counts here, for an append still on its way is not to be seen yet.
//!
//! The same look corrects a server's "written" for a repeat, which servers tell with positions that
//! differ from the first answer's.

use crate::lanes::{Landed, Lanes, send_alone};
use crate::link::Link;
use crate::read;
use crate::trouble::Trouble;
use lastseat_domain::ports::event_log::{Direction, Expected, LogFault, Position, Revision, StreamWrite, WriteOutcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// No server has a greater revision.
pub(crate) const MAX_REVISION: Revision = i64::MAX as Revision;

/// Pauses between tries.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// Tries without a connection before an append of which nothing was sent is given up.
const CONNECTS: u32 = 3;
/// Sessions that may end under an append before it takes its time.
const SESSIONS: u32 = 4;

/// Carries out appends.
pub(crate) struct Appender {
    link: Arc<Link>,
    lanes: Lanes,
    /// Greatest position that is known to be taken. What is written from now on stands behind it.
    seen: AtomicU64,
}

/// What stands where the events of a write were meant to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// These events. The position of the last one, if the server tells it.
    Ours(Option<Position>),
    /// Another event, for good. The stream's last revision.
    Taken(Revision),
    /// Nothing, or not all: nothing can be concluded.
    Open,
}

impl Appender {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        let lanes = Lanes::new(link.options.batch, link.options.sessions);
        Self { link, lanes, seen: AtomicU64::new(0) }
    }

    /// Tells that a position is taken.
    pub(crate) fn saw(&self, position: Position) {
        self.seen.fetch_max(position.0, Ordering::Relaxed);
    }

    /// Appends, and finds out what became of it.
    pub(crate) async fn append(&self, write: &StreamWrite) -> Result<WriteOutcome, LogFault> {
        let deadline = Instant::now() + self.link.options.append_deadline;
        let outcome = tokio::time::timeout_at(deadline, self.until_known(write, deadline)).await;
        let outcome = outcome.unwrap_or_else(|_| {
            let waited = self.link.options.append_deadline;
            Err(LogFault::OutcomeUnknown(format!("{}: no answer within {waited:?}", write.stream)))
        });
        if let Ok(WriteOutcome::Written { position, .. }) = outcome {
            self.saw(position);
        }
        outcome
    }

    async fn until_known(&self, write: &StreamWrite, deadline: Instant) -> Result<WriteOutcome, LogFault> {
        let (Expected::NoStream | Expected::Revision(..MAX_REVISION)) = write.expected else {
            return Ok(WriteOutcome::Conflict { actual: self.last(write).await? });
        };
        let what = || format!("the append to {}", write.stream);
        // A third of the time for a try leaves room for another on a new connection.
        let within = self.link.options.append_deadline / 3;
        let (mut may_stand, mut connects, mut ended, mut pause) = (false, 0, 0, FIRST_PAUSE);
        let mut alone = !self.lanes.batch();
        loop {
            // Sampled before sending: a new event's position is greater.
            let seen = Position(self.seen.load(Ordering::Relaxed));
            let sent = match alone {
                true => send_alone(&self.link, write, within).await,
                false => self.lanes.send(&self.link, write, within).await,
            };
            let trouble = match sent {
                Ok(Landed { last_revision: Some(last), .. }) if last != last_of(write) => {
                    return Err(LogFault::Damaged(format!(
                        "{}: written at revision {last} in place of {}; was it deleted, and grew anew?",
                        what(),
                        last_of(write)
                    )));
                }
                Ok(Landed { position: Some(position), .. }) if position > seen && !may_stand => {
                    return Ok(WriteOutcome::Written { last_revision: last_of(write), position });
                }
                // A repeat, or an answer without a position: the log itself is asked.
                Ok(_) => {
                    may_stand = true;
                    Trouble::Answered("written".to_owned())
                }
                Err(trouble) => trouble,
            };
            match &trouble {
                Trouble::Unsupported if !alone => {
                    alone = true;
                    continue;
                }
                Trouble::Denied | Trouble::Deleted | Trouble::Odd(_) | Trouble::Missing | Trouble::Unsupported => {
                    return Err(match trouble.fault(&what()) {
                        LogFault::Refused(why) if may_stand => LogFault::OutcomeUnknown(why),
                        fault => fault,
                    });
                }
                Trouble::Resting(_) | Trouble::Unreachable(_) => {
                    connects += 1;
                    let late = Instant::now() + within >= deadline;
                    let given_up = late || connects >= CONNECTS || matches!(trouble, Trouble::Resting(_));
                    if given_up && !may_stand {
                        return Err(trouble.fault(&what()));
                    }
                }
                Trouble::NotLeader(_) => {}
                // Another's conflict ended the session, or it had ended long before. Most likely
                // this append has nothing to do with that.
                Trouble::SessionEnded if ended == 0 => {
                    (may_stand, ended) = (true, 1);
                    continue;
                }
                Trouble::Answered(_) | Trouble::Conflict(_) | Trouble::Lost(_) | Trouble::SessionEnded => {
                    may_stand |= matches!(trouble, Trouble::Lost(_) | Trouble::SessionEnded);
                    match self.concluded(write, &trouble, within).await {
                        Ok(Some(outcome)) => return Ok(outcome),
                        // Only an append of its own is answered with the reason.
                        Ok(None) => alone |= matches!(trouble, Trouble::Answered(_)),
                        Err(fault @ (LogFault::Damaged(_) | LogFault::Refused(_))) => return Err(fault),
                        Err(_) => may_stand = true,
                    }
                    ended += u32::from(trouble == Trouble::SessionEnded);
                    if trouble == Trouble::SessionEnded && ended <= SESSIONS {
                        continue;
                    }
                }
            }
            if self.link.closed().is_cancelled() || Instant::now() + pause >= deadline {
                let why = format!("{}: {trouble:?}", what());
                return Err(if may_stand { LogFault::OutcomeUnknown(why) } else { LogFault::Unavailable(why) });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// What can be said for sure after a try that did not simply succeed. `None`: nothing.
    async fn concluded(
        &self,
        write: &StreamWrite,
        trouble: &Trouble,
        within: Duration,
    ) -> Result<Option<WriteOutcome>, LogFault> {
        Ok(match (self.slot(write, within).await?, trouble) {
            (Slot::Ours(Some(position)), _) => Some(WriteOutcome::Written { last_revision: last_of(write), position }),
            (Slot::Ours(None), _) => return Err(read::positions_untold(&write.stream)),
            (Slot::Taken(actual), _) => Some(WriteOutcome::Conflict { actual: Some(actual) }),
            // The server's own word. It knows of what is still on its way, too.
            (Slot::Open, Trouble::Conflict(actual)) => Some(WriteOutcome::Conflict { actual: *actual }),
            (Slot::Open, _) => None,
        })
    }

    /// Looks at what stands where the events were meant to stand.
    async fn slot(&self, write: &StreamWrite, within: Duration) -> Result<Slot, LogFault> {
        let (first, count) = (write.expected.next_revision(), write.events.len());
        let last = read::page(&self.link, &write.stream, None, Direction::Backwards, 1, within).await?.raws;
        let Some(last) = last.first() else { return Ok(Slot::Open) };
        let actual = last.revision();
        if actual < first {
            return Ok(Slot::Open);
        }
        if actual == first && write.events.first().is_some_and(|event| event.id != last.id()) {
            return Ok(Slot::Taken(actual));
        }
        if actual == first && count == 1 {
            return Ok(Slot::Ours(last.position()));
        }
        let standing = read::page(&self.link, &write.stream, Some(first), Direction::Forwards, count, within).await?.raws;
        let Some(foremost) = standing.first().filter(|event| event.revision() == first) else {
            return Ok(Slot::Open);
        };
        if write.events.first().is_some_and(|event| event.id != foremost.id()) {
            return Ok(Slot::Taken(actual));
        }
        let all = standing.len() == count && standing.iter().zip(&write.events).all(|(stands, event)| stands.id() == event.id);
        let position = standing.last().and_then(read::Raw::position);
        Ok(if all { Slot::Ours(position) } else { Slot::Open })
    }

    /// The stream's last revision.
    async fn last(&self, write: &StreamWrite) -> Result<Option<Revision>, LogFault> {
        let within = self.link.options.read_deadline;
        let last = read::page(&self.link, &write.stream, None, Direction::Backwards, 1, within).await?.raws;
        Ok(last.first().map(read::Raw::revision))
    }
}

fn last_of(write: &StreamWrite) -> Revision {
    write.expected.next_revision().saturating_add(write.events.len() as u64).saturating_sub(1)
}

/// The outcome of an append of several streams from those of its writes.
///
/// # Errors
/// The gravest fault. Where one stream was written, another's "nothing was written" does not hold
/// for the append.
pub(crate) fn together(outcomes: Vec<Result<WriteOutcome, LogFault>>) -> Result<Vec<WriteOutcome>, LogFault> {
    let landed = outcomes.iter().any(|outcome| matches!(outcome, Ok(outcome) if outcome.is_written()));
    let gravity = |fault: &LogFault| match fault {
        LogFault::Unavailable(_) => 0,
        LogFault::OutcomeUnknown(_) => 1,
        LogFault::Refused(_) => 2,
        LogFault::Damaged(_) => 3,
    };
    match outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).max_by_key(|fault| gravity(fault)) {
        None => outcomes.into_iter().collect(),
        Some(LogFault::Unavailable(why)) if landed => {
            Err(LogFault::OutcomeUnknown(format!("another stream of the same append was written, but {why}")))
        }
        Some(fault) => Err(fault.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_of_several_streams_says_nothing_was_written_only_if_nothing_was() {
        let written = || Ok(WriteOutcome::Written { last_revision: 0, position: Position(7) });
        let conflict = || Ok(WriteOutcome::Conflict { actual: None });
        let unavailable = || Err(LogFault::Unavailable("gone".into()));
        let unknown = || Err(LogFault::OutcomeUnknown("lost".into()));
        assert!(together(vec![written(), conflict()]).is_ok());
        assert!(matches!(together(vec![conflict(), unavailable()]), Err(LogFault::Unavailable(_))));
        assert!(matches!(together(vec![written(), unavailable()]), Err(LogFault::OutcomeUnknown(_))));
        assert!(matches!(together(vec![unavailable(), unknown()]), Err(LogFault::OutcomeUnknown(_))));
        let damaged = Err(LogFault::Damaged("deleted".into()));
        assert!(matches!(together(vec![written(), unknown(), damaged]), Err(LogFault::Damaged(_))));
    }
}
