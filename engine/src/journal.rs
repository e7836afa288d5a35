//! Loads aggregates from the event log and appends what their rules decide.
//!
//! [`Journal::execute`] is the one loop of the write side: load, decide, append at the exact revision,
//! and begin again if another writer was faster.

use crate::error::{CommandError, Fault};
use crate::loaded::Loaded;
use crate::origin::Context;
use crate::own_appends::{BookingEvents, OwnAppends};
use chrono::TimeDelta;
use lastseat_domain::decider::Decider;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::{Direction, Expected, LogFault, Position, RecordedEvent, StreamWrite, WriteOutcome};
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_domain::{Metadata, Timestamp, codec};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pauses between tries to find out what became of an append, in milliseconds.
const RETRY_MS: [i64; 3] = [20, 200, 1000];
/// Events read at a time. A booking has about ten.
const PAGE: usize = 256;
/// Times that a command is decided again because another writer was faster. Each time one append has
/// succeeded, so somebody always makes progress.
const TRIES: usize = 16;
/// How long a failed append makes the node not ready. After that it gets work again, and finds out
/// whether the log is well.
const DISTRUST: TimeDelta = TimeDelta::seconds(5);

/// The log's answer to one try of an append.
pub(crate) type LogAnswer = Result<Vec<WriteOutcome>, LogFault>;

/// What a command has led to.
#[derive(Debug)]
pub(crate) struct Executed {
    /// None if the command's effect had been achieved before, by itself or by another.
    pub events: Vec<Event>,
    /// Position of the last event.
    pub position: Option<Position>,
}

/// Loads aggregates and appends decisions. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Journal {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    trouble: Arc<Mutex<Option<(Timestamp, String)>>>,
    written: Arc<AtomicU64>,
    /// Highest position that this node has appended, or read to decide a command.
    reported: Arc<AtomicU64>,
    own: Arc<OwnAppends>,
}

impl Journal {
    pub(crate) fn new(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>) -> Self {
        Self { log, clock, trouble: Arc::default(), written: Arc::default(), reported: Arc::default(), own: Arc::default() }
    }

    /// The events of bookings that this node has appended and not read yet.
    pub(crate) fn own(&self) -> &OwnAppends {
        &self.own
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
        self.clock.sleep_until(self.now() + TimeDelta::milliseconds(ms)).await;
    }

    /// Highest position that this node has seen written.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Highest position that an answer of this node may rest on: of what it has appended, and of what it
    /// has read to decide a command, which another node may have written.
    pub(crate) fn reported(&self) -> u64 {
        self.reported.load(Ordering::Acquire)
    }

    pub(crate) fn saw_position(&self, position: Position) {
        self.written.fetch_max(position.0, Ordering::AcqRel);
    }

    /// Executes a command: decides it on the aggregate, appends the events at the exact revision, and
    /// decides it again wherever another writer was faster. A caller's command is executed once: if its
    /// events are in the log already, there is nothing to decide.
    ///
    /// `known` is the aggregate if it has been loaded before; afterwards, what is known of it then.
    ///
    /// # Errors
    /// The rejection; a fault.
    pub(crate) async fn execute<D: Decider>(
        &self,
        id: &D::Id,
        command: D::Command,
        context: &Context,
        known: &mut Option<Loaded<D::State>>,
    ) -> Result<Executed, CommandError> {
        for _ in 0..TRIES {
            if let Some(executed) = self.try_execute::<D>(id, command.clone(), context, known).await? {
                return Ok(executed);
            }
        }
        Err(Fault::Unavailable(format!("{} is too contended; try again", D::stream(id).as_str())).into())
    }

    /// One try of [`Self::execute`]. `None` if another writer was faster, or may have been: for commands that depend on
    /// more than the aggregate, which has to be looked at again first.
    pub(crate) async fn try_execute<D: Decider>(
        &self,
        id: &D::Id,
        command: D::Command,
        context: &Context,
        known: &mut Option<Loaded<D::State>>,
    ) -> Result<Option<Executed>, CommandError> {
        let alone = |_: &[Event], _: &Metadata| Ok(vec![]);
        Ok(self.try_execute_with::<D>(id, command, context, known, alone).await?.map(|(executed, _)| executed))
    }

