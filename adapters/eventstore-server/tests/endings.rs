//! Ends: the door shuts, the log closes, the server comes back, clients that say nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use common::{Open, Silent, at, event, fill, memory, name, names, soon, writing};
use eventstore::{
    Error, Position as ClientPosition, ReadAllOptions, ReadStreamOptions, RetryOptions, StreamPosition, StreamState,
    SubscribeToAllOptions,
};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_eventstore_server::DoorSettings;
use lastseat_in_process::SystemClock;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Cut off, it must not look complete. (For subscriptions see `subscription_ends.rs`.)
#[tokio::test]
async fn a_read_ends_with_an_error_when_the_door_shuts() {
    let door = Open::new(memory(), writing()).await;
    // More than is on its way at one time.
    fill(&door.log, "seat-1", "A", 0..50_000).await;
    let mut reading = door.client().read_all(&ReadAllOptions::default()).await.unwrap();
    soon(reading.next()).await.unwrap().unwrap();
    door.start_shutting();
    let ended = loop {
        match soon(reading.next()).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it looks complete"),
            Err(ended) => break ended,
        }
    };
    assert!(matches!(&ended, Error::ServerError(_)), "{ended:?}");
    door.shut().await;
}

/// What is under way is answered before the door is shut, and what comes after is not taken.
#[tokio::test]
async fn an_append_under_way_is_answered_or_cut_off_after_the_grace() {
    let settings = DoorSettings { grace: Duration::from_millis(300), append_deadline: Duration::from_secs(3600), ..writing() };
    let door = Open::new(Arc::new(Silent), settings).await;
    let client = door.client();
    let append = tokio::spawn(async move { client.append_to_stream("seat-1", &at(StreamState::NoStream), event("a")).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The log never answers: the door shuts all the same.
    door.shut().await;
    soon(append).await.unwrap().expect_err("nobody knows what became of it, least of all that it succeeded");
}

/// A subscription goes on where it was, over a restart of the server, and so does everything else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_everything_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Arc::new(SqliteLog::open(folder.path().join("events.db"), Arc::new(SystemClock)).unwrap());
    let log = open();
    let door = Open::new(log.clone(), writing()).await;
    let address = door.address.to_string();
    fill(&door.log, "seat-1", "A", 0..3).await;
    let client = door.client();
    let retry = RetryOptions::default();
    let options = SubscribeToAllOptions::default().position(StreamPosition::Start).retry_options(retry);
    let mut followed = client.subscribe_to_all(&options).await;
    for n in 0..3 {
        assert_eq!(name(&soon(followed.next()).await.unwrap()), format!("seat-1/{n}"));
    }
    door.shut().await;
    log.close().await.unwrap();
    drop(log);

    let log = open();
    let door = Open::at(&address, log.clone(), writing()).await;
    fill(&door.log, "seat-1", "A", 3..5).await;
    for n in 3..5 {
        assert_eq!(name(&soon(followed.next()).await.unwrap()), format!("seat-1/{n}"));
    }
    let again = door.client();
    assert_eq!(names(again.read_stream("seat-1", &ReadStreamOptions::default()).await).await.len(), 5);
    let behind = StreamPosition::Position(ClientPosition { commit: 4, prepare: 4 });
    let mut resumed = again.subscribe_to_all(&SubscribeToAllOptions::default().position(behind)).await;
    assert_eq!(name(&soon(resumed.next()).await.unwrap()), "seat-1/4");
    door.shut().await;
    log.close().await.unwrap();
}

#[tokio::test]
async fn a_full_door_turns_the_next_one_away_and_lets_them_in_later() {
    let settings = DoorSettings { max_connections: 1, ..writing() };
    let door = Open::new(memory(), settings).await;
    fill(&door.log, "seat-1", "A", 0..1).await;
    let mut first = TcpStream::connect(door.address).await.unwrap();
    // Half a greeting: it is in, and says no more.
    first.write_all(b"PRI * HTTP").await.unwrap();
    let mut second = TcpStream::connect(door.address).await.unwrap();
    let closed = soon(second.read(&mut [0; 1])).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "the second is turned away");
    drop(first);
    // There is room again as soon as the door has noticed.
    let let_in = async {
        while door.client().read_stream("seat-1", &ReadStreamOptions::default()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(let_in).await;
    door.shut().await;
}

/// In paused time, that is: at once.
#[tokio::test(start_paused = true)]
async fn a_connection_that_asks_nothing_is_closed() {
    let door = Open::new(memory(), writing()).await;
    for said in [&b""[..], b"PRI * HTTP", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut answer = Vec::new();
        let closed = soon(stream.read_to_end(&mut answer)).await;
        assert!(closed.is_ok() || closed.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    }
    door.shut().await;
}

/// A log that hangs keeps neither calls nor the door from ending.
#[tokio::test]
async fn a_silent_log_does_not_keep_the_door_from_shutting() {
    let door = Open::new(Arc::new(Silent), writing()).await;
    let client = door.client();
    let read = tokio::spawn({
        let client = client.clone();
        async move { client.read_stream("seat-1", &ReadStreamOptions::default()).await?.next().await }
    });
    let follow = tokio::spawn(async move {
        let mut followed = client.subscribe_to_all(&SubscribeToAllOptions::default()).await;
        followed.next_subscription_event().await.map(|_| ())
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    door.shut().await;
    soon(read).await.unwrap().expect_err("nothing was read");
    soon(follow).await.unwrap().expect_err("nothing is followed");
}

/// Neither one that is silent nor one that speaks something else keeps the door from shutting.
#[tokio::test]
async fn strangers_do_no_harm() {
    let door = Open::new(memory(), writing()).await;
    let _silent = TcpStream::connect(door.address).await.unwrap();
    let mut stranger = TcpStream::connect(door.address).await.unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\nHost: nobody\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _either_way = soon(stranger.read_to_end(&mut answer)).await;
    fill(&door.log, "seat-1", "A", 0..1).await;
    assert_eq!(names(door.client().read_stream("seat-1", &ReadStreamOptions::default()).await).await, ["seat-1/0"]);
    door.shut().await;
}
