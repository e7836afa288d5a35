//! What is queued and followed, whatever fails or stops in between.

use super::{all, fill, folder, open, open_with, write};
use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Delivery, Filter, LogFault, Position, WriteOutcome};
use lastseat_event_log_sqlite::SqliteOptions;
use lastseat_event_log_sqlite::check_integrity;
use lastseat_in_process::SystemClock;
use lastseat_testkit::{AppendFault, MemoryLog};
use std::sync::Arc;

#[tokio::test]
async fn positions_are_dense_whatever_fails_in_between() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    let appends = (0..300_u64).map(|n| {
        let log = &log;
        async move {
            match n % 3 {
                0 => drop(log.append(write("seat-1", 5, 10)).await.unwrap()),
                1 => drop(log.append(write("large", 0, 2 * 1024 * 1024)).await.unwrap_err()),
                _ => drop(log.append(write(&format!("a-{n}"), 0, 10)).await.unwrap()),
            }
        }
    });
    join_all(appends).await;
    let positions: Vec<u64> = all(&log).await.unwrap().iter().map(|event| event.position.0).collect();
    assert_eq!(positions, (1..=100).collect::<Vec<_>>());
    assert!(check_integrity(&path).unwrap().findings.is_empty());
}

#[tokio::test]
async fn an_append_is_carried_out_when_its_caller_gives_up() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    assert!(log.append(write("a-1", 0, 10)).now_or_never().is_none(), "polled once, then dropped");
    let second = log.append(write("a-2", 0, 10)).await.unwrap();
    assert_eq!(second, [WriteOutcome::Written { last_revision: 0, position: Position(2) }]);
    // Dropping the log writes what is queued.
    assert!(log.append(write("a-3", 0, 10)).now_or_never().is_none());
    drop(log);
    assert_eq!(open(&path).unwrap().head().await, Ok(Position(3)));
}

#[tokio::test]
async fn a_small_queue_makes_callers_wait_and_loses_nothing() {
    let (_folder, path) = folder();
    let log = open_with(&path, SqliteOptions { queue: 1, queue_bytes: 0, ..SqliteOptions::default() });
    fill(&log, 500).await;
    assert_eq!(log.head().await, Ok(Position(500)));
}

#[tokio::test]
async fn closing_answers_what_is_queued_and_ends_what_runs() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    let mut followed = log.subscribe(Position::START, Filter::all());
    let appends = join_all((0..100).map(|n| log.append(write(&format!("a-{n}"), 0, 10))).collect::<Vec<_>>());
    let (answers, closed) = futures::future::join(appends, log.close()).await;
    closed.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Ok(outcomes) if outcomes[0].is_written())));
    assert!(matches!(log.append(write("late", 0, 10)).await, Err(LogFault::Unavailable(_))));
    assert!(matches!(all(&log).await, Err(LogFault::Unavailable(_))));
    log.close().await.unwrap();
    let mut delivered = 0;
    while let Some(delivery) = followed.next().await {
        delivered += usize::from(matches!(delivery.unwrap(), Delivery::Event(_)));
    }
    assert_eq!(delivered, 100);
}

#[tokio::test]
async fn a_slow_subscriber_falls_back_to_the_file_and_catches_up_again() {
    let (_folder, path) = folder();
    let log = open_with(&path, SqliteOptions { tail_events: 50, ..SqliteOptions::default() });
    fill(&log, 10).await;
    let mut followed = log.subscribe(Position::START, Filter::all());
    let mut next = 1;
    for count in [10, 1500] {
        if count > 10 {
            let appends = (10..count).map(|n| log.append(write(&format!("a-{n}"), 0, 200))).collect::<Vec<_>>();
            join_all(appends).await;
        }
        loop {
            match followed.next().await.unwrap().unwrap() {
                Delivery::Event(event) => {
                    assert_eq!(event.position.0, next);
                    next += 1;
                }
                Delivery::Checkpoint(_) | Delivery::Interrupted(_) => {}
                Delivery::CaughtUp(position) => {
                    assert_eq!((position.0, next), (count, count + 1));
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_checkpoint_of_another_log_is_refused() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    fill(&log, 5).await;
    for log in [Arc::new(log) as Arc<dyn EventLog>, Arc::new(MemoryLog::new(Arc::new(SystemClock), true))] {
        let deliveries: Vec<_> = log.subscribe(Position(6), Filter::all()).collect().await;
        assert!(matches!(&*deliveries, [Err(LogFault::Refused(_))]), "{deliveries:?}");
    }
}

#[tokio::test]
async fn the_memory_log_fails_as_scripted() {
    let clock = Arc::new(SystemClock);
    let log = MemoryLog::new(clock.clone(), false);
    log.fail_next_appends(vec![AppendFault::None, AppendFault::Unavailable]);
    let three = |n: u64| ["x", "y", "z"].iter().flat_map(|key| write(&format!("{key}-{n}"), 0, 10)).collect::<Vec<_>>();
    assert!(log.append(three(0)).await.is_ok());
    assert!(matches!(log.append(three(1)).await, Err(LogFault::Unavailable(_))));
    for (n, fault, written) in
        [(2, AppendFault::AnswerLost, 3), (3, AppendFault::RequestLost, 0), (4, AppendFault::OnlyFirst(1), 1)]
    {
        log.fail_next_appends(vec![fault]);
        assert!(matches!(log.append(three(n)).await, Err(LogFault::OutcomeUnknown(_))));
        let events = all(&log).await.unwrap();
        let found = events.iter().filter(|event| event.stream.as_str().ends_with(&format!("-{n}"))).count();
        assert_eq!(found, written, "append {n}");
        assert!(log.append(three(n)).await.unwrap().iter().all(|outcome| outcome.is_written()));
    }
    log.set_down(true);
    assert!(matches!(log.head().await, Err(LogFault::Unavailable(_))));
    log.set_down(false);
    assert_eq!(all(&log).await.unwrap().len(), 12);

    let atomic = MemoryLog::new(clock, true);
    atomic.fail_next_appends(vec![AppendFault::OnlyFirst(1)]);
    assert!(matches!(atomic.append(three(0)).await, Err(LogFault::OutcomeUnknown(_))));
    assert!(all(&atomic).await.unwrap().is_empty(), "all or nothing");
}
