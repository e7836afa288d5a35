//! A store that is slow, or ends subscriptions in a burst, is no fault: nothing is given up while it answers.

use crate::support;

use async_trait::async_trait;
use futures::future::join_all;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Delivery, Direction, Expected, Filter, LogFault, Position, StreamWrite, WriteOutcome};
use lastseat_event_log_eventstore::{CircuitOptions, CircuitState, EventStoreLog, Options};
use lastseat_testkit::{ForwardLog, ForwardingLog, MemoryLog};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::proxy::Proxy;
use support::{Server, append_one, bounded, events_of, impatient, memory, to, until, with_proxy, write};
use tokio::time::sleep;

/// How a server ends a live subscription whose buffer is full. Our server reports this fault as `ABORTED`, too.
fn too_slow() -> LogFault {
    LogFault::OutcomeUnknown("Consumer too slow to handle event while live. Client resubscription required.".to_owned())
}

/// Ends each subscription after so many deliveries.
#[derive(Clone)]
struct Overrun {
    inner: MemoryLog,
    after: usize,
    subscriptions: Arc<AtomicUsize>,
}

impl Overrun {
    fn after(deliveries: usize) -> Self {
        Self { inner: memory(), after: deliveries, subscriptions: Arc::default() }
    }
}

#[async_trait]
impl ForwardLog for Overrun {
    fn inner(&self) -> &dyn EventLog {
        &self.inner
    }

