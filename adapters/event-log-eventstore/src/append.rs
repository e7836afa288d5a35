//! An append to one stream, from sending it to knowing its outcome.
//!
//! If the server's answer leaves the outcome open, the events at the expected revision decide:
//!
//! - Exactly these events: they are written, whichever attempt did it.
//! - Another event: these can never be written there. A conflict.
//! - Nothing: send again under the same ids, which can't be written twice. Here only the server's own
//!   statement counts as a conflict, because an append still under way is not visible yet.
//!
//! The same read corrects a server's "written" for a repeat: its position may differ from the first
//! answer's.

use crate::append_permits::AppendPermits;
use crate::append_sessions::{Acknowledged, AppendSessions, SentAt, send_single};
use crate::call_error::CallError;
use crate::connection::Connection;
use crate::options::Options;
use crate::read::{self, MAX_REVISION};
use lastseat_domain::ports::event_log::{Direction, Expected, LogFault, Position, Revision, StreamWrite, WriteOutcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// Failed connects after which an append that was never sent is given up.
const CONNECTS: u32 = 3;
/// Ended sessions after which an append pauses before its next attempt.
const SESSIONS: u32 = 4;

pub(crate) struct Appender {
    connection: Arc<Connection>,
    sessions: AppendSessions,
    permits: AppendPermits,
    /// Greatest position known to be in use. Whatever is written from now on gets a greater one.
    seen: AtomicU64,
}

/// What was found at the revisions that a write was meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// These events. The position of the last one, if the server sends positions.
    Ours(Option<Position>),
    /// Another event. The stream's last revision.
    Taken(Revision),
    /// Nothing, or only some of them: nothing can be concluded.
    Undecided,
}

