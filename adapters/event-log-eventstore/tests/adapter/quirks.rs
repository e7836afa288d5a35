//! Behaviour of real servers that the embedded log doesn't have, each seen in some version: repeats
//! answered differently, checkpoints ahead of events, missing messages, system events.

use crate::support;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, Expected, Filter, LogFault, NewEvent, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use lastseat_event_log_eventstore::{EventStoreLog, Options};
use lastseat_testkit::{AppendFault, MemoryLog};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use std::sync::Arc;
use std::time::Duration;
use support::{PATIENCE, Server, impatient, memory, write};
use tokio::time::timeout;

/// A log that behaves like a real server in one respect.
struct Quirky {
    inner: MemoryLog,
    quirk: Quirk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quirk {
    /// A repeat is answered with a position that is not its own.
    RepeatsAtTheHead,
    /// A repeat is answered without a position.
    RepeatsWithoutPosition,
    /// A repeat is answered as a conflict.
    RepeatsAreConflicts,
    /// Events in streams have no positions.
    NoPositions,
    /// A checkpoint has the position that the next event will get.
    CheckpointsRunAhead,
    /// Subscriptions deliver each event long after it can be read.
    DeliversLate,
    /// Subscriptions send only events.
    SendsOnlyEvents,
    /// Subscriptions and reads start with the event that they should start after.
    StartsInclusive,
    /// Reads of the whole log return one event, and then search for another without end.
    SearchesForOneMore,
}

impl Quirky {
    async fn has(&self, write: &StreamWrite) -> bool {
        let first = Some(write.expected.next_revision());
        let events = self.inner.read_stream(&write.stream, first, Direction::Forwards, 1).await.unwrap();
        events.first().is_some_and(|event| event.id == write.events[0].id)
    }
}

#[async_trait]
impl ForwardLog for Quirky {
    fn inner(&self) -> &dyn EventLog {
        &self.inner
    }

