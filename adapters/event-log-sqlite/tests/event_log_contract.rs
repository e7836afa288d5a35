//! The contract suite of the event log, against the embedded logs and against broken ones, which must fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, Expected, Filter, LogFault, NewEvent, Position, RecordedEvent, StreamWrite, WriteOutcome,
};
use lastseat_event_log_sqlite::{SqliteLog, SqliteOptions};
use lastseat_in_process::SystemClock;
use lastseat_testkit::MemoryLog;
use lastseat_testkit::event_log::{self as suite, Subject};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use serde_json::value::RawValue;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// A log that already has a foreign event: no rule may depend on an empty log.
async fn on(log: Arc<dyn EventLog>) -> Subject {
    let json = || RawValue::from_string("{}".to_owned()).unwrap();
    let foreign = NewEvent { id: uuid::Uuid::from_u128(7), event_type: "Foreign".to_owned(), data: json(), metadata: json() };
    let stream = StreamName::from_log("foreign-1");
    log.append(vec![StreamWrite { stream, expected: Expected::NoStream, events: vec![foreign] }]).await.unwrap();
    Subject::new("test", move || futures::future::ready(Arc::clone(&log)).boxed())
}

fn memory(atomic: bool) -> MemoryLog {
    MemoryLog::new(Arc::new(SystemClock), atomic)
}

fn sqlite(options: SqliteOptions) -> (TempDir, Arc<SqliteLog>) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let log = SqliteLog::open_with(folder.path().join("events.db"), Arc::new(SystemClock), options).unwrap();
    (folder, Arc::new(log))
}

/// Runs one rule against one log.
macro_rules! check {
    ($rule:ident, $log:expr) => {
        tokio::time::timeout(PATIENCE, suite::$rule(&on($log).await)).await.expect("the rule hangs")
    };
}

