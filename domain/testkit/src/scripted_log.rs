//! A log whose events the test supplies, and a clock that follows the runtime's time. For tests of the
//! read side, which needs exact positions and never appends.

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, Filter, LogFault, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_domain::{StreamName, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

#[derive(Default)]
struct Content {
    events: Vec<Arc<RecordedEvent>>,
    streams: HashMap<StreamName, Vec<Arc<RecordedEvent>>>,
}

impl Content {
    fn page(&self, from: Position, limit: usize, filter: &Filter) -> Vec<Arc<RecordedEvent>> {
        let start = self.events.partition_point(|e| e.position <= from);
        let matching = self.events[start..].iter().filter(|e| filter.matches(e.stream.as_str(), &e.event_type));
        matching.take(limit).cloned().collect()
    }

    /// The last events before `from`, newest first.
    fn page_before(&self, from: Option<Position>, limit: usize, filter: &Filter) -> Vec<Arc<RecordedEvent>> {
        let end = from.map_or(self.events.len(), |from| self.events.partition_point(|e| e.position < from));
        let matching = self.events[..end].iter().rev().filter(|e| filter.matches(e.stream.as_str(), &e.event_type));
        matching.take(limit).cloned().collect()
    }
}

/// A log that contains the events that the test pushes, at the positions that these have.
pub struct ScriptedLog {
    content: Arc<Mutex<Content>>,
    grown: watch::Sender<()>,
    fault: Arc<Mutex<Option<String>>>,
}

impl ScriptedLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { content: Arc::default(), grown: watch::Sender::new(()), fault: Arc::default() })
    }

    /// A log with these events.
    #[must_use]
    pub fn of(events: &[Arc<RecordedEvent>]) -> Arc<Self> {
        let log = Self::new();
        log.push(events);
        log
    }

    /// Adds events after those that are there.
    pub fn push(&self, events: &[Arc<RecordedEvent>]) {
        let mut content = self.content.lock().unwrap();
        for event in events {
            content.events.push(Arc::clone(event));
            content.streams.entry(event.stream.clone()).or_default().push(Arc::clone(event));
        }
        drop(content);
        self.grown.send_replace(());
    }

    /// Fails subscriptions from now on, until called with `None`.
    pub fn break_down(&self, fault: Option<&str>) {
        *self.fault.lock().unwrap() = fault.map(ToOwned::to_owned);
        self.grown.send_replace(());
    }

    /// Position of the last event.
    #[must_use]
    pub fn end(&self) -> Position {
        self.content.lock().unwrap().events.last().map_or(Position::START, |e| e.position)
    }
}

#[async_trait]
impl EventLog for ScriptedLog {
    fn atomic_across_streams(&self) -> bool {
        false
    }

    async fn append(&self, _writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        Err(LogFault::Refused("the read side appends nothing".into()))
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        assert_eq!(direction, Direction::Forwards);
        let content = self.content.lock().unwrap();
        let events = content.streams.get(stream).map_or(&[][..], Vec::as_slice);
        Ok(events.iter().filter(|e| from.is_none_or(|from| e.revision >= from)).take(limit).cloned().collect())
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let content = self.content.lock().unwrap();
        Ok(match direction {
            Direction::Forwards => content.page(from.unwrap_or_default(), limit, filter),
            Direction::Backwards => content.page_before(from, limit, filter),
        })
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        let content = Arc::clone(&self.content);
        let fault = Arc::clone(&self.fault);
        let state = (from, self.grown.subscribe(), Vec::new().into_iter(), false);
        let step = move |(mut at, mut grown, mut page, mut live): (_, watch::Receiver<()>, std::vec::IntoIter<_>, _)| {
            let (content, fault, filter) = (Arc::clone(&content), Arc::clone(&fault), filter.clone());
            async move {
                loop {
                    if let Some(fault) = fault.lock().unwrap().clone() {
                        return Some((Err(LogFault::Unavailable(fault)), (at, grown, page, live)));
                    }
                    if let Some(event) = page.next() {
                        let event: Arc<RecordedEvent> = event;
                        at = event.position;
                        return Some((Ok(Delivery::Event(event)), (at, grown, page, live)));
                    }
                    grown.borrow_and_update();
                    page = content.lock().unwrap().page(at, 1000, &filter).into_iter();
                    if page.len() == 0 && !std::mem::replace(&mut live, true) {
                        return Some((Ok(Delivery::CaughtUp(at)), (at, grown, page, live)));
                    }
                    if page.len() == 0 && grown.changed().await.is_err() {
                        return None;
                    }
                }
            }
        };
        futures::stream::unfold(state, step).boxed()
    }

    async fn head(&self) -> Result<Position, LogFault> {
        Ok(self.end())
    }
}

/// A clock that follows tokio's time, which a test can pause and advance.
pub struct TokioClock {
    origin: Timestamp,
    start: tokio::time::Instant,
}

impl TokioClock {
    /// A clock that shows `origin` now.
    #[must_use]
    pub fn new(origin: Timestamp) -> Arc<Self> {
        Arc::new(Self { origin, start: tokio::time::Instant::now() })
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.origin + TimeDelta::from_std(self.start.elapsed()).unwrap()
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        let left = (deadline - self.now()).to_std().unwrap_or_default();
        Box::pin(tokio::time::sleep(left))
    }
}
