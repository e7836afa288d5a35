//! The connection is cut, stalls, or there is no server: no hang, no false answer, and everything recovers.

use crate::support;

use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Delivery, Direction, Expected, Filter, LogFault, Position, StreamWrite, WriteOutcome};
use lastseat_event_log_eventstore::{CircuitState, EventStoreLog};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use std::sync::Arc;
use std::time::Duration;
use support::proxy::Proxy;
use support::{Server, append_one, bounded, events_of, impatient, open, to, until, with_proxy, write};
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn without_a_server_every_call_fails_soon_and_works_once_there_is_one() {
    let mut server = Server::with_memory().await;
    let (address, held) = (server.address, Arc::clone(&server.log));
    server.stop().await;

    let log = EventStoreLog::open(&to(address), impatient()).unwrap();
    assert_eq!(log.health().circuit, CircuitState::Closed, "no call was made yet");
    for n in 0..20 {
        let outcome = append_one(&log, write(&format!("s-{n}"), Expected::NoStream, "x")).await;
        assert!(matches!(outcome, Err(LogFault::Unavailable(_))), "{outcome:?}");
        let read = bounded("read", log.read_stream(&StreamName::from_log("s-1"), None, Direction::Forwards, 1)).await;
        assert!(matches!(read, Err(LogFault::Unavailable(_))), "{read:?}");
        assert!(matches!(bounded("head", log.head()).await, Err(LogFault::Unavailable(_))));
    }
    let health = log.health();
    assert_ne!(health.circuit, CircuitState::Closed);
    assert!(health.failing_for.is_some() && health.last_fault.is_some(), "{health:?}");
    let mut follower = log.subscribe(Position::START, Filter::all());
    let first = timeout(Duration::from_millis(100), follower.next()).await;
    assert!(matches!(first, Err(_) | Ok(Some(Ok(Delivery::Interrupted(_))))), "a subscription waits: {first:?}");

    let server = Server::start_at(held, address).await;
    until("the log is back", async || append_one(&log, write("s-back", Expected::NoStream, "x")).await.is_ok()).await;
    assert_eq!((log.health().circuit, log.health().failing_for), (CircuitState::Closed, None));
    // It may have caught up before the append.
    let first = loop {
        if let Delivery::Event(event) = bounded("the subscription", follower.next()).await.unwrap().unwrap() {
            break event;
        }
    };
    assert_eq!(first.stream.as_str(), "s-back");
    assert_eq!(events_of(&server.log, "s-1").await, [], "a refused append was written");
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_is_found_written() {
    for batch in [true, false] {
        let (server, proxy, _) = with_proxy().await;
        let options = lastseat_event_log_eventstore::Options { batch, ..impatient() };
        let log = EventStoreLog::open(&to(proxy.address), options).unwrap();
        for n in 0..5 {
            let (stream, expected) = ("booking-1", Expected::after(n));
            let name = format!("event-{n}");
            // A connection first: what is stalled is the append's answer.
            until("there is a connection", async || log.head().await.is_ok()).await;
            proxy.stall_answers(true);
            let cut = async {
                until("the append arrives", async || events_of(&server.log, stream).await.len() as u64 == n + 1).await;
                proxy.cut();
                proxy.stall_answers(false);
            };
            let append = append_one(&log, write(stream, expected, &name));
            let (outcome, ()) = tokio::join!(append, cut);
            let written = events_of(&server.log, stream).await;
            assert_eq!(written.len() as u64, n + 1, "once");
            assert_eq!(outcome, Ok(WriteOutcome::Written { last_revision: n, position: written[written.len() - 1].1 }));
        }
    }
}

#[tokio::test]
async fn an_append_whose_request_is_lost_is_sent_again() {
    let (server, proxy, log) = with_proxy().await;
    log.head().await.unwrap();
    for n in 0..5 {
        let stream = format!("booking-{n}");
        proxy.stall(true);
        let cut = async {
            sleep(Duration::from_millis(30)).await;
            proxy.cut();
            proxy.stall(false);
        };
        let (outcome, ()) = tokio::join!(append_one(&log, write(&stream, Expected::NoStream, "x")), cut);
        let written = events_of(&server.log, &stream).await;
        assert_eq!(outcome, Ok(WriteOutcome::Written { last_revision: 0, position: written[0].1 }));
        assert_eq!(written.len(), 1);
    }
}

#[tokio::test]
async fn an_append_that_is_too_late_on_its_second_attempt_is_a_conflict() {
    let (server, proxy, log) = with_proxy().await;
    log.head().await.unwrap();
    proxy.stall(true);
    let other = async {
        sleep(Duration::from_millis(30)).await;
        server.log.append(vec![write("seat-1", Expected::NoStream, "another")]).await.unwrap();
        proxy.cut();
        proxy.stall(false);
    };
    let (outcome, ()) = tokio::join!(append_one(&log, write("seat-1", Expected::NoStream, "ours")), other);
    assert_eq!(outcome, Ok(WriteOutcome::Conflict { actual: Some(0) }));
}

#[tokio::test]
async fn a_stalled_connection_leaves_the_outcome_unknown_and_a_repeat_finds_it() {
    let (server, proxy, log) = with_proxy().await;
    log.head().await.unwrap();
    proxy.stall_answers(true);
    let writes = vec![write("seat-1", Expected::NoStream, "x"), write("seat-2", Expected::NoStream, "x")];
    let outcome = bounded("append", log.append(writes.clone())).await;
    assert!(matches!(outcome, Err(LogFault::OutcomeUnknown(_))), "{outcome:?}");
    assert!(matches!(bounded("head", log.head()).await, Err(LogFault::Unavailable(_))));
    proxy.stall_answers(false);

    let mut outcomes = Vec::new();
    until("the log is back", async || {
        outcomes = log.append(writes.clone()).await.unwrap_or_default();
        !outcomes.is_empty()
    })
    .await;
    for (outcome, stream) in outcomes.iter().zip(["seat-1", "seat-2"]) {
        let written = events_of(&server.log, stream).await;
        assert_eq!(*outcome, WriteOutcome::Written { last_revision: 0, position: written[0].1 });
        assert_eq!(written.len(), 1);
    }
}

#[tokio::test]
async fn a_slow_connection_is_no_fault() {
    let (_server, proxy, log) = with_proxy().await;
    log.head().await.unwrap();
    proxy.delay(Duration::from_millis(30));
    let appends = (0..20).map(|n| {
        let log = log.clone();
        async move { append_one(&log, write(&format!("s-{n}"), Expected::NoStream, "x")).await.unwrap() }
    });
    assert!(join_all(appends).await.into_iter().all(WriteOutcome::is_written));
    assert_eq!(log.health().circuit, CircuitState::Closed);
}

/// The reported outcome of one append.
struct Reported {
    write: StreamWrite,
    outcome: Result<WriteOutcome, LogFault>,
}

/// The reported outcomes that the log contradicts.
async fn false_reports(log: &Arc<dyn EventLog>, reports: &[Reported]) -> Vec<String> {
    let mut wrong = Vec::new();
    for Reported { write, outcome } in reports {
        let events = log.read_stream(&write.stream, None, Direction::Forwards, 1000).await.unwrap();
        let ours = events.iter().find(|event| event.id == write.events[0].id);
        let fine = match (outcome, ours) {
            (Ok(WriteOutcome::Written { last_revision, position }), Some(event)) => {
                (event.revision, event.position) == (*last_revision, *position)
                    && event.revision == write.expected.next_revision()
            }
            (Ok(WriteOutcome::Conflict { .. }) | Err(LogFault::Unavailable(_)), None) => true,
            (Err(LogFault::OutcomeUnknown(_)), _) => true,
            _ => false,
        };
        if !fine {
            wrong.push(format!("{}: reported {outcome:?}, but {ours:?}", write.stream));
        }
    }
    wrong
}

/// Writers contend for streams while the connection is cut repeatedly. Every event has its own id.
async fn contend(log: &impl EventLog, proxy: &Proxy, run: &str) -> Vec<Reported> {
    let writer_task = async |writer: u64| {
        let mut reports = Vec::new();
        for n in 0..15 {
            let write = write(&format!("{run}-{}", (writer + n) % 5), Expected::after(n / 2), &format!("{writer}-{n}"));
            let outcome = append_one(log, write.clone()).await;
            reports.push(Reported { write, outcome });
        }
        reports
    };
    let cuts = async {
        for n in 0.. {
            sleep(Duration::from_millis(20 + n % 7 * 13)).await;
            proxy.stall_answers(n % 3 == 0);
            sleep(Duration::from_millis(15)).await;
            proxy.cut();
            proxy.stall_answers(false);
        }
    };
    let writers = join_all((0..12).map(writer_task));
    let reports = tokio::select! {
        reports = writers => reports,
        () = cuts => Vec::new(),
    };
    reports.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_outcome_is_reported_falsely_while_the_connection_is_cut_repeatedly() {
    let (server, proxy, log) = with_proxy().await;
    log.head().await.unwrap();
    let reports = bounded("the writers", contend(&log, &proxy, "run")).await;
    assert_eq!(false_reports(&server.log, &reports).await, [""; 0]);
    let written = reports.iter().filter(|report| matches!(report.outcome, Ok(outcome) if outcome.is_written())).count();
    assert!(written >= 5, "{written} of {} were written: too few for a test", reports.len());
}

/// The failing twin: reports "nothing was written" after a time-out.
struct Hasty(EventStoreLog);

#[async_trait::async_trait]
impl ForwardLog for Hasty {
    fn inner(&self) -> &dyn EventLog {
        &self.0
    }

    fn atomic_across_streams(&self) -> bool {
        false
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        let log = self.0.clone();
        let append = tokio::spawn(async move { log.append(writes).await });
        let hurry = timeout(Duration::from_millis(5), append);
        hurry.await.map_or_else(|_| Err(LogFault::Unavailable("took too long".to_owned())), Result::unwrap)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adapter_that_takes_a_timeout_for_not_written_is_caught() {
    let (server, proxy, log) = with_proxy().await;
    log.head().await.unwrap();
    let reports = bounded("the writers", contend(&ForwardingLog(Hasty(log)), &proxy, "run")).await;
    // The abandoned appends are written a little later.
    until("a false report", async || !false_reports(&server.log, &reports).await.is_empty()).await;
}

#[tokio::test]
async fn a_closed_log_ends_its_subscriptions_and_fails_every_call() {
    let (_server, _proxy, log) = with_proxy().await;
    let mut follower = log.subscribe(Position::START, Filter::all());
    bounded("caught up", follower.next()).await.unwrap().unwrap();
    log.close();
    assert!(bounded("the end", follower.next()).await.is_none());
    assert!(matches!(append_one(&log, write("s", Expected::NoStream, "x")).await, Err(LogFault::Unavailable(_))));
    assert!(matches!(bounded("head", log.head()).await, Err(LogFault::Unavailable(_))));
    assert!(log.subscribe(Position::START, Filter::all()).next().now_or_never().flatten().is_none());
}

/// It may have been written: closing the log doesn't undo that.
#[tokio::test]
async fn an_append_under_way_while_the_log_is_closed_is_unknown() {
    let (server, proxy, log) = with_proxy().await;
    append_one(&log, write("warm", Expected::NoStream, "x")).await.unwrap();
    proxy.stall_answers(true);
    let close = async {
        until("the append arrives", async || !events_of(&server.log, "seat-1").await.is_empty()).await;
        log.close();
    };
    let (outcome, ()) = tokio::join!(append_one(&log, write("seat-1", Expected::NoStream, "x")), close);
    assert!(matches!(outcome, Err(LogFault::OutcomeUnknown(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_check_reports_the_state_and_what_to_do() {
    let server = Server::with_memory().await;
    let well = bounded("checkup", open(server.address).check()).await;
    assert!(well.is_well() && well.batch_append && well.version.is_some(), "{well:?}");
    assert_eq!(server.log.head().await.unwrap(), Position::START, "nothing was written");

    let (address, mut server) = (server.address, server);
    server.stop().await;
    let log = EventStoreLog::open(&format!("esdb://ann:hunter2@{address}?tls=false"), impatient()).unwrap();
    let gone = bounded("checkup", log.check()).await;
    assert!(!gone.is_well() && !gone.reachable && !gone.findings.is_empty(), "{gone:?}");
    assert!(gone.findings[0].text.contains("running"));
    assert!(!format!("{gone:?} {:?}", log.health()).contains("hunter2"));
}
