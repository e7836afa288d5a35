//! The crate `eventstore` 4.0.0, the predecessor of `kurrentdb`, which is still in use.
//!
//! A program of its own: that client insists on installing the TLS provider of the process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "server/common/mod.rs"]
mod common;

use common::{TestServer, fill, id, memory, soon, sqlite, writing};
use eventstore_before::{
    AppendToStreamOptions, Client, CurrentRevision, Error, EventData, ExpectedRevision, ReadAllOptions, ReadStream,
    ReadStreamOptions, StreamPosition, SubscribeToAllOptions, SubscribeToStreamOptions, SubscriptionFilter,
};
use lastseat_domain::ports::EventLog;
use lastseat_eventstore_server::{Secret, ServerSettings};
use std::sync::Arc;

fn client(server: &TestServer, credentials: &str) -> Client {
    let uri = format!("esdb://{credentials}{}?tls=false&discoveryInterval=10&maxDiscoverAttempts=100", server.address);
    Client::new(uri.parse().unwrap()).unwrap()
}

fn event(name: &str) -> EventData {
    EventData::json("TestHappened", &serde_json::json!({ "name": name })).unwrap().id(id(name))
}

fn at(expected: ExpectedRevision) -> AppendToStreamOptions {
    AppendToStreamOptions::default().expected_revision(expected)
}

async fn ids(mut read: ReadStream) -> eventstore_before::Result<Vec<uuid::Uuid>> {
    let mut ids = Vec::new();
    while let Some(event) = soon(read.next()).await? {
        ids.push(event.get_original_event().id);
    }
    Ok(ids)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_client_appends_conflicts_batches_and_reads() {
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    let client = client(&server, "");
    let first = soon(client.append_to_stream("seat-1", &at(ExpectedRevision::NoStream), event("a"))).await.unwrap();
    assert_eq!((first.next_expected_version, first.position.commit), (0, 1));
    let conflict = soon(client.append_to_stream("seat-1", &at(ExpectedRevision::NoStream), event("b"))).await.unwrap_err();
    let Error::WrongExpectedVersion { expected, current } = conflict else { panic!("{conflict:?}") };
    assert_eq!((expected, current), (ExpectedRevision::NoStream, CurrentRevision::Current(0)));
    let batch = client.batch_append(&Default::default()).await.unwrap();
    let written = soon(batch.append_to_stream("seat-1", ExpectedRevision::Exact(0), vec![event("b"), event("c")])).await.unwrap();
    assert_eq!(written.current_revision(), Some(2));

    let read = ReadStreamOptions::default();
    let forwards = ids(client.read_stream("seat-1", &read).await.unwrap()).await.unwrap();
    assert_eq!(forwards, [id("a"), id("b"), id("c")]);
    let back = ReadAllOptions::default().position(StreamPosition::End).max_count(2);
    assert_eq!(ids(client.read_all(&back).await.unwrap()).await.unwrap(), [id("c"), id("b")]);
    let missing = ids(client.read_stream("seat-2", &read).await.unwrap()).await.unwrap_err();
    assert!(matches!(missing, Error::ResourceNotFound), "{missing:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_older_client_subscribes_with_and_without_a_filter() {
    let log: Arc<dyn EventLog> = memory();
    fill(&log, "seat-1", "A", 0..2).await;
    fill(&log, "booking-1", "B", 0..1).await;
    let server = TestServer::new(log, writing()).await;
    let client = client(&server, "");
    let options = SubscribeToStreamOptions::default().start_from(StreamPosition::Start);
    let mut one = client.subscribe_to_stream("seat-1", &options).await;
    let filter = SubscriptionFilter::on_stream_name().add_prefix("booking-");
    let options = SubscribeToAllOptions::default().position(StreamPosition::Start).filter(filter);
    let mut all = client.subscribe_to_all(&options).await;
    for n in 0..2 {
        assert_eq!(soon(one.next()).await.unwrap().get_original_event().id, id(&format!("seat-1/{n}")));
    }
    assert_eq!(soon(all.next()).await.unwrap().get_original_event().id, id("booking-1/0"));
    fill(&server.log, "seat-1", "A", 2..3).await;
    fill(&server.log, "booking-1", "B", 1..2).await;
    assert_eq!(soon(one.next()).await.unwrap().get_original_event().id, id("seat-1/2"));
    assert_eq!(soon(all.next()).await.unwrap().get_original_event().id, id("booking-1/1"));
    server.stop().await;
}

#[tokio::test]
async fn the_older_client_sends_its_token() {
    let settings = ServerSettings { reader_token: Secret::new("read-me"), ..ServerSettings::new(writing().clock) };
    let server = TestServer::new(memory(), settings).await;
    fill(&server.log, "seat-1", "A", 0..1).await;
    for (credentials, opens) in [("auditor:read-me@", true), ("auditor:wrong@", false), ("", false)] {
        let client = client(&server, credentials);
        let read = async { ids(client.read_stream("seat-1", &ReadStreamOptions::default()).await?).await };
        assert_eq!(soon(read).await.is_ok(), opens, "{credentials}");
    }
    server.stop().await;
}
