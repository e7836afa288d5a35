//! Reads of streams and of the whole log: both directions, filters, limits.

use crate::common;

use common::{TestServer, all, fill, id, memory, name, names, soon, sqlite, writing};
use eventstore::{
    Client, Error, Position as ClientPosition, ReadAllOptions, ReadEvent, ReadStreamOptions, StreamPosition, SubscriptionFilter,
};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Filter};
use lastseat_eventstore_server::{ServerSettings, Tls};
use lastseat_testkit::ForwardingLog;
use std::sync::Arc;

fn stream() -> ReadStreamOptions {
    ReadStreamOptions::default()
}

fn whole() -> ReadAllOptions {
    ReadAllOptions::default()
}

fn position(p: u64) -> StreamPosition<ClientPosition> {
    StreamPosition::Position(ClientPosition { commit: p, prepare: p })
}

fn numbered(stream: &str, numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("{stream}/{n}")).collect()
}

/// A server whose log has 1,200 events in one stream.
async fn long(log: Arc<dyn EventLog>) -> (TestServer, Client) {
    fill(&log, "seat-1", "A", 0..1_200).await;
    let server = TestServer::new(log, writing()).await;
    let client = server.client();
    (server, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_read_in_both_directions_from_a_revision_inclusive() {
    let (_folder, log) = sqlite();
    let (server, client) = long(log).await;
    let read = |options: ReadStreamOptions| {
        let client = client.clone();
        async move { names(client.read_stream("seat-1", &options).await).await }
    };
    assert_eq!(read(stream()).await, numbered("seat-1", 0..1_200));
    assert_eq!(read(stream().position(StreamPosition::End)).await, numbered("seat-1", (0..1_200).rev()));
    assert_eq!(read(stream().position(StreamPosition::Position(1_190))).await, numbered("seat-1", 1_190..1_200));
    let back = stream().backwards().position(StreamPosition::Position(3));
    assert_eq!(read(back).await, numbered("seat-1", [3, 2, 1, 0]));
    assert_eq!(read(stream().max_count(700)).await, numbered("seat-1", 0..700));
    assert_eq!(read(stream().position(StreamPosition::End).max_count(1)).await, numbered("seat-1", [1_199]));
    assert_eq!(read(stream().backwards()).await, numbered("seat-1", [0]));
    let beyond = stream().position(StreamPosition::Position(5_000));
    assert_eq!(read(beyond).await, [""; 0], "nothing is after its end, but the stream exists");
    let beyond = stream().backwards().position(StreamPosition::Position(5_000)).max_count(1);
    assert_eq!(read(beyond).await, numbered("seat-1", [1_199]));
    assert_eq!(read(stream().max_count(0)).await, [""; 0]);
    server.stop().await;
}

#[tokio::test]
async fn an_event_is_read_as_it_was_written() {
    let log: Arc<dyn EventLog> = memory();
    let at = fill(&log, "seat-1", "SeatLocked", 0..2).await;
    let server = TestServer::new(log, writing()).await;
    let events = all(server.client().read_stream("seat-1", &stream()).await.unwrap()).await.unwrap();
    let event = events[1].get_original_event();
    assert_eq!((event.stream_id(), event.revision, &*event.event_type), ("seat-1", 1, "SeatLocked"));
    assert_eq!(event.id, id("seat-1/1"));
    assert_eq!((event.position.commit, event.position.prepare), (at[1].0, at[1].0));
    assert!(event.is_json);
    assert_eq!(&event.data[..], br#"{"name":"seat-1/1"}"#);
    assert_eq!(&event.custom_metadata[..], br#"{"actor":"test"}"#);
    let recorded = server.log.read_all(Some(at[0]), Direction::Forwards, 1, &Filter::all()).await.unwrap()[0].recorded_at;
    // This client knows seconds only.
    assert_eq!(event.created.timestamp(), recorded.timestamp());
    assert_eq!(events[1].commit_position, Some(at[1].0));
    server.stop().await;
}

/// So are streams of metadata and of system projections.
#[tokio::test]
async fn a_missing_stream_is_not_found_in_either_direction() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..2).await;
    let client = server.client();
    for missing in ["seat-2", "$$seat-1", "$ce-seat", "$et-A", "seat-"] {
        for options in [stream(), stream().backwards(), stream().max_count(1), stream().position(StreamPosition::Position(9))] {
            let error = all(client.read_stream(missing, &options).await.unwrap()).await.unwrap_err();
            assert!(matches!(error, Error::ResourceNotFound), "{missing}: {error:?}");
        }
    }
    server.stop().await;
}

/// Forwards inclusive, backwards exclusive, as in EventStoreDB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_log_is_read_in_both_directions_from_a_position() {
    let (_folder, log) = sqlite();
    let (server, client) = long(log).await;
    let read = |options: ReadAllOptions| {
        let client = client.clone();
        async move { names(client.read_all(&options).await).await }
    };
    assert_eq!(read(whole()).await, numbered("seat-1", 0..1_200));
    assert_eq!(read(whole().position(StreamPosition::End)).await, numbered("seat-1", (0..1_200).rev()));
    assert_eq!(read(whole().position(position(1_199))).await, numbered("seat-1", [1_198, 1_199]));
    assert_eq!(read(whole().backwards().position(position(3))).await, numbered("seat-1", [1, 0]));
    assert_eq!(read(whole().position(position(0)).max_count(1)).await, numbered("seat-1", [0]));
    for nothing in [
        whole().position(StreamPosition::End).forwards(),
        whole().position(position(9_999)),
        whole().position(position(u64::MAX)),
        whole().backwards(),
        whole().backwards().position(position(1)),
    ] {
        assert_eq!(read(nothing).await, [""; 0]);
    }
    assert_eq!(read(whole().backwards().position(position(u64::MAX)).max_count(1)).await, numbered("seat-1", [1_199]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_log_is_filtered_by_prefix_and_by_expression() {
    let (_folder, log) = sqlite();
    let log: Arc<dyn EventLog> = log;
    fill(&log, "seat-1", "SeatLocked", 0..2).await;
    fill(&log, "booking-1", "BookingOpened", 0..2).await;
    fill(&log, "seat-2", "SeatReleased", 0..2).await;
    let server = TestServer::new(log, writing()).await;
    let client = server.client();
    let on_stream = SubscriptionFilter::on_stream_name;
    let on_type = SubscriptionFilter::on_event_type;
    let seats = ["seat-1/0", "seat-1/1", "seat-2/0", "seat-2/1"];
    let everything = ["seat-1/0", "seat-1/1", "booking-1/0", "booking-1/1", "seat-2/0", "seat-2/1"];
    for (filter, expected) in [
        (on_stream().add_prefix("seat-"), &seats[..]),
        (on_stream().add_prefix("seat-2").add_prefix("booking-"), &everything[2..]),
        (on_type().add_prefix("Seat"), &seats[..]),
        (on_type().add_prefix("SeatL"), &seats[..2]),
        (on_stream().regex("^seat-"), &seats[..]),
        (on_stream().regex(r"-2$"), &seats[2..]),
        (on_stream().regex("^booking-.*|^seat-2$"), &everything[2..]),
        (on_type().regex("^Seat(Locked|Sold)$"), &seats[..2]),
        (on_type().regex("^(?!(Seat.*$))"), &everything[2..4]),
        (on_type().exclude_system_events(), &everything[..]),
        (on_stream().add_prefix("show-"), &[]),
        (on_stream().regex("^SEAT"), &[]),
    ] {
        let forwards = names(client.read_all(&whole().filter(filter.clone())).await).await;
        assert_eq!(forwards, expected, "{filter:?}");
        let mut backwards = names(client.read_all(&whole().position(StreamPosition::End).filter(filter.clone())).await).await;
        backwards.reverse();
        assert_eq!(backwards, expected, "{filter:?}");
        let some = names(client.read_all(&whole().filter(filter.clone()).max_count(1)).await).await;
        assert_eq!(some, expected[..expected.len().min(1)], "a limit counts events that pass: {filter:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_invalid_filter_is_refused_with_the_reason() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, &format!("seat-{}", "a".repeat(64)), "A", 0..1).await;
    let client = server.client();
    for (filter, why) in [
        (SubscriptionFilter::on_stream_name().regex("seat-("), "invalid regular expression"),
        (SubscriptionFilter::on_stream_name().regex("a".repeat(5_000)), "at most 4096 bytes"),
        (SubscriptionFilter::on_stream_name(), "needs a regular expression or prefixes"),
        (SubscriptionFilter::on_stream_name().regex(r"^(?=seat)((a|aa|seat-)+)\1+b$"), "too many steps"),
    ] {
        let refused = match client.read_all(&whole().filter(filter)).await {
            Ok(read) => all(read).await.unwrap_err(),
            Err(refused) => refused,
        };
        assert!(matches!(&refused, Error::Grpc { message, .. } if message.contains(why)), "{refused:?}");
    }
    server.stop().await;
}

/// Certificates rarely name an IP address: discovery has to lead to the advertised name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discovery_leads_to_the_advertised_name_that_the_certificate_has() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let tls = Tls::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, made.cert.pem()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for (advertise, reaches) in [(Some(("localhost".to_owned(), port)), true), (None, false)] {
        let settings = ServerSettings { tls: Some(tls.clone()), advertise, ..writing() };
        let server = TestServer::at(&format!("127.0.0.1:{port}"), memory(), settings).await;
        fill(&server.log, "seat-1", "A", 0..1).await;
        let uri = format!(
            "esdb+discover://localhost:{port}?tls=true&tlsCaFile={}&discoveryInterval=10&maxDiscoverAttempts=3",
            trusted.display()
        );
        let client = Client::new(uri.parse().unwrap()).unwrap();
        let read = async { all(client.read_stream("seat-1", &stream()).await?).await };
        assert_eq!(soon(read).await.is_ok(), reaches, "without a name, clients connect to an address that is not certified");
        server.stop().await;
    }
}

/// The .NET client sends it, and a real server takes it.
#[tokio::test]
async fn a_filtered_read_may_have_a_checkpoint_interval_of_zero() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..2).await;
    let filter = SubscriptionFilter::on_stream_name().add_prefix("seat-").max(0);
    assert_eq!(names(server.client().read_all(&whole().filter(filter)).await).await, ["seat-1/0", "seat-1/1"]);
    server.stop().await;
}

/// In gossip this node is the leader.
#[tokio::test]
async fn discovery_finds_this_node() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..1).await;
    for uri in [format!("esdb+discover://{0}?tls=false", server.address), format!("esdb://{0},{0}?tls=false", server.address)] {
        let client = Client::new(uri.parse().unwrap()).unwrap();
        assert_eq!(names(soon(client.read_stream("seat-1", &stream())).await).await, ["seat-1/0"], "{uri}");
    }
    server.stop().await;
}

