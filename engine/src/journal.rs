//! The event log in the rules' terms: load an aggregate, carry out a command on it, append.

use crate::error::{CommandError, Fault};
use chrono::TimeDelta;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::{Direction, Expected, LogFault, Position, RecordedEvent, StreamWrite, WriteOutcome};
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_domain::{Decider, Metadata, StreamName, Timestamp, codec};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// Pauses between tries to find out what became of an append, in milliseconds.
const RETRY_MS: [i64; 3] = [20, 200, 1000];
/// Times that a command is decided again because another append came first. Each time some append
/// succeeded, so the system as a whole moves on.
const TRIES: usize = 16;
/// Events asked for at a time. A booking has about ten.
const PAGE: usize = 256;

/// An aggregate as it stands in the log, and what the next append to it has to expect.
#[derive(Debug, Clone)]
pub(crate) struct Loaded<S> {
    /// Its state.
    pub state: S,
    /// What to expect of its stream.
    pub expected: Expected,
    /// The event that brought it there.
    pub last: Option<Uuid>,
}

/// Loads aggregates and appends decisions.
#[derive(Clone)]
pub(crate) struct Journal {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    trouble: Arc<Mutex<Option<(Timestamp, String)>>>,
    /// Highest position that this node knows to be written.
    written: Arc<AtomicU64>,
}

/// What carrying out a command led to.
pub(crate) struct Executed<S> {
    /// The aggregate afterwards.
    pub loaded: Loaded<S>,
    /// The events that were appended; none if the command's effect was already there.
    pub events: Vec<Event>,
    /// Position of the last of them.
    pub position: Option<Position>,
}

/// How long a failed append makes the node not ready. Then it is asked for work again, and finds out
/// whether the log is well.
const DISTRUST: TimeDelta = TimeDelta::seconds(5);

impl Journal {
    pub(crate) fn new(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>) -> Self {
        Self { log, clock, trouble: Arc::default(), written: Arc::default() }
    }

    /// Why the log could not be written a moment ago, if so.
    pub(crate) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock();
        trouble.as_ref().filter(|(since, _)| self.now() - since < DISTRUST).map(|(_, why)| why.clone())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits `ms` milliseconds by the engine's clock.
    pub(crate) async fn pause(&self, ms: i64) {
        self.clock.sleep_until(self.now() + chrono::TimeDelta::milliseconds(ms)).await;
    }

    /// Appends. Where the log could not say what became of it, the same append is repeated: it has
    /// the same ids at the same revisions, so it can't land twice.
    pub(crate) async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, Fault> {
        let outcome = self.append_until_known(writes).await;
        match &outcome {
            Ok(outcomes) => {
                *self.trouble.lock() = None;
                for outcome in outcomes {
                    if let WriteOutcome::Written { position, .. } = outcome {
                        self.saw_position(*position);
                    }
                }
            }
            Err(fault @ (Fault::Unavailable(_) | Fault::OutcomeUnknown(_))) => {
                *self.trouble.lock() = Some((self.now(), fault.to_string()));
            }
            // What is wrong with this append need not be wrong with the next.
            Err(_) => {}
        }
        outcome
    }

