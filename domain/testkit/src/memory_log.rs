//! An event log in memory for tests: deterministic, without threads, and able to fail on purpose.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lastseat_domain::ports::Clock;
use lastseat_domain::ports::event_log::request;
use lastseat_domain::ports::event_log::revision_check::{self, Check, Streams};
use lastseat_domain::ports::event_log::{
    Decoded, Delivery, Direction, EventLog, Filter, LogFault, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use lastseat_domain::{StreamName, Timestamp};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::watch;
use uuid::Uuid;

/// Most events that a subscription takes at once.
const PAGE: usize = 256;

/// What goes wrong with one append of a [`MemoryLog`]. An invalid request is refused without using up a
/// fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendFault {
    /// Nothing; for failing a later append.
    None,
    /// Nothing is written; answered [`LogFault::Unavailable`].
    Unavailable,
    /// Written as usual, but the answer is lost: [`LogFault::OutcomeUnknown`].
    AnswerLost,
    /// Nothing is written, and the caller can't tell: [`LogFault::OutcomeUnknown`].
    RequestLost,
    /// Only the first n writes are made; answered [`LogFault::OutcomeUnknown`]. An atomic log writes all
    /// or nothing, and so writes nothing.
    OnlyFirst(usize),
}

/// An [`EventLog`] in memory. Clones share the log.
#[derive(Clone)]
pub struct MemoryLog {
    atomic: bool,
    /// Distance of neighbouring positions; more than 1 leaves gaps, as EventStoreDB does.
    step: u64,
    clock: Arc<dyn Clock>,
    inner: Arc<Mutex<Inner>>,
    /// Position of the last event. Subscriptions end when `closed` drops the sender.
    head: Arc<Mutex<Option<watch::Sender<Position>>>>,
}

#[derive(Default)]
struct Inner {
    events: Vec<Arc<RecordedEvent>>,
    streams: HashMap<StreamName, Vec<Arc<RecordedEvent>>>,
    faults: VecDeque<AppendFault>,
    down: bool,
}

impl MemoryLog {
    /// An empty log. With `atomic_across_streams` an append of several streams is all or nothing,
    /// as in the embedded log; without, each stream's write succeeds or fails on its own, as in
    /// EventStoreDB. `clock` dates the events.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, atomic_across_streams: bool) -> Self {
        let head = watch::Sender::new(Position::START);
        Self { atomic: atomic_across_streams, step: 1, clock, inner: Arc::default(), head: Arc::new(Mutex::new(Some(head))) }
    }

    /// Leaves gaps: only every `step`th position is used. To be called on an empty log.
    #[must_use]
    pub fn with_position_step(self, step: u64) -> Self {
        Self { step: step.max(1), ..self }
    }

    /// Fails the next appends, one fault each, after the faults that are already waiting.
    pub fn fail_next_appends(&self, faults: Vec<AppendFault>) {
        self.inner.lock().faults.extend(faults);
    }

    /// While down, every call is answered [`LogFault::Unavailable`]; running subscriptions wait.
    pub fn set_down(&self, down: bool) {
        self.inner.lock().down = down;
        if let Some(head) = &*self.head.lock() {
            head.send_modify(|_| ());
        }
    }

    /// Ends all subscriptions and answers every later call [`LogFault::Unavailable`].
    pub fn close(&self) {
        self.inner.lock().down = true;
        self.head.lock().take();
    }

    fn up(&self) -> Result<parking_lot::MutexGuard<'_, Inner>, LogFault> {
        let inner = self.inner.lock();
        if inner.down { Err(LogFault::Unavailable("the memory log is down".to_owned())) } else { Ok(inner) }
    }

    fn append_now(&self, mut writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        let mut inner = self.up()?;
        let fault = inner.faults.pop_front().unwrap_or(AppendFault::None);
        match fault {
            AppendFault::None | AppendFault::AnswerLost => {}
            AppendFault::Unavailable => return Err(LogFault::Unavailable("set to fail by the test".to_owned())),
            AppendFault::OnlyFirst(n) if !self.atomic => writes.truncate(n),
            AppendFault::RequestLost | AppendFault::OnlyFirst(_) => writes.clear(),
        }
        let outcomes = inner.write(writes, self.atomic, self.step, self.clock.now());
        let head = inner.head();
        drop(inner);
        if let Some(sender) = &*self.head.lock() {
            sender.send_if_modified(|known| std::mem::replace(known, head.max(*known)) != head);
        }
        match fault {
            AppendFault::None => Ok(outcomes),
            _ => Err(LogFault::OutcomeUnknown("set to lose the answer by the test".to_owned())),
        }
    }
}

impl Inner {
    fn head(&self) -> Position {
        self.events.last().map_or(Position::START, |event| event.position)
    }

    fn write(&mut self, writes: Vec<StreamWrite>, atomic: bool, step: u64, now: Timestamp) -> Vec<WriteOutcome> {
        let Ok(checks) = revision_check::check(self, &writes, atomic);
        let checked = writes.into_iter().zip(checks);
        checked
            .map(|(write, check)| match check {
                Check::Answer(outcome) => outcome,
                Check::Fits { first } => self.write_one(write, first, step, now),
            })
            .collect()
    }

