//! The protocol message by message: what other clients than the Rust one rely on.

use crate::common;

use common::raw::{channel, read_whole, streams};
use common::wire::google::rpc::Status as WireStatus;
use common::wire::shared::{self, StreamIdentifier, uuid};
use common::wire::streams::batch_append_req::{Options as BatchOptions, ProposedMessage, options as batch_options};
use common::wire::streams::read_req::options as read_options;
use common::wire::streams::{BatchAppendReq, BatchAppendResp, ReadReq, ReadResp, batch_append_resp, read_req, read_resp};
use common::wire::{gossip, server_features};
use common::{TestServer, fill, id, memory, soon, writing};
use lastseat_domain::ports::Clock;
use lastseat_in_process::SystemClock;
use prost::Message;
use std::collections::HashMap;
use tonic::{Code, Request};

async fn answers(server: &TestServer, request: ReadReq) -> Vec<ReadResp> {
    let mut incoming = streams(server).await.read(request).await.unwrap().into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = soon(incoming.message()).await.unwrap() {
        answers.push(answer);
    }
    answers
}

/// Python silently drops events with ids in the other form, and reads `commit_position`.
#[tokio::test]
async fn ids_are_sent_in_the_form_asked_for() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..1).await;
    let (high, low) = id("seat-1/0").as_u64_pair();
    let structured = uuid::Structured { most_significant_bits: high.cast_signed(), least_significant_bits: low.cast_signed() };
    let text = uuid::Value::String(id("seat-1/0").to_string());
    for (form, expected) in [
        (Some(read_options::uuid_option::Content::String(())), text),
        (Some(read_options::uuid_option::Content::Structured(())), uuid::Value::Structured(structured)),
        (None, uuid::Value::Structured(structured)),
    ] {
        let answers = answers(&server, read_whole(form)).await;
        let [ReadResp { content: Some(read_resp::Content::Event(read)) }] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!(read.position, Some(read_resp::read_event::Position::CommitPosition(1)));
        assert!(read.link.is_none());
        let event = read.event.as_ref().unwrap();
        assert_eq!(event.id.as_ref().unwrap().value, Some(expected));
        assert_eq!((event.commit_position, event.prepare_position, event.stream_revision), (1, 1, 0));
        assert_eq!(event.metadata["type"], "A");
        assert_eq!(event.metadata["content-type"], "application/json");
        let ticks: i64 = event.metadata["created"].parse().unwrap();
        let now = SystemClock.now().timestamp();
        assert!((now - 600..=now + 600).contains(&(ticks / 10_000_000)), "units of 100 ns since 1970: {ticks}");
    }
    server.stop().await;
}

fn correlation(n: u32) -> shared::Uuid {
    shared::Uuid { value: Some(uuid::Value::String(id(&format!("correlation {n}")).to_string())) }
}

fn options(
    stream: &str,
    expected: batch_options::ExpectedStreamPosition,
    deadline: Option<batch_options::DeadlineOption>,
) -> BatchOptions {
    BatchOptions {
        stream_identifier: Some(StreamIdentifier { stream_name: stream.to_owned().into() }),
        expected_stream_position: Some(expected),
        deadline_option: deadline,
    }
}

fn proposed(name: &str) -> ProposedMessage {
    ProposedMessage {
        id: Some(shared::Uuid { value: Some(uuid::Value::String(id(name).to_string())) }),
        metadata: HashMap::from([("type".into(), "A".into()), ("content-type".into(), "application/json".into())]),
        custom_metadata: Default::default(),
        data: "{}".into(),
    }
}

fn batch(n: u32, stream: &str, expected: batch_options::ExpectedStreamPosition, name: &str) -> BatchAppendReq {
    BatchAppendReq {
        correlation_id: Some(correlation(n)),
        options: Some(options(stream, expected, None)),
        proposed_messages: vec![proposed(name)],
        is_final: true,
    }
}

async fn batches(server: &TestServer, requests: Vec<BatchAppendReq>) -> Vec<BatchAppendResp> {
    let outgoing = futures::stream::iter(requests);
    let mut incoming = streams(server).await.batch_append(outgoing).await.unwrap().into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = soon(incoming.message()).await.unwrap() {
        answers.push(answer);
    }
    answers.sort_by_key(|answer| (1..10).position(|n| answer.correlation_id == Some(correlation(n))));
    answers
}

fn error(answer: &BatchAppendResp) -> &WireStatus {
    match &answer.result {
        Some(batch_append_resp::Result::Error(status)) => status,
        other => panic!("{other:?}"),
    }
}

fn is_written(answer: &BatchAppendResp) -> bool {
    matches!(answer.result, Some(batch_append_resp::Result::Success(_)))
}

use batch_options::ExpectedStreamPosition::{Any, NoStream, StreamPosition};