mod memory_atomic {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test]
            async fn $rule() {
                check!($rule, Arc::new(memory(true)));
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

/// Like EventStoreDB: appends are not atomic across streams, and positions have gaps.
mod memory_not_atomic {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test]
            async fn $rule() {
                check!($rule, Arc::new(memory(false).with_position_step(97)));
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

mod sqlite_embedded {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let (_folder, log) = sqlite(SqliteOptions::default());
                check!($rule, log.clone());
                log.close().await.unwrap();
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

/// With almost nothing in memory: all events are read from the file, and every revision is queried.
mod sqlite_from_the_file {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test]
            async fn $rule() {
                let options = SqliteOptions { tail_events: 2, remembered_streams: 1, ..SqliteOptions::default() };
                let (_folder, log) = sqlite(options);
                check!($rule, log.clone());
                log.close().await.unwrap();
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

/// An adapter that breaks the contract.
struct Broken {
    inner: MemoryLog,
    flaw: Flaw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// The control: none.
    None,
    /// Appends wherever the stream ends.
    IgnoresRevision,
    /// Treats every append as a new one.
    ForgetsIds,
    /// Recognises a repeat by its first event only.
    LooksAtFirstIdOnly,
    /// Answers all appends that come together as the first of them.
    AnswersAllAlike,
    /// Falsely claims to be atomic.
    ClaimsAtomicity,
    /// Reads of the whole log include their start.
    StartsInclusive,
    /// Subscriptions lose an event now and then.
    LosesDeliveries,
    /// Subscriptions repeat an event now and then.
    RepeatsDeliveries,
    /// Subscriptions send only events.
    SendsOnlyEvents,
    /// Prefixes match anywhere, whatever the case.
    FiltersLoosely,
    /// Parses and prints bodies.
    Reformats,
}

impl Broken {
    async fn rebased(&self, mut writes: Vec<StreamWrite>) -> Vec<StreamWrite> {
        for write in &mut writes {
            let last = self.inner.read_stream(&write.stream, None, Direction::Backwards, 1).await.unwrap();
            write.expected = last.first().map_or(Expected::NoStream, |last| Expected::Revision(last.revision));
        }
        writes
    }

    /// The outcome of a repeat, if the first event is already at its revision.
    async fn first_is_written(&self, write: &StreamWrite) -> Option<WriteOutcome> {
        let (Expected::NoStream | Expected::Revision(0..1000)) = write.expected else { return None };
        let slot = Some(write.expected.next_revision());
        let events = self.inner.read_stream(&write.stream, slot, Direction::Forwards, 1).await.unwrap();
        let first = events.first().filter(|event| event.id == write.events[0].id)?;
        Some(WriteOutcome::Written { last_revision: first.revision, position: first.position })
    }
}

#[async_trait]
impl ForwardLog for Broken {
    fn inner(&self) -> &dyn EventLog {
        &self.inner
    }

    fn atomic_across_streams(&self) -> bool {
        self.flaw == Flaw::ClaimsAtomicity || self.inner.atomic_across_streams()
    }

    async fn append(&self, mut writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        match self.flaw {
            Flaw::IgnoresRevision => writes = self.rebased(writes).await,
            Flaw::LooksAtFirstIdOnly if writes.len() == 1 && !writes[0].events.is_empty() => {
                if let Some(outcome) = self.first_is_written(&writes[0]).await {
                    return Ok(vec![outcome]);
                }
            }
            Flaw::ForgetsIds => {
                // The stored event has another id.
                for event in writes.iter_mut().flat_map(|write| &mut write.events) {
                    event.id = uuid::Uuid::new_v5(&event.id, &self.inner.head().await?.0.to_be_bytes());
                }
            }
            Flaw::Reformats => {
                for event in writes.iter_mut().flat_map(|write| &mut write.events) {
                    let parsed: Result<serde_json::Value, _> = serde_json::from_str(event.data.get());
                    let printed = parsed.map_or_else(|_| "null".to_owned(), |value| value.to_string());
                    event.data = RawValue::from_string(printed).unwrap();
                }
            }
            _ => {}
        }
        self.inner.append(writes).await
    }

    async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<Result<Vec<WriteOutcome>, LogFault>> {
        let answers = self.inner.append_each(appends).await;
        match answers.first() {
            Some(first) if self.flaw == Flaw::AnswersAllAlike => vec![first.clone(); answers.len()],
            _ => answers,
        }
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        match self.flaw {
            Flaw::StartsInclusive => {
                let from = from.map(|from| match direction {
                    Direction::Forwards => Position(from.0.saturating_sub(1)),
                    Direction::Backwards => Position(from.0 + 1),
                });
                self.inner.read_all(from, direction, limit, filter).await
            }
            Flaw::FiltersLoosely => {
                let all = self.inner.read_all(from, direction, usize::MAX, &Filter::all()).await?;
                let any = |prefixes: &[String], text: &str| {
                    let text = text.to_lowercase();
                    prefixes.is_empty() || prefixes.iter().any(|prefix| text.contains(&prefix.to_lowercase()))
                };
                let passing = all.into_iter().filter(|event| {
                    any(&filter.stream_prefixes, event.stream.as_str()) && any(&filter.type_prefixes, &event.event_type)
                });
                Ok(passing.take(limit).collect())
            }
            _ => self.inner.read_all(from, direction, limit, filter).await,
        }
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        let from = if self.flaw == Flaw::StartsInclusive { Position(from.0.saturating_sub(1)) } else { from };
        let flaw = self.flaw;
        let spoil = move |(n, delivery): (usize, Result<Delivery, LogFault>)| {
            let is_event = matches!(delivery, Ok(Delivery::Event(_)));
            let times = match flaw {
                Flaw::LosesDeliveries if is_event && n % 10 == 4 => 0,
                Flaw::RepeatsDeliveries if is_event && n % 10 == 4 => 2,
                Flaw::SendsOnlyEvents if !is_event => 0,
                _ => 1,
            };
            futures::stream::iter(vec![delivery; times])
        };
        self.inner.subscribe(from, filter).enumerate().flat_map(spoil).boxed()
    }
}

/// The rules that a flaw breaks.
async fn broken_by(flaw: Flaw) -> Vec<&'static str> {
    let mut broken = Vec::new();
    macro_rules! run {
        ($($rule:ident)*) => {$(
            let inner = memory(flaw != Flaw::ClaimsAtomicity);
            let subject = on(Arc::new(ForwardingLog(Broken { inner, flaw }))).await;
            // In memory everything is immediate: what is not there after this time never will be.
            let rule = tokio::time::timeout(Duration::from_millis(500), suite::$rule(&subject));
            match AssertUnwindSafe(rule).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => broken.push(stringify!($rule)),
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(run);
    broken
}

#[tokio::test]
async fn broken_adapters_are_caught() {
    assert_eq!(broken_by(Flaw::None).await, [""; 0]);
    for (flaw, rule) in [
        (Flaw::IgnoresRevision, "one_of_many_concurrent_appends_at_one_revision_wins"),
        (Flaw::IgnoresRevision, "a_wrong_revision_is_a_conflict_and_writes_nothing"),
        (Flaw::ForgetsIds, "a_repeat_of_one_event_is_answered_as_the_first_time"),
        (Flaw::LooksAtFirstIdOnly, "a_partly_repeated_batch_is_a_conflict"),
        (Flaw::AnswersAllAlike, "appends_that_are_handed_over_together_are_decided_one_by_one"),
        (Flaw::ClaimsAtomicity, "one_conflict_withholds_the_rest_where_appends_are_atomic"),
        (Flaw::StartsInclusive, "the_log_is_read_forwards_from_a_position_exclusive"),
        (Flaw::StartsInclusive, "a_subscription_starts_behind_its_position"),
        (Flaw::LosesDeliveries, "a_subscription_has_no_gap_and_no_repeat_under_concurrent_appends"),
        (Flaw::RepeatsDeliveries, "a_subscription_has_no_gap_and_no_repeat_under_concurrent_appends"),
        (Flaw::SendsOnlyEvents, "a_subscription_tells_how_far_it_is_where_nothing_passes"),
        (Flaw::SendsOnlyEvents, "a_subscription_tells_when_it_has_caught_up"),
        (Flaw::FiltersLoosely, "the_log_is_filtered_by_stream_prefix"),
        (Flaw::FiltersLoosely, "the_log_is_filtered_by_type_prefix"),
        (Flaw::Reformats, "what_was_written_is_read_back_byte_for_byte"),
    ] {
        let broken = broken_by(flaw).await;
        assert!(broken.contains(&rule), "{flaw:?} gets past {rule}; it breaks {broken:?}");
    }
}
