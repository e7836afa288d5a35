//! The log under test, and what the rules of the suite have in common.

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use lastseat_domain::StreamName;
use lastseat_domain::ids::NAMESPACE;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{
    Delivery, Expected, Filter, LogFault, NewEvent, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use serde_json::value::RawValue;
use std::sync::Arc;
use uuid::Uuid;

type Open = dyn Fn() -> BoxFuture<'static, Arc<dyn EventLog>> + Send + Sync;

/// The log under test.
pub struct Subject {
    run: String,
    open: Box<Open>,
}

impl Subject {
    /// `run` goes into the name of every stream; it must not have been used on this log before.
    /// Letters, digits and dashes are safe with every adapter. `open` gives the log; it is called
    /// once a rule or more often, and may give the same log each time.
    pub fn new(run: &str, open: impl Fn() -> BoxFuture<'static, Arc<dyn EventLog>> + Send + Sync + 'static) -> Self {
        Self { run: run.to_owned(), open: Box::new(open) }
    }

    pub(super) async fn log(&self) -> Arc<dyn EventLog> {
        (self.open)().await
    }

    /// The place of one rule in the log.
    pub(super) fn place(&self, rule: &str) -> Place {
        Place { prefix: format!("suite-{}.{rule}.", self.run) }
    }
}

pub(super) struct Place {
    prefix: String,
}

impl Place {
    pub(super) fn stream(&self, key: &str) -> StreamName {
        StreamName::from_log(&format!("{}{key}", self.prefix))
    }

    /// Everything of this rule and nothing else.
    pub(super) fn filter(&self) -> Filter {
        Filter::streams(&[&self.prefix])
    }

    /// The event of a name: the same name is the same event.
    pub(super) fn event(&self, name: &str) -> NewEvent {
        self.typed("SuiteHappened", name)
    }

    pub(super) fn typed(&self, event_type: &str, name: &str) -> NewEvent {
        NewEvent {
            id: Uuid::new_v5(&NAMESPACE, format!("{}{name}", self.prefix).as_bytes()),
            event_type: event_type.to_owned(),
            data: json(&serde_json::json!({ "name": name }).to_string()),
            metadata: json(r#"{"actor":"suite"}"#),
        }
    }

    /// One write of the events of these names.
    pub(super) fn write(&self, key: &str, expected: Expected, names: &[&str]) -> StreamWrite {
        let events = names.iter().map(|name| self.event(name)).collect();
        StreamWrite { stream: self.stream(key), expected, events }
    }
}

pub(super) fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("the suite's own JSON is valid")
}

/// Appends one write and gives its outcome.
pub(super) async fn append_one(log: &Arc<dyn EventLog>, write: StreamWrite) -> WriteOutcome {
    let outcomes = log.append(vec![write]).await.expect("the log takes an append");
    assert_eq!(outcomes.len(), 1, "one outcome a write");
    outcomes[0]
}

/// Appends one write that must land, and gives its last position.
pub(super) async fn must_write(log: &Arc<dyn EventLog>, write: StreamWrite) -> Position {
    let stream = write.stream.clone();
    match append_one(log, write).await {
        WriteOutcome::Written { position, .. } => position,
        other => panic!("the write to {stream} must land, but: {other:?}"),
    }
}

/// Fills a stream with events named `{key}-{n}`, one append each, and gives their positions.
pub(super) async fn fill(log: &Arc<dyn EventLog>, place: &Place, key: &str, count: u64) -> Vec<Position> {
    let mut positions = Vec::new();
    for n in 0..count {
        let name = format!("{key}-{n}");
        positions.push(must_write(log, place.write(key, Expected::after(n), &[&name])).await);
    }
    positions
}

pub(super) fn revision_of(outcome: WriteOutcome) -> Revision {
    match outcome {
        WriteOutcome::Written { last_revision, .. } => last_revision,
        other => panic!("not written: {other:?}"),
    }
}

pub(super) fn revisions(events: &[Arc<RecordedEvent>]) -> Vec<Revision> {
    events.iter().map(|event| event.revision).collect()
}

pub(super) fn positions(events: &[Arc<RecordedEvent>]) -> Vec<Position> {
    events.iter().map(|event| event.position).collect()
}

/// The value of `name` in the bodies.
pub(super) fn names(events: &[Arc<RecordedEvent>]) -> Vec<String> {
    let name = |event: &Arc<RecordedEvent>| {
        let body: serde_json::Value = serde_json::from_str(event.data.get()).expect("a body of the suite");
        body["name"].as_str().expect("a name").to_owned()
    };
    events.iter().map(name).collect()
}

/// A subscription that checks what holds of every subscription, whatever is delivered.
pub(super) struct Follower {
    deliveries: BoxStream<'static, Result<Delivery, LogFault>>,
    filter: Filter,
    /// Greatest position delivered or vouched for.
    pub(super) reached: Position,
}

impl Follower {
    pub(super) fn new(log: &Arc<dyn EventLog>, from: Position, filter: Filter) -> Self {
        Self { deliveries: log.subscribe(from, filter.clone()), filter, reached: from }
    }

    pub(super) async fn next(&mut self) -> Delivery {
        let delivery = self.deliveries.next().await.expect("a subscription doesn't end");
        let delivery = delivery.expect("the log can be read");
        match &delivery {
            Delivery::Event(event) => {
                assert!(
                    event.position > self.reached,
                    "event {} at {} comes after {} was reached",
                    event.id,
                    event.position,
                    self.reached
                );
                assert!(self.filter.matches(event.stream.as_str(), &event.event_type), "filtered events stay away");
                self.reached = event.position;
            }
            Delivery::Checkpoint(position) | Delivery::CaughtUp(position) => {
                assert!(*position >= self.reached, "{delivery:?} goes back before {}", self.reached);
                self.reached = *position;
            }
            Delivery::Interrupted(_) => {}
        }
        delivery
    }

    /// The next `count` events; other deliveries are skipped.
    pub(super) async fn events(&mut self, count: usize) -> Vec<Arc<RecordedEvent>> {
        let mut events = Vec::new();
        while events.len() < count {
            if let Delivery::Event(event) = self.next().await {
                events.push(event);
            }
        }
        events
    }

    /// The events up to and without the next [`Delivery::CaughtUp`], and its position.
    pub(super) async fn until_caught_up(&mut self) -> (Vec<Arc<RecordedEvent>>, Position) {
        let mut events = Vec::new();
        loop {
            match self.next().await {
                Delivery::Event(event) => events.push(event),
                Delivery::Checkpoint(_) | Delivery::Interrupted(_) => {}
                Delivery::CaughtUp(position) => return (events, position),
            }
        }
    }
}