/// For clients that ask for it.
#[tokio::test]
async fn the_last_revision_follows_the_events() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..100).await;
    let client = server.client();
    for options in
        [stream(), stream().max_count(3), stream().backwards(), stream().backwards().position(StreamPosition::Position(5))]
    {
        let mut read = client.read_stream("seat-1", &options).await.unwrap();
        let mut last = None;
        while let Some(event) = soon(read.next_read_event()).await.unwrap() {
            if let ReadEvent::LastStreamPosition(revision) = event {
                assert_eq!(last.replace(revision), None, "sent once");
            }
        }
        assert_eq!(last, Some(99));
    }
    server.stop().await;
}

/// What it has not read is not buffered in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_gets_everything_and_delays_nobody() {
    let log: Arc<dyn EventLog> = memory();
    let log = Arc::new(ForwardingLog(common::Counting::new(log)));
    let counted: Arc<dyn EventLog> = log.clone();
    fill(&counted, "seat-1", "A", 0..20_000).await;
    let server = TestServer::new(counted, writing()).await;
    let client = server.client();
    let mut slow = client.read_all(&whole()).await.unwrap();
    assert_eq!(name(&soon(slow.next()).await.unwrap().unwrap()), "seat-1/0");
    // Other reads go on meanwhile.
    for _ in 0..3 {
        assert_eq!(names(client.read_stream("seat-1", &stream().max_count(100)).await).await.len(), 100);
    }
    let read = log.0.events_read();
    assert!(read < 15_000, "{read} events were read for a client that took one");
    let mut rest = 1;
    while soon(slow.next()).await.unwrap().is_some() {
        rest += 1;
    }
    assert_eq!(rest, 20_000);
    assert!(log.0.events_read() >= 20_000);
    server.stop().await;
}