    fn atomic_across_streams(&self) -> bool {
        false
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        self.subscriptions.fetch_add(1, Ordering::SeqCst);
        self.inner.subscribe(from, filter).take(self.after).chain(stream::iter([Err(too_slow())])).boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_a_burst_has_ended_goes_on_without_gap_repeat_or_alarm() {
    let overrun = Overrun::after(7);
    let server = Server::start(Arc::new(ForwardingLog(overrun.clone()))).await;
    let log = server.client();
    let mut follower = log.subscribe(Position::START, Filter::all());
    let writes = async {
        for n in 0..200 {
            overrun.inner.append(vec![write(&format!("seat-{n}"), Expected::NoStream, "x")]).await.unwrap();
        }
    };
    let reads = async {
        let mut positions = Vec::new();
        while positions.len() < 200 {
            match bounded("the subscription", follower.next()).await.unwrap().unwrap() {
                Delivery::Event(event) => positions.push(event.position),
                Delivery::Interrupted(why) => panic!("reported as a loss: {why}"),
                Delivery::Checkpoint(_) | Delivery::CaughtUp(_) => {}
            }
        }
        positions
    };
    let (positions, ()) = tokio::join!(reads, writes);
    let events = overrun.inner.read_all(None, Direction::Forwards, 1000, &Filter::all()).await.unwrap();
    assert_eq!(positions, events.iter().map(|event| event.position).collect::<Vec<_>>());
    let (counted, ended) = (log.report().slow_subscriptions, overrun.subscriptions.load(Ordering::SeqCst));
    assert!(counted >= 20 && counted <= ended as u64, "{counted} of {ended}");
    assert_eq!((log.report().suspensions, log.health().last_fault), (0, None));
}

#[tokio::test]
async fn a_subscription_that_ends_again_without_progress_pauses_and_is_reported() {
    let overrun = Overrun::after(0);
    let server = Server::start(Arc::new(ForwardingLog(overrun.clone()))).await;
    overrun.inner.append(vec![write("seat-1", Expected::NoStream, "x")]).await.unwrap();
    let log = server.client();
    let mut follower = log.subscribe(Position::START, Filter::all());
    loop {
        match bounded("a delivery", follower.next()).await.unwrap().unwrap() {
            Delivery::Interrupted(why) => {
                assert!(why.contains("TooSlow"), "{why}");
                break;
            }
            Delivery::Event(event) => panic!("{event:?}"),
            Delivery::Checkpoint(_) | Delivery::CaughtUp(_) => {}
        }
    }
    assert_eq!(log.report().slow_subscriptions, 1, "at once only the first time");
    assert_eq!(overrun.subscriptions.load(Ordering::SeqCst), 2);
}

/// Appends to streams named `slow-…` never end.
struct Sluggish(MemoryLog);

#[async_trait]
impl ForwardLog for Sluggish {
    fn inner(&self) -> &dyn EventLog {
        &self.0
    }

    fn atomic_across_streams(&self) -> bool {
        false
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        if writes.iter().any(|write| write.stream.as_str().starts_with("slow-")) {
            std::future::pending::<()>().await;
        }
        self.0.append(writes).await
    }
}

/// Time limits that are over soon.
fn hasty() -> Options {
    let circuit = CircuitOptions { silence: Duration::from_millis(300), ..impatient().circuit };
    Options { append_deadline: Duration::from_secs(1), circuit, ..impatient() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_calls_give_up_neither_the_store_nor_the_connection_while_others_are_answered() {
    let server = Server::start(Arc::new(ForwardingLog(Sluggish(memory())))).await;
    let proxy = Proxy::to(server.address).await;
    // Long enough for a quick answer on a busy machine.
    let circuit = CircuitOptions { silence: Duration::from_secs(2), ..impatient().circuit };
    let options = Options { append_deadline: Duration::from_secs(5), circuit, ..impatient() };
    let log = EventStoreLog::open(&to(proxy.address), options).unwrap();
    log.head().await.unwrap();
    let slow = join_all((0..20).map(|n| {
        let log = log.clone();
        async move { append_one(&log, write(&format!("slow-{n}"), Expected::NoStream, "x")).await }
    }));
    // Reads: the server answers the appends of a session in their order, and a slow one delays those after it.
    let others = async {
        loop {
            log.head().await.unwrap();
            assert_eq!(log.health().circuit, CircuitState::Closed);
            sleep(Duration::from_millis(10)).await;
        }
    };
    let outcomes = tokio::select! {
        outcomes = slow => outcomes,
        () = others => Vec::new(),
    };
    for outcome in outcomes {
        assert!(matches!(outcome, Err(LogFault::OutcomeUnknown(_))), "{outcome:?}");
    }
    assert_eq!((log.report().suspensions, proxy.connections()), (0, 1));
}

/// Nothing else was asked of the store for longer than the silence that opens the circuit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_call_without_an_answer_opens_no_circuit() {
    let server = Server::start(Arc::new(ForwardingLog(Sluggish(memory())))).await;
    let circuit = CircuitOptions { silence: Duration::from_millis(500), trial: Duration::from_secs(5), ..impatient().circuit };
    // One try takes two seconds, so it is the first that fails.
    let options = Options { append_deadline: Duration::from_secs(5), circuit, ..impatient() };
    let log = EventStoreLog::open(&server.connection_string(), options).unwrap();
    log.head().await.unwrap();
    let slow = append_one(&log, write("slow-1", Expected::NoStream, "x")).await;
    assert!(matches!(slow, Err(LogFault::OutcomeUnknown(_))), "{slow:?}");
    assert_eq!((log.health().circuit, log.report().suspensions), (CircuitState::Closed, 0));
}

/// The first append of a node finds no connection, and over a slow network it takes long to make one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_in_which_a_connection_is_made_does_not_lower_the_limit() {
    let (_server, proxy, _) = with_proxy().await;
    let log = EventStoreLog::open(&to(proxy.address), Options::default()).unwrap();
    let limit = log.report().append_limit;
    proxy.stall(true);
    let appends = join_all((0..20).map(|n| {
        let log = log.clone();
        async move { append_one(&log, write(&format!("seat-{n}"), Expected::NoStream, "x")).await }
    }));
    let stall = async {
        sleep(Duration::from_secs(1)).await;
        proxy.stall(false);
    };
    let (outcomes, ()) = tokio::join!(appends, stall);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(log.report().append_limit, limit);
    // The same second counts once there is a connection.
    proxy.stall(true);
    let late = async {
        sleep(Duration::from_secs(1)).await;
        proxy.stall(false);
    };
    let (late, ()) = tokio::join!(append_one(&log, write("late", Expected::NoStream, "x")), late);
    assert!(late.is_ok() && log.report().append_limit < limit, "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_of_two_seconds_is_no_fault() {
    let (server, proxy, _) = with_proxy().await;
    let log = EventStoreLog::open(&to(proxy.address), Options::default()).unwrap();
    append_one(&log, write("warm", Expected::NoStream, "x")).await.unwrap();
    let connections = proxy.connections();
    proxy.stall(true);
    let appends = join_all((0..100).map(|n| {
        let log = log.clone();
        async move { append_one(&log, write(&format!("seat-{n}"), Expected::NoStream, "x")).await }
    }));
    let stall = async {
        sleep(Duration::from_secs(2)).await;
        proxy.stall(false);
    };
    let (outcomes, read, ()) = tokio::join!(appends, log.head(), stall);
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|outcome| outcome.is_written())), "{outcomes:?}");
    assert!(read.is_ok(), "{read:?}");
    assert_eq!((log.report().suspensions, log.health().last_fault, proxy.connections()), (0, None, connections));
    assert_eq!(events_of(&server.log, "seat-1").await.len(), 1);
}