    /// Likewise, and appends to other streams in the same transaction: all of it or nothing, so only for
    /// logs that are atomic across streams. `others` gets the events that were decided, and the metadata
    /// of what they cause; its writes' outcomes are returned with what was executed.
    ///
    /// `None` also if one of the other streams has changed.
    pub(crate) async fn try_execute_with<D: Decider>(
        &self,
        id: &D::Id,
        command: D::Command,
        context: &Context,
        known: &mut Option<Loaded<D::State>>,
        others: impl FnOnce(&[Event], &Metadata) -> Result<Vec<StreamWrite>, Fault> + Send,
    ) -> Result<Option<(Executed, Vec<WriteOutcome>)>, CommandError> {
        let nothing = |events| Some((Executed { events, position: None }, vec![]));
        let loaded = match known.take() {
            Some(loaded) if loaded.outdated => self.catch_up::<D>(id, loaded).await?,
            Some(loaded) => loaded,
            None => self.load::<D>(id).await?,
        };
        if loaded.has_effect_of(context) {
            *known = Some(loaded);
            return Ok(nothing(vec![]));
        }
        // One reading of the clock for the rule and for the events: what is in time by the one is in time by the other.
        let now = loaded.not_before(self.now());
        let command = D::not_before(command, now);
        let events = match D::decide(id, &loaded.state, command) {
            Ok(events) if !events.is_empty() => events,
            // No append will find out whether the log has more: the next try reads it.
            _ if loaded.unconfirmed => {
                *known = Some(loaded.outdated());
                return Ok(None);
            }
            decided => {
                *known = Some(loaded);
                return Ok(decided.map(nothing)?);
            }
        };
        let stream = D::stream(id);
        let metadata = loaded.metadata(&stream, context, now);
        let write = codec::encode(stream, loaded.expected, &events, &metadata).map_err(Fault::from)?;
        let last = write.events.last().map(|e| e.id);
        let others = others(&events, &Metadata { causation: last, ..metadata.clone() })?;
        let mut outcomes = self.append(std::iter::once(write).chain(others).collect()).await?.into_iter();
        if let Some(WriteOutcome::Written { last_revision, position }) = outcomes.next() {
            *known = Some(loaded.followed_by::<D>(&events, Expected::Revision(last_revision), last, context, metadata));
            return Ok(Some((Executed { events, position: Some(position) }, outcomes.collect())));
        }
        // The next try reads what the other writer has written.
        *known = Some(loaded.outdated());
        Ok(None)
    }

    /// An aggregate as the log has it now.
    pub(crate) async fn load<D: Decider>(&self, id: &D::Id) -> Result<Loaded<D::State>, Fault> {
        let stream = D::stream(id);
        if D::LAST_EVENT_SUFFICES {
            let page = self.log.read_stream(&stream, None, Direction::Backwards, 1).await?;
            let Some(last) = page.first() else { return Ok(Loaded::without_events(D::initial())) };
            if codec::decode(last)?.is_some() {
                return self.fold::<D>(Loaded::without_events(D::initial()), &page);
            }
            // Another program wrote it: the state is in the events before it.
        }
        self.load_whole::<D>(id).await
    }

    /// The same from all of its events, with every command that led to one: also where the last event has all of the state.
    pub(crate) async fn load_whole<D: Decider>(&self, id: &D::Id) -> Result<Loaded<D::State>, Fault> {
        self.load_rest::<D>(id, Loaded::without_events(D::initial())).await
    }

    async fn load_rest<D: Decider>(&self, id: &D::Id, mut loaded: Loaded<D::State>) -> Result<Loaded<D::State>, Fault> {
        let stream = D::stream(id);
        loop {
            let from = loaded.expected.next_revision();
            let page = self.log.read_stream(&stream, Some(from), Direction::Forwards, PAGE).await?;
            loaded = self.fold::<D>(loaded, &page)?;
            if page.len() < PAGE {
                return Ok(loaded);
            }
        }
    }

    /// What a caller's command has led to in an aggregate's stream.
    pub(crate) async fn effects<D: Decider>(&self, id: &D::Id, context: &Context) -> Result<Vec<Event>, Fault> {
        let (stream, mut from, mut effects) = (D::stream(id), 0, Vec::new());
        loop {
            let page = self.log.read_stream(&stream, Some(from), Direction::Forwards, PAGE).await?;
            self.saw(&page);
            for recorded in &page {
                let envelope = codec::decode(recorded)?.filter(|envelope| context.is_cause_of(&envelope.metadata));
                effects.extend(envelope.map(|envelope| envelope.event.clone()));
            }
            if page.len() < PAGE {
                return Ok(effects);
            }
            from += PAGE as u64;
        }
    }

