//! Shutdown, restart, connection limits, and clients that send nothing.

use crate::common;

use common::raw::{batch_append, streams};
use common::wire::streams::batch_append_resp;
use common::{Silent, TestServer, at, event, fill, memory, name, names, soon, sqlite, writing};
use eventstore::{
    Error, Position as ClientPosition, ReadAllOptions, ReadStreamOptions, RetryOptions, StreamPosition, StreamState,
    SubscribeToAllOptions,
};
use futures::SinkExt;
use futures::channel::mpsc;
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_eventstore_server::ServerSettings;
use lastseat_in_process::SystemClock;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tonic::Code;

/// An interrupted read must not look complete. (For subscriptions see `subscription_ends.rs`.)
#[tokio::test]
async fn a_read_ends_with_an_error_on_shutdown() {
    let server = TestServer::new(memory(), writing()).await;
    // More than fits into the buffers.
    fill(&server.log, "seat-1", "A", 0..50_000).await;
    let mut reading = server.client().read_all(&ReadAllOptions::default()).await.unwrap();
    soon(reading.next()).await.unwrap().unwrap();
    server.begin_shutdown();
    let ended = loop {
        match soon(reading.next()).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it looks complete"),
            Err(ended) => break ended,
        }
    };
    assert!(matches!(&ended, Error::ServerError(_)), "{ended:?}");
    server.stop().await;
}

#[tokio::test]
async fn an_append_without_an_answer_is_cut_off_after_the_grace_period() {
    let settings = ServerSettings { grace: Duration::from_millis(300), append_deadline: Duration::from_secs(3600), ..writing() };
    let log = Silent::new();
    let server = TestServer::new(log.clone(), settings).await;
    let client = server.client();
    let append = tokio::spawn(async move { client.append_to_stream("seat-1", &at(StreamState::NoStream), event("a")).await });
    log.called(1).await;
    server.stop().await;
    soon(append).await.unwrap().expect_err("the outcome is unknown");
}

/// Appends without waiting for answers until the call ends, and returns the code it ends with. Adds a permit to `flowing`
/// when some have been answered.
async fn pour(server: &TestServer, call: String, flowing: Arc<Semaphore>) -> impl Future<Output = Code> + use<> {
    let mut client = streams(server).await;
    async move {
        let (mut sender, requests) = mpsc::channel(64);
        let pouring = tokio::spawn(async move {
            let mut n = 0_u64;
            while sender.send(batch_append(&format!("{call}-{n}"), "a")).await.is_ok() {
                n += 1;
            }
        });
        let mut incoming = client.batch_append(requests).await.unwrap().into_inner();
        let mut answered = 0;
        let code = loop {
            match incoming.message().await {
                Ok(Some(answer)) => {
                    assert!(matches!(answer.result, Some(batch_append_resp::Result::Success(_))), "{answer:?}");
                    answered += 1;
                    if answered == 100 {
                        flowing.add_permits(1);
                    }
                }
                Ok(None) => panic!("it ended as if all were answered"),
                Err(status) => break status.code(),
            }
        };
        pouring.abort();
        code
    }
}

/// Clients repeat what was unavailable, and nothing else: so this is what they get, however much was under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_appends_end_with_unavailable_on_shutdown() {
    for round in 0..8 {
        let (_folder, log) = sqlite();
        let server = TestServer::new(log, writing()).await;
        let flowing = Arc::new(Semaphore::new(0));
        let mut calls = Vec::new();
        for call in 0..4 {
            calls.push(tokio::spawn(pour(&server, format!("call{call}"), Arc::clone(&flowing)).await));
        }
        soon(flowing.acquire_many(4)).await.unwrap().forget();
        server.stop().await;
        for call in calls {
            assert_eq!(soon(call).await.unwrap(), Code::Unavailable, "in round {round}");
        }
    }
}

/// A subscription that started before a restart continues after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_continue_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Arc::new(SqliteLog::open(folder.path().join("events.db"), Arc::new(SystemClock)).unwrap());
    let log = open();
    let server = TestServer::new(log.clone(), writing()).await;
    let address = server.address.to_string();
    fill(&server.log, "seat-1", "A", 0..3).await;
    let client = server.client();
    let retry = RetryOptions::default();
    let options = SubscribeToAllOptions::default().position(StreamPosition::Start).retry_options(retry);
    let mut followed = client.subscribe_to_all(&options).await;
    for n in 0..3 {
        assert_eq!(name(&soon(followed.next()).await.unwrap()), format!("seat-1/{n}"));
    }
    server.stop().await;
    log.close().await.unwrap();
    drop(log);

    let log = open();
    let server = TestServer::at(&address, log.clone(), writing()).await;
    fill(&server.log, "seat-1", "A", 3..5).await;
    for n in 3..5 {
        assert_eq!(name(&soon(followed.next()).await.unwrap()), format!("seat-1/{n}"));
    }
    let again = server.client();
    assert_eq!(names(again.read_stream("seat-1", &ReadStreamOptions::default()).await).await.len(), 5);
    let after = StreamPosition::Position(ClientPosition { commit: 4, prepare: 4 });
    let mut resumed = again.subscribe_to_all(&SubscribeToAllOptions::default().position(after)).await;
    assert_eq!(name(&soon(resumed.next()).await.unwrap()), "seat-1/4");
    server.stop().await;
    log.close().await.unwrap();
}

/// In paused time.
#[tokio::test(start_paused = true)]
async fn a_connection_without_a_call_is_closed() {
    let server = TestServer::new(memory(), writing()).await;
    for sent in [&b""[..], b"PRI * HTTP", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        let closed = soon(stream.read_to_end(&mut answer)).await;
        assert!(closed.is_ok() || closed.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    }
    server.stop().await;
}

/// Neither a read nor a subscription delays it.
#[tokio::test]
async fn a_log_that_never_answers_does_not_block_shutdown() {
    let log = Silent::new();
    let server = TestServer::new(log.clone(), writing()).await;
    let client = server.client();
    let read = tokio::spawn({
        let client = client.clone();
        async move { client.read_stream("seat-1", &ReadStreamOptions::default()).await?.next().await }
    });
    let follow = tokio::spawn(async move {
        let mut followed = client.subscribe_to_all(&SubscribeToAllOptions::default()).await;
        followed.next_subscription_event().await.map(|_| ())
    });
    log.called(2).await;
    server.stop().await;
    soon(read).await.unwrap().expect_err("nothing was read");
    soon(follow).await.unwrap().expect_err("nothing is followed");
}

/// Neither silence nor another protocol disturbs other clients or the shutdown.
#[tokio::test]
async fn other_protocols_do_no_harm() {
    let server = TestServer::new(memory(), writing()).await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    let mut stranger = TcpStream::connect(server.address).await.unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\nHost: nobody\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _either_way = soon(stranger.read_to_end(&mut answer)).await;
    fill(&server.log, "seat-1", "A", 0..1).await;
    assert_eq!(names(server.client().read_stream("seat-1", &ReadStreamOptions::default()).await).await, ["seat-1/0"]);
    server.stop().await;
}
