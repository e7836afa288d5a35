//! Contract suite of the port [`EventLog`]: one function a rule, each of which panics where an
//! adapter breaks it.
//!
//! The log under test may be shared: it may hold other streams, grow by other hands, and leave
//! gaps between positions. Every rule works in streams of its own, named after the run and the
//! rule. The suite starts no task and sets no timer; where an adapter might never answer, the
//! caller sets a time limit.
//!
//! ```ignore
//! macro_rules! tests {
//!     ($($rule:ident)*) => {$(
//!         #[tokio::test]
//!         async fn $rule() {
//!             let subject = Subject::new("run-1", || async { open_the_log().await }.boxed());
//!             lastseat_testkit::event_log::$rule(&subject).await;
//!         }
//!     )*};
//! }
//! lastseat_testkit::for_each_event_log_rule!(tests);
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test suite speaks by panicking"
)]

mod appending;
mod reading;
mod subscribing;

pub use appending::*;
pub use reading::*;
pub use subscribing::*;

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

/// Calls a macro with the names of all rules of the suite, separated by white space.
#[macro_export]
macro_rules! for_each_event_log_rule {
    ($then:ident) => {
        $then! {
            a_new_stream_starts_at_revision_zero
            a_stream_grows_at_its_exact_revision
            a_wrong_revision_is_a_conflict_and_writes_nothing
            a_stream_that_exists_is_not_new
            a_stream_that_does_not_exist_has_no_revision
            a_revision_ahead_of_the_stream_is_a_conflict
            the_greatest_revision_is_a_conflict_like_any_other
            a_repeat_of_one_event_is_answered_as_the_first_time
            a_repeat_of_many_events_is_answered_as_the_first_time
            a_repeat_is_recognised_after_the_stream_went_on
            a_repeat_of_many_streams_is_answered_as_the_first_time
            a_partly_repeated_batch_is_a_conflict
            another_event_at_a_taken_revision_is_a_conflict
            an_event_id_may_return_at_the_next_revision
            one_conflict_withholds_the_rest_where_appends_are_atomic
            streams_stand_alone_where_appends_are_not_atomic
            what_stands_already_is_written_even_beside_a_conflict
            an_append_of_nothing_is_nothing
            a_write_without_events_is_refused
            a_stream_twice_in_one_append_is_refused
            an_oversized_event_is_refused_and_harms_nothing
            one_of_many_concurrent_appends_at_one_revision_wins
            concurrent_appends_to_many_streams_all_land
            what_was_written_is_read_back_byte_for_byte
            strange_stream_names_and_types_are_kept
            a_missing_stream_is_empty
            a_stream_is_read_forwards_from_a_revision_inclusive
            a_stream_is_read_backwards_from_a_revision_inclusive
            the_log_is_read_forwards_from_a_position_exclusive
            the_log_is_read_backwards_from_a_position_exclusive
            the_log_is_filtered_by_stream_prefix
            the_log_is_filtered_by_type_prefix
            a_filter_takes_any_prefix_of_each_kind_and_both_kinds
            a_limit_counts_events_that_pass
            positions_follow_the_order_of_answers
            the_head_is_at_or_behind_no_answered_append
            a_subscription_from_the_start_delivers_everything_in_order
            a_subscription_starts_behind_its_position
            a_subscription_goes_on_to_what_comes
            a_subscription_has_no_gap_and_no_repeat_under_concurrent_appends
            a_subscription_filters
            a_subscription_tells_how_far_it_is_where_nothing_passes
            a_subscription_tells_when_it_has_caught_up
            subscriptions_do_not_disturb_each_other
        }
    };
}

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

    async fn log(&self) -> Arc<dyn EventLog> {
        (self.open)().await
    }

    /// The place of one rule in the log.
    fn place(&self, rule: &str) -> Place {
        Place { prefix: format!("suite-{}.{rule}.", self.run) }
    }
}

struct Place {
    prefix: String,
}

impl Place {
    fn stream(&self, key: &str) -> StreamName {
        StreamName::from_log(&format!("{}{key}", self.prefix))
    }

    /// Everything of this rule and nothing else.
    fn filter(&self) -> Filter {
        Filter::streams(&[&self.prefix])
    }

