use super::*;
use crate::demo;
use chrono::TimeDelta;
use lastseat_domain::{BookingId, BuyerId, SeatId, ShowId};
use lastseat_engine::{HoldRequest, SeatSelection};
use lastseat_event_log_sqlite::OpenError;
use lastseat_in_process::SteadyClock;
use lastseat_testkit::JumpingTime;
use std::net::Ipv4Addr;
use tempfile::TempDir;

fn config(data: &TempDir) -> Config {
    Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        data: data.path().to_owned(),
        demo: true,
        drain: Duration::from_secs(1),
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_live_in_one_process() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = start(config(&one)).await.unwrap();
    let second = start(config(&other)).await.unwrap();
    assert_ne!(first.addr, second.addr);
    assert_eq!(first.url, format!("http://{}", first.addr));
    tokio::join!(first.stop(), second.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_leaves_everything_for_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let key = |dir: &TempDir| std::fs::read(dir.path().join("token.key")).unwrap();
    let first = start(config(&dir)).await.unwrap();
    let (address, kept) = (first.addr, key(&dir));
    first.stop().await;
    assert!(TcpListener::bind(address).await.is_ok(), "the port is free again");
    start(config(&dir)).await.unwrap().stop().await;
    assert_eq!(key(&dir), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_never_share_a_log() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(config(&dir)).await.unwrap();
    let second = start(config(&dir)).await.map(|_| ()).unwrap_err();
    assert!(matches!(second, StartError::Log(OpenError::InUse { .. })), "{second}");
    first.stop().await;
    start(config(&dir)).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_leaves_the_log_free() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token.key"), "short").unwrap();
    let error = start(config(&dir)).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, StartError::Key(_)), "{error}");
    std::fs::remove_file(dir.path().join("token.key")).unwrap();
    start(config(&dir)).await.unwrap().stop().await;
}

#[tokio::test]
async fn an_address_of_others_is_named() {
    let dir = tempfile::tempdir().unwrap();
    // TEST-NET-1: nobody has it.
    let config = Config { listen: SocketAddr::from(([192, 0, 2, 1], 80)), ..config(&dir) };
    let line = start(config).await.map(|_| ()).unwrap_err().to_string();
    assert_eq!(line, "192.0.2.1:80 can't be listened on: this machine does not have that address; choose another with --listen");
}

/// Whatever ends without having been asked to ends the process, see `cli::serve`.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_has_ended_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let port = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let config = Config { eventstore_listen: port, ..config(&dir) };
    let mut running = start(config).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(300), running.failed()).await.is_err(), "all is well");
    running.eventstore_server.as_ref().unwrap().abort();
    assert_eq!(running.failed().await, "the EventStoreDB-protocol server has ended");
    running.eventstore_server = None;
    running.sandbox.as_ref().unwrap().break_thread();
    assert_eq!(running.failed().await, "a task that payments need has ended; the log names it");
    assert!(running.reports_ended.is_cancelled(), "it is not ready any more");
    running.reports_ended = CancellationToken::new();
    running.serving.abort();
    assert!(running.failed().await.starts_with("the HTTP server has ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seat_map_follows_a_clock_that_is_set_forward() {
    let dir = tempfile::tempdir().unwrap();
    let wall = Arc::new(JumpingTime::start());
    let read = Arc::clone(&wall);
    let clock = Arc::new(SteadyClock::over(move || read.now()));
    let running = start_at(config(&dir), Arc::new(|_| ()), None, clock).await.unwrap();
    let (show, booking) = (ShowId::new(demo::SHOW).unwrap(), BookingId(uuid::Uuid::from_u128(7)));
    let shows = async |state: &str| {
        let is_shown = || running.read_model.seat_map(&show).unwrap().seats[0].state.name() == state;
        let wait = async {
            while !is_shown() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(15), wait).await.unwrap_or_else(|_| panic!("A-1 is not {state}"));
    };
    let selection = SeatSelection::Seats(vec![SeatId::new("A-1").unwrap()]);
    let request = HoldRequest::new(booking, show.clone(), selection, BuyerId::guest(booking));
    running.box_office.hold(request).await.unwrap();
    shows("locked").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    shows("locked").await;
    wall.jump(TimeDelta::hours(2));
    shows("available").await;
    running.stop().await;
}