    async fn append_until_known(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, Fault> {
        let mut unknown = None;
        for pause in RETRY_MS.map(Some).into_iter().chain([None]) {
            match self.log.append(writes.clone()).await {
                Ok(outcomes) => return Ok(outcomes),
                // Refused at once, and nothing before it may have landed.
                Err(fault @ LogFault::Unavailable(_)) if unknown.is_none() => return Err(fault.into()),
                Err(fault @ (LogFault::Damaged(_) | LogFault::Refused(_))) => return Err(fault.into()),
                Err(fault @ LogFault::OutcomeUnknown(_)) => unknown = Some(fault),
                Err(LogFault::Unavailable(_)) => {}
            }
            if let Some(ms) = pause {
                self.pause(ms).await;
            }
        }
        Err(unknown.map_or_else(|| Fault::Unavailable("the event log does not answer".into()), Fault::from))
    }

    /// Carries out a command: loads the aggregate, decides, appends at the revision that was read. If
    /// another append came first, starts again.
    ///
    /// # Errors
    /// The rejection of the rules; faults.
    pub(crate) async fn execute<D: Decider>(
        &self,
        id: &D::Id,
        command: &D::Command,
        metadata: &Metadata,
    ) -> Result<Executed<D::State>, CommandError> {
        for _ in 0..TRIES {
            let loaded = self.load::<D>(id).await?;
            if let Some(executed) = self.execute_on::<D>(id, loaded, command, metadata).await? {
                return Ok(executed);
            }
        }
        Err(contended(&D::stream(id)).into())
    }

    /// The same on an aggregate as it was loaded. `None`: another append came first.
    ///
    /// # Errors
    /// The rejection of the rules; faults.
    pub(crate) async fn execute_on<D: Decider>(
        &self,
        id: &D::Id,
        loaded: Loaded<D::State>,
        command: &D::Command,
        metadata: &Metadata,
    ) -> Result<Option<Executed<D::State>>, CommandError> {
        let events = D::decide(id, &loaded.state, command.clone())?;
        if events.is_empty() {
            return Ok(Some(Executed { loaded, events, position: None }));
        }
        let metadata = Metadata { causation: metadata.causation.or(loaded.last), ..metadata.clone() };
        let write = codec::encode(D::stream(id), loaded.expected, &events, &metadata).map_err(Fault::from)?;
        let last = write.events.last().map(|event| event.id);
        let Some(WriteOutcome::Written { last_revision, position }) = self.append(vec![write]).await?.first().copied() else {
            return Ok(None);
        };
        let state = events.iter().fold(loaded.state, |state, event| D::evolve(state, event, metadata.at));
        let loaded = Loaded { state, expected: Expected::Revision(last_revision), last };
        Ok(Some(Executed { loaded, events, position: Some(position) }))
    }

    /// An aggregate as the log has it.
    ///
    /// # Errors
    /// [`Fault`] if the log can't be read, or holds what makes no sense.
    pub(crate) async fn load<D: Decider>(&self, id: &D::Id) -> Result<Loaded<D::State>, Fault> {
        let stream = D::stream(id);
        let mut loaded = Loaded { state: D::initial(), expected: Expected::NoStream, last: None };
        if D::LAST_EVENT_SUFFICES {
            let last = self.log.read_stream(&stream, None, Direction::Backwards, 1).await?;
            let Some(last) = last.first() else { return Ok(loaded) };
            if codec::decode(last)?.is_some() {
                loaded.advance::<D>(last)?;
                return Ok(loaded);
            }
            // Another program wrote it: the state is in the events before it.
        }
        loop {
            let from = loaded.expected.next_revision();
            let page: Vec<Arc<RecordedEvent>> = self.log.read_stream(&stream, Some(from), Direction::Forwards, PAGE).await?;
            for recorded in &page {
                loaded.advance::<D>(recorded)?;
            }
            if page.len() < PAGE {
                return Ok(loaded);
            }
        }
    }

    /// Highest position that this node knows to be written.
    pub(crate) fn written(&self) -> Position {
        Position(self.written.load(Ordering::Acquire))
    }

    pub(crate) fn saw_position(&self, position: Position) {
        self.written.fetch_max(position.0, Ordering::AcqRel);
    }
}

impl<S> Loaded<S> {
    fn advance<D: Decider<State = S>>(&mut self, recorded: &RecordedEvent) -> Result<(), Fault> {
        if let Some(envelope) = codec::decode(recorded)? {
            let state = std::mem::replace(&mut self.state, D::initial());
            self.state = D::evolve(state, &envelope.event, envelope.metadata.at);
        }
        self.expected = Expected::Revision(recorded.revision);
        self.last = Some(recorded.id);
        Ok(())
    }
}

/// Too many others append to the same stream at once.
pub(crate) fn contended(stream: &StreamName) -> Fault {
    Fault::Unavailable(format!("too many changes to {stream} at once; try again"))
}