    /// The event of a name: the same name is the same event.
    fn event(&self, name: &str) -> NewEvent {
        self.typed("SuiteHappened", name)
    }

    fn typed(&self, event_type: &str, name: &str) -> NewEvent {
        NewEvent {
            id: Uuid::new_v5(&NAMESPACE, format!("{}{name}", self.prefix).as_bytes()),
            event_type: event_type.to_owned(),
            data: json(&serde_json::json!({ "name": name }).to_string()),
            metadata: json(r#"{"actor":"suite"}"#),
        }
    }

    /// One write of the events of these names.
    fn write(&self, key: &str, expected: Expected, names: &[&str]) -> StreamWrite {
        let events = names.iter().map(|name| self.event(name)).collect();
        StreamWrite { stream: self.stream(key), expected, events }
    }
}

fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("the suite's own JSON is valid")
}

/// Appends one write and gives its outcome.
async fn append_one(log: &Arc<dyn EventLog>, write: StreamWrite) -> WriteOutcome {
    let outcomes = log.append(vec![write]).await.expect("the log takes an append");
    assert_eq!(outcomes.len(), 1, "one outcome a write");
    outcomes[0]
}

/// Appends one write that must land, and gives its last position.
async fn must_write(log: &Arc<dyn EventLog>, write: StreamWrite) -> Position {
    let stream = write.stream.clone();
    match append_one(log, write).await {
        WriteOutcome::Written { position, .. } => position,
        other => panic!("the write to {stream} must land, but: {other:?}"),
    }
}

/// Fills a stream with events named `{key}-{n}`, one append each, and gives their positions.
async fn fill(log: &Arc<dyn EventLog>, place: &Place, key: &str, count: u64) -> Vec<Position> {
    let mut positions = Vec::new();
    for n in 0..count {
        let name = format!("{key}-{n}");
        positions.push(must_write(log, place.write(key, Expected::after(n), &[&name])).await);
    }
    positions
}

fn revision_of(outcome: WriteOutcome) -> Revision {
    match outcome {
        WriteOutcome::Written { last_revision, .. } => last_revision,
        other => panic!("not written: {other:?}"),
    }
}

fn revisions(events: &[Arc<RecordedEvent>]) -> Vec<Revision> {
    events.iter().map(|event| event.revision).collect()
}

fn positions(events: &[Arc<RecordedEvent>]) -> Vec<Position> {
    events.iter().map(|event| event.position).collect()
}

/// The value of `name` in the bodies.
fn names(events: &[Arc<RecordedEvent>]) -> Vec<String> {
    let name = |event: &Arc<RecordedEvent>| {
        let body: serde_json::Value = serde_json::from_str(event.data.get()).expect("a body of the suite");
        body["name"].as_str().expect("a name").to_owned()
    };
    events.iter().map(name).collect()
}

/// A subscription that checks what holds of every subscription, whatever is delivered.
struct Follower {
    deliveries: BoxStream<'static, Result<Delivery, LogFault>>,
    filter: Filter,
    /// Greatest position delivered or vouched for.
    reached: Position,
}

impl Follower {
    fn new(log: &Arc<dyn EventLog>, from: Position, filter: Filter) -> Self {
        Self { deliveries: log.subscribe(from, filter.clone()), filter, reached: from }
    }

    async fn next(&mut self) -> Delivery {
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
        }
        delivery
    }

    /// The next `count` events; other deliveries are skipped.
    async fn events(&mut self, count: usize) -> Vec<Arc<RecordedEvent>> {
        let mut events = Vec::new();
        while events.len() < count {
            if let Delivery::Event(event) = self.next().await {
                events.push(event);
            }
        }
        events
    }

    /// The events up to and without the next [`Delivery::CaughtUp`], and its position.
    async fn until_caught_up(&mut self) -> (Vec<Arc<RecordedEvent>>, Position) {
        let mut events = Vec::new();
        loop {
            match self.next().await {
                Delivery::Event(event) => events.push(event),
                Delivery::Checkpoint(_) => {}
                Delivery::CaughtUp(position) => return (events, position),
            }
        }
    }
}