    fn write_one(&mut self, write: StreamWrite, first: Revision, step: u64, now: Timestamp) -> WriteOutcome {
        let mut last_revision = first;
        for (revision, event) in (first..).zip(write.events) {
            last_revision = revision;
            let event = Arc::new(RecordedEvent {
                position: Position(self.head().0 + step),
                stream: write.stream.clone(),
                revision,
                id: event.id,
                event_type: event.event_type,
                data: event.data,
                metadata: event.metadata,
                recorded_at: now,
                decoded: Decoded::default(),
            });
            self.streams.entry(write.stream.clone()).or_default().push(Arc::clone(&event));
            self.events.push(event);
        }
        WriteOutcome::Written { last_revision, position: self.head() }
    }

    /// The events after a position, oldest first.
    fn after(&self, position: Position) -> &[Arc<RecordedEvent>] {
        let start = self.events.partition_point(|event| event.position <= position);
        self.events.get(start..).unwrap_or_default()
    }

    /// The events before a position, oldest first.
    fn before(&self, position: Position) -> &[Arc<RecordedEvent>] {
        let end = self.events.partition_point(|event| event.position < position);
        self.events.get(..end).unwrap_or_default()
    }
}

impl Streams for Inner {
    type Error = Infallible;

    fn last(&mut self, stream: &StreamName) -> Result<Option<Revision>, Infallible> {
        Ok(self.streams.get(stream).and_then(|events| events.last()).map(|event| event.revision))
    }

    fn event_at(&mut self, stream: &StreamName, revision: Revision) -> Result<Option<(Uuid, Position)>, Infallible> {
        let events = self.streams.get(stream);
        let event = usize::try_from(revision).ok().and_then(|index| events?.get(index));
        Ok(event.map(|event| (event.id, event.position)))
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    fn atomic_across_streams(&self) -> bool {
        self.atomic
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        request::check(&writes)?;
        self.append_now(writes)
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let inner = self.up()?;
        let events = inner.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        Ok(match direction {
            Direction::Forwards => {
                let from = from.unwrap_or(0);
                events.iter().filter(|event| event.revision >= from).take(limit).cloned().collect()
            }
            Direction::Backwards => {
                let from = from.unwrap_or(Revision::MAX);
                events.iter().rev().filter(|event| event.revision <= from).take(limit).cloned().collect()
            }
        })
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let inner = self.up()?;
        let passes = |event: &&Arc<RecordedEvent>| filter.matches(event.stream.as_str(), &event.event_type);
        Ok(match direction {
            Direction::Forwards => {
                inner.after(from.unwrap_or(Position::START)).iter().filter(passes).take(limit).cloned().collect()
            }
            Direction::Backwards => {
                let events = inner.before(from.unwrap_or(Position(u64::MAX)));
                events.iter().rev().filter(passes).take(limit).cloned().collect()
            }
        })
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        if let Err(fault) = request::check_start(from, self.inner.lock().head()) {
            return stream::iter([Err(fault)]).boxed();
        }
        let Some(head) = self.head.lock().as_ref().map(watch::Sender::subscribe) else {
            let closed = LogFault::Unavailable("the memory log is closed".to_owned());
            return stream::iter([Err(closed)]).boxed();
        };
        let subscription = Subscription {
            inner: Arc::clone(&self.inner),
            head,
            cursor: from,
            filter,
            ready: VecDeque::new(),
            catching_up: true,
        };
        stream::unfold(subscription, Subscription::next).boxed()
    }

    async fn head(&self) -> Result<Position, LogFault> {
        Ok(self.up()?.head())
    }
}

struct Subscription {
    inner: Arc<Mutex<Inner>>,
    head: watch::Receiver<Position>,
    /// Every event up to here was filtered.
    cursor: Position,
    filter: Filter,
    ready: VecDeque<Delivery>,
    /// Whether reaching the head is news to the reader.
    catching_up: bool,
}

impl Subscription {
    async fn next(mut self) -> Option<(Result<Delivery, LogFault>, Self)> {
        loop {
            if let Some(delivery) = self.ready.pop_front() {
                return Some((Ok(delivery), self));
            }
            self.head.borrow_and_update();
            if self.take_page() {
                continue;
            }
            self.head.changed().await.ok()?;
        }
    }

    /// Fills `ready`; `false` if there is nothing to deliver.
    fn take_page(&mut self) -> bool {
        let inner = self.inner.lock();
        if inner.down {
            return false;
        }
        let events = inner.after(self.cursor);
        let page = events.get(..PAGE.min(events.len())).unwrap_or_default();
        for event in page {
            self.cursor = event.position;
            if self.filter.matches(event.stream.as_str(), &event.event_type) {
                self.ready.push_back(Delivery::Event(Arc::clone(event)));
            }
        }
        if let Some(last) = page.last()
            && !self.filter.matches(last.stream.as_str(), &last.event_type)
        {
            self.ready.push_back(Delivery::Checkpoint(self.cursor));
        }
        if page.len() < events.len() {
            self.catching_up = true;
        } else if std::mem::take(&mut self.catching_up) {
            self.ready.push_back(Delivery::CaughtUp(self.cursor));
        }
        !self.ready.is_empty()
    }
}