    fn atomic_across_streams(&self) -> bool {
        false
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        let mut repeats = Vec::new();
        for write in &writes {
            repeats.push(self.has(write).await);
        }
        let mut outcomes = self.inner.append(writes).await?;
        let head = self.inner.head().await?;
        for (outcome, repeat) in outcomes.iter_mut().zip(repeats) {
            if let (true, WriteOutcome::Written { last_revision, position }) = (repeat, &mut *outcome) {
                match self.quirk {
                    Quirk::RepeatsAtTheHead => *position = head,
                    Quirk::RepeatsWithoutPosition => *position = Position(u64::MAX),
                    Quirk::RepeatsAreConflicts => *outcome = WriteOutcome::Conflict { actual: Some(*last_revision) },
                    _ => {}
                }
            }
        }
        Ok(outcomes)
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let mut events = self.inner.read_stream(stream, from, direction, limit).await?;
        if self.quirk == Quirk::NoPositions {
            for event in &mut events {
                *event = Arc::new(RecordedEvent { position: Position(u64::MAX), ..(**event).clone() });
            }
        }
        Ok(events)
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let from = match direction {
            Direction::Forwards if self.quirk == Quirk::StartsInclusive => from.map(|from| Position(from.0.saturating_sub(1))),
            _ => from,
        };
        if self.quirk == Quirk::SearchesForOneMore {
            let mut page = self.inner.read_all(from, direction, 1, filter).await?;
            let Some(found) = page.first() else { return std::future::pending().await };
            // The other events scanned don't pass.
            let own = RecordedEvent { stream: StreamName::from_log("$own"), ..(**found).clone() };
            page.resize(limit, Arc::new(own));
            return Ok(page);
        }
        self.inner.read_all(from, direction, limit, filter).await
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        let (quirk, log) = (self.quirk, self.inner.clone());
        let from = if quirk == Quirk::StartsInclusive { Position(from.0.saturating_sub(1)) } else { from };
        let spoil = move |delivery: Result<Delivery, LogFault>| {
            let log = log.clone();
            async move {
                match (quirk, &delivery) {
                    (Quirk::CheckpointsRunAhead, Ok(Delivery::CaughtUp(_) | Delivery::Checkpoint(_))) => {
                        let ahead = Position(log.head().await.unwrap().0 + 97);
                        stream::iter(vec![Ok(Delivery::Checkpoint(ahead)), delivery])
                    }
                    (Quirk::DeliversLate, Ok(Delivery::Event(_))) => {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        stream::iter(vec![delivery])
                    }
                    (Quirk::SendsOnlyEvents, Ok(Delivery::CaughtUp(_) | Delivery::Checkpoint(_))) => stream::iter(vec![]),
                    _ => stream::iter(vec![delivery]),
                }
            }
        };
        self.inner.subscribe(from, filter).then(spoil).flatten().boxed()
    }
}

async fn at(quirk: Quirk, options: Options) -> (Server, EventStoreLog) {
    let server = Server::start(Arc::new(ForwardingLog(Quirky { inner: memory(), quirk }))).await;
    let log = EventStoreLog::open(&server.connection_string(), options).unwrap();
    (server, log)
}

async fn append_one(log: &EventStoreLog, write: StreamWrite) -> Result<WriteOutcome, LogFault> {
    timeout(PATIENCE, log.append(vec![write])).await.expect("hangs").map(|outcomes| outcomes[0])
}

#[tokio::test]
async fn a_repeat_is_answered_like_the_first_append_whatever_the_server_answers() {
    for quirk in [Quirk::RepeatsAtTheHead, Quirk::RepeatsWithoutPosition, Quirk::RepeatsAreConflicts] {
        for batch in [true, false] {
            let (_server, log) = at(quirk, Options { batch, ..Options::default() }).await;
            let first = append_one(&log, write("seat-1", Expected::NoStream, "x")).await.unwrap();
            append_one(&log, write("seat-2", Expected::NoStream, "y")).await.unwrap();
            let again = append_one(&log, write("seat-1", Expected::NoStream, "x")).await.unwrap();
            assert_eq!((first.is_written(), again), (true, first), "{quirk:?}");
            let other = append_one(&log, write("seat-1", Expected::NoStream, "z")).await;
            assert_eq!(other, Ok(WriteOutcome::Conflict { actual: Some(0) }), "{quirk:?}");
        }
    }
}

#[tokio::test]
async fn a_server_without_positions_is_refused_with_the_version_needed() {
    let (_server, log) = at(Quirk::NoPositions, Options::default()).await;
    append_one(&log, write("seat-1", Expected::NoStream, "x")).await.unwrap();
    let read = log.read_stream(&StreamName::from_log("seat-1"), None, Direction::Forwards, 10).await;
    assert!(matches!(&read, Err(LogFault::Refused(why)) if why.contains("22.10")), "{read:?}");
}

/// Reads until `count` events were delivered and the subscription has caught up.
async fn follow(log: &EventStoreLog, from: Position, filter: Filter, count: usize) -> (Vec<Position>, Position) {
    let mut follower = log.subscribe(from, filter);
    let (mut events, mut reached) = (Vec::new(), from);
    loop {
        match timeout(PATIENCE, follower.next()).await.expect("hangs").unwrap().unwrap() {
            Delivery::Event(event) => {
                assert!(event.position > reached, "{} was reported before, or is a repeat", event.position);
                reached = event.position;
                events.push(event.position);
            }
            Delivery::Interrupted(_) => {}
            Delivery::Checkpoint(position) => reached = reached.max(position),
            Delivery::CaughtUp(position) => {
                reached = reached.max(position);
                if events.len() == count {
                    return (events, reached);
                }
            }
        }
    }
}

/// The server's own checkpoint.
async fn first_checkpoint(server: &Arc<dyn EventLog>, filter: &Filter) -> Position {
    let mut deliveries = server.subscribe(Position::START, filter.clone());
    loop {
        if let Delivery::Checkpoint(position) = timeout(PATIENCE, deliveries.next()).await.unwrap().unwrap().unwrap() {
            return position;
        }
    }
}

#[tokio::test]
async fn a_checkpoint_that_runs_ahead_is_not_passed_on() {
    let (server, log) = at(Quirk::CheckpointsRunAhead, Options::default()).await;
    let seats = Filter::streams(&["seat-"]);
    for n in 0..10 {
        append_one(&log, write(&format!("other-{n}"), Expected::NoStream, "x")).await.unwrap();
        let (none, reached) = follow(&log, Position::START, seats.clone(), n).await;
        assert_eq!((none.len(), reached), (n, server.log.head().await.unwrap()));
        let naive = first_checkpoint(&server.log, &seats).await;
        // This event gets the position that the server's checkpoint had.
        let next = append_one(&log, write(&format!("seat-{n}"), Expected::NoStream, "x")).await.unwrap();
        let WriteOutcome::Written { position, .. } = next else { panic!("{next:?}") };
        assert_eq!(follow(&log, reached, seats.clone(), 1).await.0, [position], "a reader that resumed missed an event");
        // The failing twin: a reader that resumes at the server's checkpoint misses it.
        assert_eq!(follow(&log, naive, seats.clone(), 0).await.0, []);
    }
}

#[tokio::test]
async fn servers_that_send_only_events_or_repeat_the_start_are_supported() {
    for quirk in [Quirk::SendsOnlyEvents, Quirk::StartsInclusive] {
        let (server, log) = at(quirk, impatient()).await;
        let mut positions = Vec::new();
        for n in 0..5 {
            for stream in [format!("seat-{n}"), format!("other-{n}")] {
                append_one(&log, write(&stream, Expected::NoStream, "x")).await.unwrap();
                positions.push(server.log.head().await.unwrap());
            }
        }
        let seats = Filter::streams(&["seat-"]);
        let (events, reached) = follow(&log, Position::START, seats.clone(), 5).await;
        assert_eq!(events, positions.iter().copied().step_by(2).collect::<Vec<_>>(), "{quirk:?}");
        assert_eq!(reached, positions[9], "{quirk:?}");
        assert_eq!(follow(&log, positions[2], seats, 3).await.0, [positions[4], positions[6], positions[8]]);
        let read = log.read_all(Some(positions[3]), Direction::Forwards, 2, &Filter::all()).await.unwrap();
        assert_eq!(read.iter().map(|event| event.position).collect::<Vec<_>>(), positions[4..6]);
    }
}

/// The events found are returned before the server has searched the whole log.
#[tokio::test]
async fn a_read_does_not_wait_while_the_server_searches_for_one_more_event() {
    let patient = Options { read_deadline: PATIENCE * 10, ..Options::default() };
    let (server, log) = at(Quirk::SearchesForOneMore, patient).await;
    server.log.append(vec![write("seat-1", Expected::NoStream, "x")]).await.unwrap();
    let position = server.log.head().await.unwrap();
    assert_eq!(timeout(PATIENCE, log.head()).await.expect("hangs").unwrap(), position);
    for direction in [Direction::Forwards, Direction::Backwards] {
        let found = timeout(PATIENCE, log.read_all(None, direction, 1, &Filter::all())).await.expect("hangs").unwrap();
        assert_eq!(found.iter().map(|event| event.position).collect::<Vec<_>>(), [position]);
    }
}

/// A position is reported only after everything up to it was delivered.
#[tokio::test]
async fn late_deliveries_are_not_lost() {
    let (server, log) = at(Quirk::DeliversLate, Options::default()).await;
    for n in 0..5 {
        append_one(&log, write(&format!("seat-{n}"), Expected::NoStream, "x")).await.unwrap();
        append_one(&log, write(&format!("other-{n}"), Expected::NoStream, "x")).await.unwrap();
    }
    let (events, reached) = follow(&log, Position::START, Filter::streams(&["seat-"]), 5).await;
    assert_eq!((events.len(), reached), (5, server.log.head().await.unwrap()));
}

/// A write of one event of this type.
fn typed(stream: &str, event_type: &str) -> StreamWrite {
    let write = write(stream, Expected::NoStream, "own");
    let event = NewEvent { event_type: event_type.to_owned(), ..write.events[0].clone() };
    StreamWrite { events: vec![event], ..write }
}

#[tokio::test]
async fn system_events_and_links_are_not_seen() {
    let inner = memory();
    inner.append(vec![typed("$stats-1", "$statsCollected")]).await.unwrap();
    inner.append(vec![write("seat-1", Expected::NoStream, "x")]).await.unwrap();
    let ours = inner.head().await.unwrap();
    inner.append(vec![typed("$$seat-1", "$metadata")]).await.unwrap();
    inner.append(vec![typed("linked-1", "$>")]).await.unwrap();
    let server = Server::start(Arc::new(inner)).await;
    let log = server.client();
    assert_eq!(log.head().await, Ok(ours), "a follower can reach the head");
    for direction in [Direction::Forwards, Direction::Backwards] {
        let all = log.read_all(None, direction, 10, &Filter::all()).await.unwrap();
        assert_eq!(all.iter().map(|event| event.position).collect::<Vec<_>>(), [ours]);
    }
    assert_eq!(follow(&log, Position::START, Filter::all(), 1).await, (vec![ours], ours));
    // The log's real end is a valid start, though the port sees no event there.
    let end = server.log.head().await.unwrap();
    assert_eq!(follow(&log, end, Filter::all(), 0).await.0, []);
    let linked = log.read_stream(&StreamName::from_log("linked-1"), None, Direction::Forwards, 10).await;
    // The next append has to name its revision.
    let linked = linked.unwrap();
    assert_eq!(linked.iter().map(|event| (event.revision, &*event.event_type)).collect::<Vec<_>>(), [(0, "$>")]);
    let after = StreamWrite { expected: Expected::after(1), ..typed("linked-1", "own") };
    assert!(append_one(&log, after).await.unwrap().is_written());
}

/// All positions reported by a subscription, up to a position or until it has caught up.
async fn reported(log: &EventStoreLog, from: Position, filter: &Filter, up_to: Option<Position>) -> Vec<Position> {
    let mut follower = log.subscribe(from, filter.clone());
    let mut reported = Vec::new();
    loop {
        let delivery = timeout(PATIENCE, follower.next()).await.expect("hangs").unwrap().unwrap();
        let (position, caught_up) = match delivery {
            Delivery::Event(event) => (event.position, false),
            Delivery::Checkpoint(position) => (position, false),
            Delivery::CaughtUp(position) => (position, true),
            Delivery::Interrupted(_) => continue,
        };
        reported.push(position);
        if up_to.map_or(caught_up, |end| position >= end) {
            return reported;
        }
    }
}

/// A stored position is compared with the head later: one after it would look like another log's.
#[tokio::test]
async fn only_positions_that_the_head_can_reach_are_reported() {
    let inner = memory();
    let server = Server::start(Arc::new(inner.clone())).await;
    let log = server.client();
    for (n, filter) in [Filter::streams(&["seat-"]), Filter::all()].iter().enumerate() {
        let mut from = log.head().await.unwrap();
        for round in 0..3 {
            let name = format!("{n}-{round}");
            for stream in [format!("seat-{name}"), format!("other-{name}")] {
                inner.append(vec![write(&stream, Expected::NoStream, "x")]).await.unwrap();
            }
            // Many links in a stream whose name passes.
            let link = typed(&format!("seat-links-{name}"), "$>");
            let links = StreamWrite { events: vec![link.events[0].clone(); if round == 2 { 1_100 } else { 3 }], ..link };
            inner.append(vec![links]).await.unwrap();
            let mut positions = reported(&log, from, filter, None).await;
            from = *positions.last().unwrap();
            assert!(log.head().await.unwrap() >= from, "{from} is ahead of the log");

            inner.append(vec![write(&format!("late-{name}"), Expected::NoStream, "x")]).await.unwrap();
            let end = inner.head().await.unwrap();
            positions.extend(reported(&log, from, filter, Some(end)).await);
            let seen = log.read_all(None, Direction::Forwards, 1_000, &Filter::all()).await.unwrap();
            for position in positions {
                assert!(seen.iter().any(|event| event.position == position), "no event is visible at {position}");
            }
        }
    }
}

#[tokio::test]
async fn temporary_faults_of_the_servers_store_are_retried() {
    let inner = memory();
    let server = Server::start(Arc::new(inner.clone())).await;
    for batch in [true, false] {
        let log = EventStoreLog::open(&server.connection_string(), Options { batch, ..Options::default() }).unwrap();
        for fault in [AppendFault::AnswerLost, AppendFault::RequestLost, AppendFault::Unavailable] {
            inner.fail_next_appends(vec![fault, AppendFault::Unavailable, fault]);
            let stream = format!("seat-{batch}-{fault:?}");
            let outcome = append_one(&log, write(&stream, Expected::NoStream, "x")).await;
            let written = inner.read_stream(&StreamName::from_log(&stream), None, Direction::Forwards, 10).await.unwrap();
            assert_eq!(written.len(), 1, "{fault:?}");
            assert_eq!(outcome, Ok(WriteOutcome::Written { last_revision: 0, position: written[0].position }), "{fault:?}");
            // Use up the remaining faults before the next round.
            while inner.append(vec![write("waste", Expected::NoStream, "x")]).await.is_err() {}
        }
    }
}
