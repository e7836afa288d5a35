//! The connection is cut or stalls, or the server restarts: readers see no gap, no repeat and no end.

use crate::support;

use futures::StreamExt;
use futures::stream::BoxStream;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Delivery, Direction, Expected, Filter, LogFault, Position};
use lastseat_event_log_eventstore::EventStoreLog;
use std::sync::Arc;
use std::time::Duration;
use support::{Server, append_one, bounded, events_of, impatient, memory, until, with_proxy, write};
use tokio::time::{sleep, timeout};

/// Positions of all events of a subscription, up to the first event of `stream`.
async fn positions_up_to(mut follower: BoxStream<'static, Result<Delivery, LogFault>>, stream: &str) -> Vec<Position> {
    let mut positions = Vec::new();
    let (mut reached, mut caught_up) = (Position::START, 0);
    loop {
        match bounded("the subscription", follower.next()).await.unwrap().unwrap() {
            Delivery::Event(event) => {
                assert!(event.position > reached, "{} comes after {reached} was reported", event.position);
                reached = event.position;
                positions.push(event.position);
                if event.stream.as_str() == stream {
                    assert!(caught_up > 0 || positions.len() > 1);
                    return positions;
                }
            }
            Delivery::Interrupted(_) => {}
            Delivery::Checkpoint(position) => reached = reached.max(position),
            Delivery::CaughtUp(position) => {
                caught_up += 1;
                reached = reached.max(position);
            }
        }
    }
}

/// Appends events one by one, directly to the server's log.
async fn trickle(log: &Arc<dyn EventLog>, count: u64, last: &str) {
    for n in 0..count {
        let stream = if n % 3 == 0 { format!("other-{n}") } else { format!("seat-{n}") };
        log.append(vec![write(&stream, Expected::NoStream, "x")]).await.unwrap();
        sleep(Duration::from_millis(2)).await;
    }
    log.append(vec![write(last, Expected::NoStream, "x")]).await.unwrap();
}