/// Neither a conflict nor an invalid append ends the session; the others succeed. Every error has details.
#[tokio::test]
async fn each_batch_append_is_answered_by_itself() {
    let server = TestServer::new(memory(), writing()).await;
    let mut nonsense = batch(4, "seat-4", NoStream(()), "d");
    nonsense.proposed_messages[0].data = "{".into();
    let answers = batches(
        &server,
        vec![
            batch(1, "seat-1", NoStream(()), "a"),
            batch(2, "seat-1", NoStream(()), "b"),
            batch(3, "seat-3", StreamPosition(5), "c"),
            nonsense,
            batch(5, "seat-5", Any(()), "e"),
            batch(6, "seat-6", NoStream(()), "f"),
        ],
    )
    .await;
    assert_eq!(answers.len(), 6);
    for answer in &answers {
        assert!(!answer.stream_identifier.as_ref().unwrap().stream_name.is_empty(), "clients fail without it");
        assert!(answer.expected_stream_position.is_some());
    }
    assert!(is_written(&answers[0]) && is_written(&answers[5]));
    for (n, current, expected) in [
        (1, shared::wrong_expected_version::CurrentStreamRevisionOption::CurrentStreamRevision(0), None),
        (2, shared::wrong_expected_version::CurrentStreamRevisionOption::CurrentNoStream(()), Some(5)),
    ] {
        let status = error(&answers[n]);
        assert_eq!(Code::from(status.code), Code::AlreadyExists);
        let details = status.details.as_ref().unwrap();
        assert_eq!(details.type_url, "type.googleapis.com/event_store.client.WrongExpectedVersion");
        let wrong = shared::WrongExpectedVersion::decode(&details.value[..]).unwrap();
        assert_eq!(wrong.current_stream_revision_option, Some(current));
        use shared::wrong_expected_version::ExpectedStreamPositionOption::{ExpectedNoStream, ExpectedStreamPosition};
        assert_eq!(wrong.expected_stream_position_option, Some(expected.map_or(ExpectedNoStream(()), ExpectedStreamPosition)));
    }
    for n in [3, 4] {
        let status = error(&answers[n]);
        assert_eq!(Code::from(status.code), Code::InvalidArgument);
        assert_eq!(status.details.as_ref().unwrap().type_url, "type.googleapis.com/event_store.client.BadRequest");
    }
    server.stop().await;
}

/// Node splits large appends; the parts of several appends may be mixed.
#[tokio::test]
async fn a_batch_append_in_parts_is_one_append() {
    let server = TestServer::new(memory(), writing()).await;
    let part = |n: u32, begins: bool, name: &str, is_final: bool| BatchAppendReq {
        correlation_id: Some(correlation(n)),
        options: begins.then(|| options(&format!("seat-{n}"), NoStream(()), None)),
        proposed_messages: vec![proposed(name)],
        is_final,
    };
    let answers = batches(
        &server,
        vec![
            part(1, true, "a", false),
            part(2, true, "x", false),
            part(1, false, "b", false),
            part(2, false, "y", true),
            part(1, false, "c", true),
        ],
    )
    .await;
    assert!(answers.len() == 2 && answers.iter().all(is_written));
    let read = streams_and_ids(&server).await;
    assert_eq!(
        read,
        [("seat-2", "x"), ("seat-2", "y"), ("seat-1", "a"), ("seat-1", "b"), ("seat-1", "c")]
            .map(|(s, n)| (s.to_owned(), id(n).to_string()))
    );
    server.stop().await;
}

async fn streams_and_ids(server: &TestServer) -> Vec<(String, String)> {
    let read = answers(server, read_whole(Some(read_options::uuid_option::Content::String(())))).await;
    let short = read.into_iter().map(|answer| {
        let Some(read_resp::Content::Event(event)) = answer.content else { panic!("{answer:?}") };
        let event = event.event.unwrap();
        let Some(uuid::Value::String(id)) = event.id.unwrap().value else { panic!("not as text") };
        (String::from_utf8(event.stream_identifier.unwrap().stream_name.to_vec()).unwrap(), id)
    });
    short.collect()
}