    /// An aggregate as it was at that moment, and whether its stream has events after that.
    pub(crate) async fn load_until<D: Decider>(&self, id: &D::Id, until: Timestamp) -> Result<(D::State, bool), Fault> {
        let (stream, mut loaded) = (D::stream(id), Loaded::without_events(D::initial()));
        loop {
            let from = loaded.expected.next_revision();
            let page = self.log.read_stream(&stream, Some(from), Direction::Forwards, PAGE).await?;
            let mut known = page.len();
            for (index, recorded) in page.iter().enumerate() {
                // Time never goes back within a stream.
                if codec::decode(recorded)?.is_some_and(|envelope| envelope.metadata.at > until) {
                    known = index;
                    break;
                }
            }
            loaded = self.fold::<D>(loaded, page.get(..known).unwrap_or_default())?;
            if known < PAGE {
                return Ok((loaded.state, known < page.len()));
            }
        }
    }

    /// An aggregate that was loaded before, as the log has it now. Reads only what is new, and the last
    /// event known.
    pub(crate) async fn catch_up<D: Decider>(&self, id: &D::Id, loaded: Loaded<D::State>) -> Result<Loaded<D::State>, Fault> {
        if let Expected::Revision(last) = loaded.expected {
            let page = self.log.read_stream(&D::stream(id), Some(last), Direction::Forwards, PAGE).await?;
            self.saw(&page);
            match loaded.caught_up::<D>(&page)? {
                Some(caught_up) if page.len() < PAGE => return Ok(caught_up),
                Some(caught_up) if !D::LAST_EVENT_SUFFICES => return self.load_rest::<D>(id, caught_up).await,
                _ => {}
            }
        }
        self.load::<D>(id).await
    }

    fn saw(&self, events: &[Arc<RecordedEvent>]) {
        if let Some(last) = events.last() {
            self.reported.fetch_max(last.position.0, Ordering::AcqRel);
        }
    }

    fn fold<D: Decider>(&self, loaded: Loaded<D::State>, events: &[Arc<RecordedEvent>]) -> Result<Loaded<D::State>, Fault> {
        self.saw(events);
        loaded.fold::<D>(events)
    }

    /// Appends to several streams: at once where the log can do that, else each for itself. Where the
    /// log can't say what became of it, the same append is repeated: it has the same ids at the same
    /// revisions, so it can't be written twice.
    ///
    /// # Errors
    /// [`Fault::OutcomeUnknown`] if it may have been written.
    pub(crate) async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, Fault> {
        self.own.announce(&BookingEvents::of(&writes));
        let answer = self.log.append(writes.clone()).await;
        self.append_after(answer, writes).await
    }

    /// Tries appends that have nothing to do with each other, in one call of the log. Each answer has to be given to
    /// [`Self::append_after`].
    pub(crate) async fn try_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<LogAnswer> {
        appends.iter().for_each(|writes| self.own.announce(&BookingEvents::of(writes)));
        self.log.append_each(appends).await
    }

    /// Completes an append that the log was asked for once, and answered so.
    ///
    /// # Errors
    /// As those of [`Self::append`].
    pub(crate) async fn append_after(&self, answer: LogAnswer, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, Fault> {
        let announced = BookingEvents::of(&writes);
        let outcome = self.repeat_until_known(answer, writes).await;
        self.own.forget_unwritten(&announced, &outcome);
        match &outcome {
            Ok(outcomes) => {
                for outcome in outcomes {
                    if let WriteOutcome::Written { position, .. } = outcome {
                        self.reported.fetch_max(position.0, Ordering::AcqRel);
                        self.saw_position(*position);
                    }
                }
                *self.trouble.lock() = None;
            }
            Err(fault @ (Fault::Unavailable(_) | Fault::OutcomeUnknown(_))) => {
                *self.trouble.lock() = Some((self.now(), fault.to_string()));
            }
            // What is wrong with this append need not be wrong with the next; and a busy log is well.
            Err(_) => {}
        }
        outcome
    }

    async fn repeat_until_known(&self, mut answer: LogAnswer, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, Fault> {
        let mut unknown = None;
        for pause in RETRY_MS.map(Some).into_iter().chain([None]) {
            match answer {
                Ok(outcomes) => return Ok(outcomes),
                // Refused at once, and no try before it can have been written.
                Err(fault @ (LogFault::Unavailable(_) | LogFault::Busy(_))) if unknown.is_none() => return Err(fault.into()),
                Err(fault @ (LogFault::Damaged(_) | LogFault::Refused(_))) => return Err(fault.into()),
                Err(fault @ LogFault::OutcomeUnknown(_)) => unknown = Some(fault),
                Err(LogFault::Unavailable(_) | LogFault::Busy(_)) => {}
            }
            let Some(ms) = pause else { break };
            self.pause(ms).await;
            answer = self.log.append(writes.clone()).await;
        }
        Err(unknown.map_or_else(|| Fault::Unavailable("the event log does not answer".into()), Fault::from))
    }
}