async fn expected(log: &Arc<dyn EventLog>, filter: &Filter) -> Vec<Position> {
    let events = log.read_all(None, Direction::Forwards, usize::MAX, filter).await.unwrap();
    events.iter().map(|event| event.position).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_reconnects_without_gap_or_repeat() {
    let (server, proxy, log) = with_proxy().await;
    let (all, some) = (Filter::all(), Filter::streams(&["seat-"]));
    let whole = tokio::spawn(positions_up_to(log.subscribe(Position::START, all.clone()), "seat-last"));
    let part = tokio::spawn(positions_up_to(log.subscribe(Position::START, some.clone()), "seat-last"));
    let cuts = async {
        for n in 0..8 {
            sleep(Duration::from_millis(120)).await;
            proxy.refuse(n % 2 == 0);
            sleep(Duration::from_millis(40)).await;
            proxy.refuse(false);
            proxy.cut();
        }
    };
    tokio::join!(trickle(&server.log, 400, "seat-last"), cuts);
    assert!(proxy.connections() > 4, "the connection was never cut");
    assert_eq!(whole.await.unwrap(), expected(&server.log, &all).await);
    assert_eq!(part.await.unwrap(), expected(&server.log, &some).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_is_told_of_a_loss_once_and_that_it_is_over() {
    let (_server, proxy, log) = with_proxy().await;
    let mut follower = log.subscribe(Position::START, Filter::all());
    let mut next = async || bounded("a delivery", follower.next()).await.unwrap().unwrap();
    assert!(matches!(next().await, Delivery::CaughtUp(_)));
    for _ in 0..3 {
        proxy.refuse(true);
        proxy.cut();
        let lost = next().await;
        assert!(matches!(&lost, Delivery::Interrupted(why) if !why.is_empty()), "{lost:?}");
        // Several attempts to connect again.
        sleep(Duration::from_secs(1)).await;
        proxy.refuse(false);
        let found = next().await;
        assert!(matches!(found, Delivery::CaughtUp(_)), "{found:?}");
    }
}

/// The failing twin: a reader that resumes from the head after a cut misses events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_resumes_from_the_head_is_caught() {
    let (server, proxy, log) = with_proxy().await;
    let naive = async {
        let mut positions = Vec::new();
        let mut from = Position::START;
        while positions.len() < 400 {
            let mut follower = log.subscribe(from, Filter::all());
            // Until the cut; then from the current head.
            while let Ok(Some(Ok(delivery))) = timeout(Duration::from_millis(30), follower.next()).await {
                if let Delivery::Event(event) = delivery {
                    positions.push(event.position);
                    if event.stream.as_str() == "seat-last" {
                        return positions;
                    }
                }
            }
            drop(follower);
            sleep(Duration::from_millis(50)).await;
            from = server.log.head().await.unwrap();
            if from >= server.log.head().await.unwrap() && events_of(&server.log, "seat-last").await.len() == 1 {
                return positions;
            }
        }
        positions
    };
    let cuts = async {
        for _ in 0..5 {
            sleep(Duration::from_millis(100)).await;
            proxy.cut();
        }
    };
    let (positions, (), ()) = tokio::join!(naive, trickle(&server.log, 200, "seat-last"), cuts);
    assert_ne!(positions, expected(&server.log, &Filter::all()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_survives_restarts_of_the_server() {
    let held: Arc<dyn EventLog> = Arc::new(memory());
    let mut server = Server::start(Arc::clone(&held)).await;
    let log = EventStoreLog::open(&server.connection_string(), impatient()).unwrap();
    let whole = tokio::spawn(positions_up_to(log.subscribe(Position::START, Filter::all()), "seat-last"));
    let restarts = async {
        for _ in 0..4 {
            sleep(Duration::from_millis(100)).await;
            let address = server.address;
            server.stop().await;
            sleep(Duration::from_millis(60)).await;
            server = Server::start_at(Arc::clone(&held), address).await;
        }
    };
    tokio::join!(trickle(&held, 300, "seat-last"), restarts);
    assert_eq!(whole.await.unwrap(), expected(&held, &Filter::all()).await);
    // Appends, too.
    until("appends work", async || append_one(&log, write("seat-after", Expected::NoStream, "x")).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_subscription_reconnects() {
    let (server, proxy, log) = with_proxy().await;
    let mut follower = log.subscribe(Position::START, Filter::all());
    bounded("caught up", follower.next()).await.unwrap().unwrap();
    proxy.strand();
    let stalled = tokio::spawn(async move {
        loop {
            let delivery = bounded("the event", follower.next()).await.unwrap().unwrap();
            if !matches!(delivery, Delivery::Interrupted(_)) {
                return delivery;
            }
        }
    });
    sleep(Duration::from_millis(50)).await;
    server.log.append(vec![write("seat-1", Expected::NoStream, "x")]).await.unwrap();
    assert!(append_one(&log, write("seat-2", Expected::NoStream, "x")).await.unwrap().is_written());
    assert!(matches!(stalled.await.unwrap(), Delivery::Event(_)));
}

#[tokio::test]
async fn a_position_ahead_of_the_log_is_refused() {
    let (server, _proxy, log) = with_proxy().await;
    server.log.append(vec![write("seat-1", Expected::NoStream, "x")]).await.unwrap();
    let head = log.head().await.unwrap();
    let mut follower = log.subscribe(Position(head.0 + 1), Filter::all());
    let first = bounded("the subscription", follower.next()).await.unwrap();
    assert!(matches!(first, Err(LogFault::Refused(_))), "{first:?}");
    assert!(bounded("the end", follower.next()).await.is_none());
}

/// Two nodes over one log as a cluster: whichever stops, the other takes over appends, reads and
/// subscriptions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_one_node_stops_another_takes_over() {
    let held: Arc<dyn EventLog> = Arc::new(memory());
    let mut nodes = [Server::start(Arc::clone(&held)).await, Server::start(Arc::clone(&held)).await];
    let both = format!("esdb://{},{}?tls=false&gossipTimeout=500", nodes[0].address, nodes[1].address);
    let log = EventStoreLog::open(&both, impatient()).unwrap();
    let whole = tokio::spawn(positions_up_to(log.subscribe(Position::START, Filter::all()), "seat-last"));
    for n in 0..6 {
        nodes[n % 2].stop().await;
        let name = format!("seat-{n}");
        until("the other node takes over", async || {
            append_one(&log, write(&name, Expected::NoStream, "x")).await.is_ok_and(|outcome| outcome.is_written())
        })
        .await;
        assert_eq!(events_of(&held, &name).await.len(), 1);
        until("reads work there, too", async || log.head().await.is_ok()).await;
        let address = nodes[n % 2].address;
        nodes[n % 2] = Server::start_at(Arc::clone(&held), address).await;
    }
    held.append(vec![write("seat-last", Expected::NoStream, "x")]).await.unwrap();
    assert_eq!(whole.await.unwrap(), expected(&held, &Filter::all()).await);
}