impl Appender {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        let sessions = AppendSessions::new(connection.options.batch, connection.options.sessions);
        Self { connection, sessions, permits: AppendPermits::new(), seen: AtomicU64::new(0) }
    }

    pub(crate) fn permits(&self) -> &AppendPermits {
        &self.permits
    }

    /// Notes that a position is in use.
    pub(crate) fn saw(&self, position: Position) {
        self.seen.fetch_max(position.0, Ordering::Relaxed);
    }

    /// Appends when a permit comes, and finds out the outcome.
    pub(crate) async fn append(&self, write: &StreamWrite) -> Result<WriteOutcome, LogFault> {
        let (within, patience) = (self.connection.options.append_deadline, self.connection.options.permit_deadline());
        let permit = tokio::time::timeout(patience, self.permits.take());
        let _permit = match self.connection.closed().run_until_cancelled(permit).await {
            Some(Ok(permit)) => permit,
            Some(Err(_)) => {
                let why = format!("{}: not sent, because {patience:?} were not enough for the appends before it", write.stream);
                return Err(LogFault::Busy(why));
            }
            None => return Err(LogFault::Unavailable(format!("{}: the log is closed", write.stream))),
        };
        let deadline = Instant::now() + within;
        let outcome = tokio::time::timeout_at(deadline, self.until_known(write, deadline)).await;
        let outcome =
            outcome.unwrap_or_else(|_| Err(LogFault::OutcomeUnknown(format!("{}: no answer within {within:?}", write.stream))));
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
        let within = Options::one_try(self.connection.options.append_deadline);
        let (mut may_be_written, mut connects, mut ended, mut pause) = (false, 0, 0, FIRST_PAUSE);
        let mut single = !self.sessions.available();
        loop {
            // Sampled before sending: a new event's position is greater.
            let seen = Position(self.seen.load(Ordering::Relaxed));
            let error = match self.send(write, single, within).await {
                Ok(Acknowledged { last_revision: Some(last), .. }) if last != last_of(write) => {
                    return Err(LogFault::Damaged(format!(
                        "{}: written at revision {last} instead of {}; was the stream deleted and recreated?",
                        what(),
                        last_of(write)
                    )));
                }
                Ok(Acknowledged { position: Some(position), .. }) if position > seen && !may_be_written => {
                    return Ok(WriteOutcome::Written { last_revision: last_of(write), position });
                }
                // A repeat, or an answer without a position: read the log.
                Ok(_) => {
                    may_be_written = true;
                    CallError::TextAnswer("written".to_owned())
                }
                Err(error) => error,
            };
            match &error {
                CallError::Unsupported if !single => {
                    single = true;
                    continue;
                }
                CallError::Denied
                | CallError::Deleted
                | CallError::Other(_)
                | CallError::Missing
                | CallError::Unsupported
                | CallError::TooSlow => {
                    return Err(match error.fault(&what()) {
                        LogFault::Refused(why) if may_be_written => LogFault::OutcomeUnknown(why),
                        fault => fault,
                    });
                }
                CallError::Suspended(_) | CallError::Unreachable(_) => {
                    connects += 1;
                    let late = Instant::now() + within >= deadline;
                    let given_up = late || connects >= CONNECTS || matches!(error, CallError::Suspended(_));
                    if given_up && !may_be_written {
                        return Err(error.fault(&what()));
                    }
                }
                // The client follows the leader after a single append, and not after one of a session.
                CallError::NotLeader(_) => single = true,
                // Most likely another append's conflict ended the session.
                CallError::SessionEnded if ended == 0 => {
                    (may_be_written, ended) = (true, 1);
                    continue;
                }
                CallError::TextAnswer(_)
                | CallError::Conflict(_)
                | CallError::Lost(_)
                | CallError::GaveUp(_)
                | CallError::SessionEnded => {
                    may_be_written |= matches!(error, CallError::Lost(_) | CallError::GaveUp(_) | CallError::SessionEnded);
                    match self.concluded(write, &error, within).await {
                        Ok(Some(outcome)) => return Ok(outcome),
                        // Only a single append is answered with a typed error.
                        Ok(None) => single |= matches!(error, CallError::TextAnswer(_)),
                        Err(fault @ (LogFault::Damaged(_) | LogFault::Refused(_))) => return Err(fault),
                        Err(_) => may_be_written = true,
                    }
                    ended += u32::from(error == CallError::SessionEnded);
                    if error == CallError::SessionEnded && ended <= SESSIONS {
                        continue;
                    }
                }
            }
            if self.connection.closed().is_cancelled() || Instant::now() + pause >= deadline {
                let why = format!("{}: {error:?}", what());
                return Err(if may_be_written { LogFault::OutcomeUnknown(why) } else { LogFault::Unavailable(why) });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One attempt. The time from sending it to its answer counts for the number of appends in flight; the time in which a
    /// connection is made says nothing of what the store can take.
    async fn send(&self, write: &StreamWrite, single: bool, within: Duration) -> Result<Acknowledged, CallError> {
        let sent_at = SentAt::default();
        let sent = match single {
            true => send_single(&self.connection, write, within, &sent_at).await,
            false => self.sessions.send(&self.connection, write, within, &sent_at).await,
        };
        match (&sent, sent_at.get()) {
            (Ok(_) | Err(CallError::Conflict(_) | CallError::TextAnswer(_)), Some(at)) => self.permits.answered(at),
            (Err(CallError::Lost(_) | CallError::GaveUp(_)), Some(at)) => self.permits.unanswered(at),
            _ => {}
        }
        sent
    }

    /// The outcome after an attempt that did not simply succeed; `None` if it is still unknown.
    async fn concluded(
        &self,
        write: &StreamWrite,
        error: &CallError,
        within: Duration,
    ) -> Result<Option<WriteOutcome>, LogFault> {
        Ok(match (self.slot(write, within).await?, error) {
            (Slot::Ours(Some(position)), _) => Some(WriteOutcome::Written { last_revision: last_of(write), position }),
            (Slot::Ours(None), _) => return Err(read::no_positions(&write.stream)),
            (Slot::Taken(actual), _) => Some(WriteOutcome::Conflict { actual: Some(actual) }),
            // The server's own statement. It also knows of appends that are still under way.
            (Slot::Undecided, CallError::Conflict(actual)) => Some(WriteOutcome::Conflict { actual: *actual }),
            (Slot::Undecided, _) => None,
        })
    }

    /// Reads what is at the revisions that the events were meant for.
    async fn slot(&self, write: &StreamWrite, within: Duration) -> Result<Slot, LogFault> {
        let (first, count) = (write.expected.next_revision(), write.events.len());
        let last = read::page(&self.connection, &write.stream, None, Direction::Backwards, 1, within).await?.events;
        let Some(last) = last.first() else { return Ok(Slot::Undecided) };
        let actual = last.revision();
        if actual < first {
            return Ok(Slot::Undecided);
        }
        if actual == first && write.events.first().is_some_and(|event| event.id != last.id()) {
            return Ok(Slot::Taken(actual));
        }
        if actual == first && count == 1 {
            return Ok(Slot::Ours(last.position()));
        }
        let found = read::page(&self.connection, &write.stream, Some(first), Direction::Forwards, count, within).await?.events;
        let Some(first_found) = found.first().filter(|event| event.revision() == first) else {
            return Ok(Slot::Undecided);
        };
        if write.events.first().is_some_and(|event| event.id != first_found.id()) {
            return Ok(Slot::Taken(actual));
        }
        let all = found.len() == count && found.iter().zip(&write.events).all(|(found, event)| found.id() == event.id);
        let position = found.last().and_then(read::RawEvent::position);
        Ok(if all { Slot::Ours(position) } else { Slot::Undecided })
    }

    /// The stream's last revision.
    async fn last(&self, write: &StreamWrite) -> Result<Option<Revision>, LogFault> {
        let within = self.connection.options.read_deadline;
        let last = read::page(&self.connection, &write.stream, None, Direction::Backwards, 1, within).await?.events;
        Ok(last.first().map(read::RawEvent::revision))
    }
}

fn last_of(write: &StreamWrite) -> Revision {
    write.expected.next_revision().saturating_add(write.events.len() as u64).saturating_sub(1)
}

/// Combines the outcomes of the writes of one append.
///
/// # Errors
/// The gravest fault. If one stream was written, another's "nothing was written" is not true of the
/// whole append.
pub(crate) fn combine(outcomes: Vec<Result<WriteOutcome, LogFault>>) -> Result<Vec<WriteOutcome>, LogFault> {
    let any_written = outcomes.iter().any(|outcome| matches!(outcome, Ok(outcome) if outcome.is_written()));
    let gravity = |fault: &LogFault| match fault {
        LogFault::Busy(_) => 0,
        LogFault::Unavailable(_) => 1,
        LogFault::OutcomeUnknown(_) => 2,
        LogFault::Refused(_) => 3,
        LogFault::Damaged(_) => 4,
    };
    match outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).max_by_key(|fault| gravity(fault)) {
        None => outcomes.into_iter().collect(),
        Some(LogFault::Unavailable(why) | LogFault::Busy(why)) if any_written => {
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
        assert!(combine(vec![written(), conflict()]).is_ok());
        assert!(matches!(combine(vec![conflict(), unavailable()]), Err(LogFault::Unavailable(_))));
        let busy = || Err(LogFault::Busy("too much".into()));
        assert!(matches!(combine(vec![conflict(), busy()]), Err(LogFault::Busy(_))));
        assert!(matches!(combine(vec![busy(), unavailable()]), Err(LogFault::Unavailable(_))));
        assert!(matches!(combine(vec![written(), busy()]), Err(LogFault::OutcomeUnknown(_))));
        assert!(matches!(combine(vec![written(), unavailable()]), Err(LogFault::OutcomeUnknown(_))));
        assert!(matches!(combine(vec![unavailable(), unknown()]), Err(LogFault::OutcomeUnknown(_))));
        let damaged = Err(LogFault::Damaged("deleted".into()));
        assert!(matches!(combine(vec![written(), unknown(), damaged]), Err(LogFault::Damaged(_))));
    }
}