/// Rust sends a date as a duration, Python a duration of ten thousand years, Node a date.
#[tokio::test]
async fn every_clients_form_of_deadline_is_understood() {
    let server = TestServer::new(memory(), writing()).await;
    let now = SystemClock.now().timestamp();
    use batch_options::DeadlineOption::{Deadline, Deadline21100};
    let duration = |seconds| Deadline(prost_types::Duration { seconds, nanos: 0 });
    let date = |seconds| Deadline21100(prost_types::Timestamp { seconds, nanos: 0 });
    for (n, (deadline, in_time)) in [
        (duration(10), true),
        (duration(now + 10), true),
        (duration(315_576_000_000), true),
        (date(now + 600), true),
        (date(now - 600), false),
        (duration(-1), false),
    ]
    .into_iter()
    .enumerate()
    {
        let stream = format!("seat-{n}");
        let request = BatchAppendReq {
            correlation_id: Some(correlation(1)),
            options: Some(options(&stream, NoStream(()), Some(deadline))),
            proposed_messages: vec![proposed("a")],
            is_final: true,
        };
        let answers = batches(&server, vec![request]).await;
        assert_eq!(answers.len(), 1);
        if in_time {
            assert!(is_written(&answers[0]), "{deadline:?}: {answers:?}");
        } else {
            let details = error(&answers[0]).details.as_ref().unwrap();
            assert_eq!(details.type_url, "type.googleapis.com/event_store.client.Timeout");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn features_and_gossip_need_no_token() {
    let settings = lastseat_eventstore_server::ServerSettings {
        reader_token: lastseat_eventstore_server::Secret::new("token"),
        ..writing()
    };
    let server = TestServer::new(memory(), settings).await;
    let mut features = server_features::server_features_client::ServerFeaturesClient::new(channel(&server).await);
    let methods = soon(features.get_supported_methods(())).await.unwrap().into_inner();
    assert!(methods.event_store_server_version.chars().all(|c| c.is_ascii_digit() || c == '.'));
    let batch_append = |m: &server_features::SupportedMethod| {
        m.method_name == "batchappend" && m.service_name == "event_store.client.streams.streams"
    };
    assert!(methods.methods.iter().any(batch_append));
    let mut gossip = gossip::gossip_client::GossipClient::new(channel(&server).await);
    let members = soon(gossip.read(())).await.unwrap().into_inner().members;
    assert_eq!(members.len(), 1);
    assert!(members[0].is_alive && members[0].state() == gossip::member_info::VNodeState::Leader);
    let end_point = members[0].http_end_point.as_ref().unwrap();
    assert_eq!((&*end_point.address, end_point.port), ("127.0.0.1", u32::from(server.address.port())));
    server.stop().await;

    let settings = lastseat_eventstore_server::ServerSettings { advertise: Some(("log.example".into(), 2113)), ..writing() };
    let server = TestServer::new(memory(), settings).await;
    let mut gossip = gossip::gossip_client::GossipClient::new(channel(&server).await);
    let members = soon(gossip.read(())).await.unwrap().into_inner().members;
    assert_eq!(members[0].http_end_point.as_ref().unwrap().address, "log.example");
    server.stop().await;
}

#[tokio::test]
async fn unsupported_calls_are_unimplemented() {
    let server = TestServer::new(memory(), writing()).await;
    for path in [
        "/event_store.client.users.Users/Create",
        "/event_store.client.persistent_subscriptions.PersistentSubscriptions/Read",
        "/event_store.client.projections.Projections/Create",
        "/event_store.client.operations.Operations/Shutdown",
        "/kurrentdb.protocol.v2.streams.StreamsService/AppendSession",
        "/event_store.client.streams.Streams/Rename",
    ] {
        let mut grpc = tonic::client::Grpc::new(channel(&server).await);
        grpc.ready().await.unwrap();
        let codec: tonic::codec::ProstCodec<(), ()> = tonic::codec::ProstCodec::default();
        let answer = soon(grpc.unary(Request::new(()), path.parse().unwrap(), codec)).await;
        assert_eq!(answer.unwrap_err().code(), Code::Unimplemented, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn incomplete_requests_are_refused_with_the_missing_part() {
    let server = TestServer::new(memory(), writing()).await;
    let mut client = streams(&server).await;
    let whole = || read_whole(None).options.unwrap();
    for (request, why) in [
        (ReadReq { options: None }, "options is missing"),
        (ReadReq { options: Some(read_req::Options { stream_option: None, ..whole() }) }, "stream is missing"),
        (ReadReq { options: Some(read_req::Options { count_option: None, ..whole() }) }, "count is missing"),
        (
            ReadReq {
                options: Some(read_req::Options {
                    stream_option: Some(read_options::StreamOption::Stream(read_options::StreamOptions {
                        stream_identifier: Some(StreamIdentifier { stream_name: vec![0xFF].into() }),
                        revision_option: Some(read_options::stream_options::RevisionOption::Start(())),
                    })),
                    ..whole()
                }),
            },
            "not UTF-8",
        ),
        (
            ReadReq {
                options: Some(read_req::Options {
                    count_option: Some(read_options::CountOption::Subscription(read_options::SubscriptionOptions {})),
                    read_direction: 1,
                    ..whole()
                }),
            },
            "reads forwards",
        ),
    ] {
        let refused = soon(client.read(request)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(why), "{refused}");
    }
    // Without the id it can't be answered: the session ends.
    let nameless = BatchAppendReq { correlation_id: None, ..batch(1, "seat-1", NoStream(()), "a") };
    let mut incoming = client.batch_append(futures::stream::iter([nameless])).await.unwrap().into_inner();
    assert_eq!(soon(incoming.message()).await.unwrap_err().code(), Code::InvalidArgument);
    server.stop().await;
}
