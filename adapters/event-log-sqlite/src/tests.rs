//! What callers see of a commit that fails, and what a restart then finds.

use crate::commit_faults::CommitFault;
use crate::{SqliteLog, SqliteOptions};
use futures::StreamExt;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, EventLog, Expected, Filter, LogFault, NewEvent, Position, StreamWrite, WriteOutcome,
};
use lastseat_in_process::SystemClock;
use parking_lot::Mutex;
use serde_json::value::RawValue;
use std::sync::Arc;
use uuid::Uuid;

fn write(key: &str) -> Vec<StreamWrite> {
    let json = || RawValue::from_string("{}".to_owned()).unwrap();
    let event = NewEvent {
        id: Uuid::new_v5(&Uuid::nil(), key.as_bytes()),
        event_type: "Happened".to_owned(),
        data: json(),
        metadata: json(),
    };
    vec![StreamWrite { stream: StreamName::from_log(key), expected: Expected::NoStream, events: vec![event] }]
}

/// The streams that a restart finds.
async fn after(fault: CommitFault) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&reasons);
    let options =
        SqliteOptions { on_fatal: Arc::new(move |reason| hook.lock().push(reason.to_owned())), ..SqliteOptions::default() };
    let faults = Arc::clone(&options.commit_faults);
    let log = SqliteLog::open_with(&path, Arc::new(SystemClock), options).unwrap();
    log.append(write("a-1")).await.unwrap();
    let mut follower = log.subscribe(Position::START, Filter::all());

    faults.lock().push_back(fault);
    let answer = log.append(write("a-2")).await;
    assert!(matches!(answer, Err(LogFault::OutcomeUnknown(_))), "{answer:?}");
    for _ in 0..3 {
        let answer = log.append(write("a-3")).await;
        assert!(matches!(answer, Err(LogFault::Unavailable(_))), "{answer:?}");
    }
    // What was acknowledged can still be read, what is in doubt can't.
    assert_eq!(log.head().await, Ok(Position(1)));
    let all = log.read_all(None, Direction::Forwards, 10, &Filter::all()).await.unwrap();
    assert_eq!(all.len(), 1);
    let doubtful = StreamName::from_log("a-2");
    assert!(log.read_stream(&doubtful, None, Direction::Forwards, 10).await.unwrap().is_empty());
    // Subscribers get what is certain, then learn that no more will come.
    assert!(matches!(follower.next().await, Some(Ok(Delivery::Event(_)))));
    assert!(matches!(follower.next().await, Some(Ok(Delivery::CaughtUp(Position(1))))));
    assert!(matches!(follower.next().await, Some(Err(LogFault::Unavailable(_)))));
    assert!(follower.next().await.is_none());
    assert!(log.close().await.is_err(), "closing does not hide it");
    drop(log);
    assert_eq!(reasons.lock().len(), 1, "{reasons:?}");

    let log = SqliteLog::open(&path, Arc::new(SystemClock)).unwrap();
    let found = log.read_all(None, Direction::Forwards, 10, &Filter::all()).await.unwrap();
    // Sending the same again settles the doubt either way.
    let outcome = log.append(write("a-2")).await.unwrap();
    assert_eq!(outcome, [WriteOutcome::Written { last_revision: 0, position: Position(2) }]);
    assert_eq!(log.head().await, Ok(Position(2)));
    found.iter().map(|event| event.stream.to_string()).collect()
}

#[tokio::test]
async fn a_failed_commit_may_be_durable() {
    assert_eq!(after(CommitFault::Durable).await, ["a-1", "a-2"]);
}

#[tokio::test]
async fn a_failed_commit_may_be_lost() {
    assert_eq!(after(CommitFault::Lost).await, ["a-1"]);
}

/// One transaction, one answer for each append: none is reported as written if the commit fails.
#[tokio::test]
async fn after_a_failed_commit_every_append_that_came_together_is_unknown() {
    for (fault, found) in [(CommitFault::Durable, 3), (CommitFault::Lost, 0), (CommitFault::Panic, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.db");
        let options = SqliteOptions { on_fatal: Arc::new(|_| {}), ..SqliteOptions::default() };
        options.commit_faults.lock().push_back(fault);
        let log = SqliteLog::open_with(&path, Arc::new(SystemClock), options).unwrap();
        let answers = log.append_each(vec![write("a-1"), write("a-2"), write("a-3")]).await;
        assert_eq!(answers.len(), 3);
        assert!(answers.iter().all(|answer| matches!(answer, Err(LogFault::OutcomeUnknown(_)))), "{answers:?}");
        drop(log);
        let log = SqliteLog::open(&path, Arc::new(SystemClock)).unwrap();
        assert_eq!(log.head().await, Ok(Position(found)));
    }
}

/// However much comes together: all of it has a place in a queue that is smaller.
#[tokio::test]
async fn appends_that_come_together_may_be_larger_than_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions { queue_bytes: 1, ..SqliteOptions::default() };
    let log = SqliteLog::open_with(folder.path().join("events.db"), Arc::new(SystemClock), options).unwrap();
    let large = |n: usize| {
        let mut writes = write(&format!("a-{n}"));
        for event in writes.iter_mut().flat_map(|write| &mut write.events) {
            event.data = RawValue::from_string(format!("\"{}\"", "x".repeat(900_000))).unwrap();
        }
        writes
    };
    let answers = log.append_each((0..20).map(large).collect()).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(log.head().await, Ok(Position(20)));
    log.close().await.unwrap();
}

/// Between two transactions, where nobody waits for an answer: the log must not only refuse from then on,
/// or nothing would ever restart the process.
#[tokio::test]
async fn a_writer_thread_that_dies_between_transactions_is_fatal() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, reason) = std::sync::mpsc::channel();
    let on_fatal = Arc::new(move |reason: &str| sender.send(reason.to_owned()).unwrap());
    let options = SqliteOptions { on_fatal, ..SqliteOptions::default() };
    options.commit_faults.lock().push_back(CommitFault::PanicAfter);
    let log = SqliteLog::open_with(folder.path().join("events.db"), Arc::new(SystemClock), options).unwrap();
    log.append(write("a-1")).await.unwrap();
    let reason = reason.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
    assert_eq!(reason, "the writer thread panicked");
    let answer = log.append(write("a-2")).await;
    assert!(matches!(&answer, Err(LogFault::Unavailable(why)) if why.contains("the log has stopped")), "{answer:?}");
    assert_eq!(log.head().await, Ok(Position(1)), "what was acknowledged is there");
}

#[tokio::test]
async fn the_writer_thread_may_panic() {
    assert_eq!(after(CommitFault::Panic).await, ["a-1"]);
}
