//! What servers do that the embedded log does not, each seen with some version of the real one:
//! repeats answered in other words, checkpoints that run ahead, silence, events of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

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
use std::sync::Arc;
use std::time::Duration;
use support::{PATIENCE, Server, impatient, memory, write};
use tokio::time::timeout;

/// A log with the habits of a server.
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
    /// Positions of events in streams are not told.
    NoPositions,
    /// Checkpoints have the position that the next event will have.
    CheckpointsRunAhead,
    /// Subscriptions deliver each event a good while after it can be read.
    DeliversLate,
    /// Subscriptions tell nothing but events.
    TellsNothing,
    /// Subscriptions and reads begin with the event they should begin behind.
    StartsInclusive,
    /// Reads of the whole log bring one event, and then take for ever to find that there is no other.
    LooksForOneMore,
}

impl Quirky {
    async fn stands(&self, write: &StreamWrite) -> bool {
        let first = Some(write.expected.next_revision());
        let events = self.inner.read_stream(&write.stream, first, Direction::Forwards, 1).await.unwrap();
        events.first().is_some_and(|event| event.id == write.events[0].id)
    }
}

#[async_trait]
impl EventLog for Quirky {
    fn atomic_across_streams(&self) -> bool {
        false
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        let mut repeats = Vec::new();
        for write in &writes {
            repeats.push(self.stands(write).await);
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
        if self.quirk == Quirk::LooksForOneMore {
            let mut page = self.inner.read_all(from, direction, 1, filter).await?;
            let Some(found) = page.first() else { return std::future::pending().await };
            // What else it looked at does not pass.
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
                    (Quirk::TellsNothing, Ok(Delivery::CaughtUp(_) | Delivery::Checkpoint(_))) => stream::iter(vec![]),
                    _ => stream::iter(vec![delivery]),
                }
            }
        };
        self.inner.subscribe(from, filter).then(spoil).flatten().boxed()
    }

    async fn head(&self) -> Result<Position, LogFault> {
        self.inner.head().await
    }
}

async fn at(quirk: Quirk, options: Options) -> (Server, EventStoreLog) {
    let server = Server::start(Arc::new(Quirky { inner: memory(), quirk })).await;
    let log = EventStoreLog::open(&server.connection_string(), options).unwrap();
    (server, log)
}