#[tokio::test]
async fn a_store_that_answers_nothing_is_not_called_until_it_answers_again() {
    let (server, proxy, _) = with_proxy().await;
    let log = EventStoreLog::open(&to(proxy.address), hasty()).unwrap();
    append_one(&log, write("warm", Expected::NoStream, "x")).await.unwrap();
    proxy.stall(true);
    let outcome = append_one(&log, write("seat-1", Expected::NoStream, "x")).await;
    assert!(matches!(outcome, Err(LogFault::OutcomeUnknown(_))), "{outcome:?}");
    assert_ne!(log.health().circuit, CircuitState::Closed);
    assert_eq!(log.report().suspensions, 1);
    for _ in 0..5 {
        let outcome = append_one(&log, write("seat-2", Expected::NoStream, "x")).await;
        assert!(outcome.is_err(), "{outcome:?}");
        sleep(Duration::from_millis(10)).await;
    }
    proxy.stall(false);
    until("it is back", async || append_one(&log, write("seat-3", Expected::NoStream, "x")).await.is_ok()).await;
    assert_eq!((log.health().circuit, log.report().suspensions), (CircuitState::Closed, 1));
    assert_eq!(events_of(&server.log, "seat-3").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_got_no_turn_was_not_written() {
    let server = Server::start(Arc::new(ForwardingLog(Sluggish(memory())))).await;
    let log = EventStoreLog::open(&server.connection_string(), hasty()).unwrap();
    log.head().await.unwrap();
    let limit = usize::try_from(log.report().append_limit).unwrap();
    let slow = tokio::spawn({
        let log = log.clone();
        async move {
            let append = async |n| append_one(&log, write(&format!("slow-{n}"), Expected::NoStream, "x")).await;
            join_all((0..limit).map(append)).await
        }
    });
    until("all permits are taken", async || log.report().appends_in_flight == limit as u64).await;
    let late = append_one(&log, write("seat-1", Expected::NoStream, "x")).await;
    assert!(matches!(&late, Err(LogFault::Busy(why)) if why.contains("not sent")), "{late:?}");
    assert!(log.wait_for_capacity(1).now_or_never().is_none(), "new work waits");
    assert_eq!(events_of(&server.log, "seat-1").await, []);
    slow.await.unwrap();
    assert!(log.report().append_limit < limit as u64, "the store takes fewer");
    until("it is well again", async || append_one(&log, write("seat-1", Expected::NoStream, "x")).await.is_ok()).await;
}