async fn append_one(log: &EventStoreLog, write: StreamWrite) -> Result<WriteOutcome, LogFault> {
    timeout(PATIENCE, log.append(vec![write])).await.expect("hangs").map(|outcomes| outcomes[0])
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_time_whatever_the_server_says() {
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
async fn a_server_that_tells_no_positions_is_refused_with_the_version_that_is_needed() {
    let (_server, log) = at(Quirk::NoPositions, Options::default()).await;
    append_one(&log, write("seat-1", Expected::NoStream, "x")).await.unwrap();
    let read = log.read_stream(&StreamName::from_log("seat-1"), None, Direction::Forwards, 10).await;
    assert!(matches!(&read, Err(LogFault::Refused(why)) if why.contains("22.10")), "{read:?}");
}

/// Reads deliveries until `count` events came and the reader has caught up behind them.
async fn follow(log: &EventStoreLog, from: Position, filter: Filter, count: usize) -> (Vec<Position>, Position) {
    let mut follower = log.subscribe(from, filter);
    let (mut events, mut reached) = (Vec::new(), from);
    loop {
        match timeout(PATIENCE, follower.next()).await.expect("hangs").unwrap().unwrap() {
            Delivery::Event(event) => {
                assert!(event.position > reached, "{} was vouched for already, or repeated", event.position);
                reached = event.position;
                events.push(event.position);
            }
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

/// What somebody stores who believes the server.
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
    let wanted = Filter::streams(&["seat-"]);
    for n in 0..10 {
        append_one(&log, write(&format!("other-{n}"), Expected::NoStream, "x")).await.unwrap();
        let (none, reached) = follow(&log, Position::START, wanted.clone(), n).await;
        assert_eq!((none.len(), reached), (n, server.log.head().await.unwrap()));
        let naive = first_checkpoint(&server.log, &wanted).await;
        // This one gets the very position that the server's checkpoint told.
        let next = append_one(&log, write(&format!("seat-{n}"), Expected::NoStream, "x")).await.unwrap();
        let WriteOutcome::Written { position, .. } = next else { panic!("{next:?}") };
        assert_eq!(follow(&log, reached, wanted.clone(), 1).await.0, [position], "whoever resumed lost an event");
        // The failing twin: whoever believes the server loses it.
        assert_eq!(follow(&log, naive, wanted.clone(), 0).await.0, []);
    }
}

#[tokio::test]
async fn a_server_that_tells_nothing_but_events_and_one_that_repeats_the_start_do() {
    for quirk in [Quirk::TellsNothing, Quirk::StartsInclusive] {
        let (server, log) = at(quirk, impatient()).await;
        let mut positions = Vec::new();
        for n in 0..5 {
            for stream in [format!("seat-{n}"), format!("other-{n}")] {
                append_one(&log, write(&stream, Expected::NoStream, "x")).await.unwrap();
                positions.push(server.log.head().await.unwrap());
            }
        }
        let wanted = Filter::streams(&["seat-"]);
        let (events, reached) = follow(&log, Position::START, wanted.clone(), 5).await;
        assert_eq!(events, positions.iter().copied().step_by(2).collect::<Vec<_>>(), "{quirk:?}");
        assert_eq!(reached, positions[9], "{quirk:?}");
        assert_eq!(follow(&log, positions[2], wanted, 3).await.0, [positions[4], positions[6], positions[8]]);
        let read = log.read_all(Some(positions[3]), Direction::Forwards, 2, &Filter::all()).await.unwrap();
        assert_eq!(read.iter().map(|event| event.position).collect::<Vec<_>>(), positions[4..6]);
    }
}

/// What was found is an answer, long before the server is through with the log.
#[tokio::test]
async fn a_server_that_looks_for_one_more_event_is_not_waited_for() {
    let patient = Options { read_deadline: PATIENCE * 10, ..Options::default() };
    let (server, log) = at(Quirk::LooksForOneMore, patient).await;
    server.log.append(vec![write("seat-1", Expected::NoStream, "x")]).await.unwrap();
    let position = server.log.head().await.unwrap();
    assert_eq!(timeout(PATIENCE, log.head()).await.expect("hangs").unwrap(), position);
    for direction in [Direction::Forwards, Direction::Backwards] {
        let found = timeout(PATIENCE, log.read_all(None, direction, 1, &Filter::all())).await.expect("hangs").unwrap();
        assert_eq!(found.iter().map(|event| event.position).collect::<Vec<_>>(), [position]);
    }
}

/// What can be read is vouched for only once it was delivered.
#[tokio::test]
async fn a_server_that_delivers_late_loses_nothing() {
    let (server, log) = at(Quirk::DeliversLate, Options::default()).await;
    for n in 0..5 {
        append_one(&log, write(&format!("seat-{n}"), Expected::NoStream, "x")).await.unwrap();
        append_one(&log, write(&format!("other-{n}"), Expected::NoStream, "x")).await.unwrap();
    }
    let (events, reached) = follow(&log, Position::START, Filter::streams(&["seat-"]), 5).await;
    assert_eq!((events.len(), reached), (5, server.log.head().await.unwrap()));
}

/// An event of the server's own, which no reader sees.
fn own(stream: &str, event_type: &str) -> StreamWrite {
    let write = write(stream, Expected::NoStream, "own");
    let event = NewEvent { event_type: event_type.to_owned(), ..write.events[0].clone() };
    StreamWrite { events: vec![event], ..write }
}

#[tokio::test]
async fn events_of_the_servers_own_are_not_seen_and_count_for_nothing() {
    let inner = memory();
    inner.append(vec![own("$stats-1", "$statsCollected")]).await.unwrap();
    inner.append(vec![write("seat-1", Expected::NoStream, "x")]).await.unwrap();
    let ours = inner.head().await.unwrap();
    inner.append(vec![own("$$seat-1", "$metadata")]).await.unwrap();
    inner.append(vec![own("linked-1", "$>")]).await.unwrap();
    let server = Server::start(Arc::new(inner)).await;
    let log = server.client();
    assert_eq!(log.head().await, Ok(ours), "a follower can reach the head");
    for direction in [Direction::Forwards, Direction::Backwards] {
        let all = log.read_all(None, direction, 10, &Filter::all()).await.unwrap();
        assert_eq!(all.iter().map(|event| event.position).collect::<Vec<_>>(), [ours]);
    }
    assert_eq!(follow(&log, Position::START, Filter::all(), 1).await, (vec![ours], ours));
    // The head as others see it is a place to start from, though nothing of ours is there.
    let end = server.log.head().await.unwrap();
    assert_eq!(follow(&log, end, Filter::all(), 0).await.0, []);
    let linked = log.read_stream(&StreamName::from_log("linked-1"), None, Direction::Forwards, 10).await;
    assert!(matches!(linked, Err(LogFault::Damaged(_))), "{linked:?}");
}

/// Reads deliveries up to a position, or until the reader has caught up, and gives all that were vouched for.
async fn vouched(log: &EventStoreLog, from: Position, filter: &Filter, up_to: Option<Position>) -> Vec<Position> {
    let mut follower = log.subscribe(from, filter.clone());
    let mut vouched = Vec::new();
    loop {
        let delivery = timeout(PATIENCE, follower.next()).await.expect("hangs").unwrap().unwrap();
        let (position, caught_up) = match delivery {
            Delivery::Event(event) => (event.position, false),
            Delivery::Checkpoint(position) => (position, false),
            Delivery::CaughtUp(position) => (position, true),
        };
        vouched.push(position);
        if up_to.map_or(caught_up, |end| position >= end) {
            return vouched;
        }
    }
}

/// A stored position is held against the head later: one behind it would be taken for another log's.
#[tokio::test]
async fn only_positions_of_events_that_the_head_can_reach_are_vouched_for() {
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
            // Links, and many of them, in a stream whose name passes.
            let link = own(&format!("seat-links-{name}"), "$>");
            let links = StreamWrite { events: vec![link.events[0].clone(); if round == 2 { 1_100 } else { 3 }], ..link };
            inner.append(vec![links]).await.unwrap();
            let mut positions = vouched(&log, from, filter, None).await;
            from = *positions.last().unwrap();
            assert!(log.head().await.unwrap() >= from, "{from} is ahead of the log");

            inner.append(vec![write(&format!("late-{name}"), Expected::NoStream, "x")]).await.unwrap();
            let end = inner.head().await.unwrap();
            positions.extend(vouched(&log, from, filter, Some(end)).await);
            let seen = log.read_all(None, Direction::Forwards, 1_000, &Filter::all()).await.unwrap();
            for position in positions {
                assert!(seen.iter().any(|event| event.position == position), "nobody sees an event at {position}");
            }
        }
    }
}

#[tokio::test]
async fn faults_of_the_servers_own_store_are_waited_out() {
    let inner = memory();
    let server = Server::start(Arc::new(inner.clone())).await;
    for batch in [true, false] {
        let log = EventStoreLog::open(&server.connection_string(), Options { batch, ..Options::default() }).unwrap();
        for fault in [AppendFault::AnswerLost, AppendFault::RequestLost, AppendFault::Unavailable] {
            inner.fail_next_appends(vec![fault, AppendFault::Unavailable, fault]);
            let stream = format!("seat-{batch}-{fault:?}");
            let outcome = append_one(&log, write(&stream, Expected::NoStream, "x")).await;
            let standing = inner.read_stream(&StreamName::from_log(&stream), None, Direction::Forwards, 10).await.unwrap();
            assert_eq!(standing.len(), 1, "{fault:?}");
            assert_eq!(outcome, Ok(WriteOutcome::Written { last_revision: 0, position: standing[0].position }), "{fault:?}");
            // What is left of the faults is not for the next round.
            while inner.append(vec![write("waste", Expected::NoStream, "x")]).await.is_err() {}
        }
    }
}
