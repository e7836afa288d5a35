//! What the official .NET client (23.3.8) sends, byte for byte, and that it is answered as by EventStoreDB 23.10.6.
//! The client itself can't be run here.

use crate::common;

use common::raw::streams;
use common::wire::shared::{StreamIdentifier, Uuid as WireUuid, uuid};
use common::wire::streams::append_req::{Content, options::ExpectedStreamRevision};
use common::wire::streams::append_resp::{Result as Answer, wrong_expected_version as wrong};
use common::wire::streams::batch_append_req::options::{DeadlineOption, ExpectedStreamPosition};
use common::wire::streams::batch_append_resp::Result as BatchAnswer;
use common::wire::streams::read_resp;
use common::wire::streams::{
    AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, ReadReq, ReadResp, append_req, batch_append_req,
};
use common::{TestServer, fill, id, memory, soon, sqlite, writing};
use lastseat_domain::ports::Clock;
use lastseat_in_process::SystemClock;
use prost::Message;
use std::collections::HashMap;
use tonic::{Code, Status};

/// A request of `Read` from its bytes, which the generated code would write in the same way.
fn request(bytes: &[u8]) -> ReadReq {
    let request = ReadReq::decode(bytes).unwrap();
    assert_eq!(request.encode_to_vec(), bytes);
    request
}

/// `ReadAllAsync(Direction.Forwards, Position.Start, filter, maxCount: 10)`: the filter, and a multiplier of 0, which
/// is not on the wire.
fn filtered_read(filter: &[u8]) -> ReadReq {
    let options = join(&[&[0x12, 2, 0x12, 0, 0x28, 10, 0x3a, byte(filter)], filter, &[0x4a, 2, 0x0a, 0, 0x52, 2, 8, 1]]);
    request(&join(&[&[0x0a, byte(&options)], &options]))
}

/// `SubscribeToAll(FromAll.Start, filterOptions: new(filter, checkpointInterval: 1))`.
fn filtered_subscription(filter: &[u8]) -> ReadReq {
    let filter = join(&[filter, &[0x28, 1]]);
    let options = join(&[&[0x12, 2, 0x12, 0, 0x32, 0, 0x3a, byte(&filter)], &filter, &[0x4a, 2, 0x0a, 0]]);
    request(&join(&[&[0x0a, byte(&options)], &options]))
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Length of a short field.
fn byte(field: &[u8]) -> u8 {
    u8::try_from(field.len()).ok().filter(|length| *length < 128).expect("a short field")
}

/// `StreamFilter` (1) or `EventTypeFilter` (2) with a regular expression (1) or a prefix (2), and a window of 32.
fn filter(by: u8, kind: u8, text: &str) -> Vec<u8> {
    let expression = join(&[&[(kind << 3) | 2, byte(text.as_bytes())], text.as_bytes()]);
    join(&[&[(by << 3) | 2, byte(&expression)], &expression, &[0x18, 32]])
}

const STREAM: u8 = 1;
const TYPE: u8 = 2;
const REGEX: u8 = 1;
const PREFIX: u8 = 2;

async fn read(server: &TestServer, request: ReadReq) -> Vec<String> {
    let mut incoming = streams(server).await.read(request).await.unwrap().into_inner();
    let mut names = Vec::new();
    while let Some(answer) = soon(incoming.message()).await.unwrap() {
        names.extend(event_of(&answer));
    }
    names
}

/// Stream and revision of an answer that is an event.
fn event_of(answer: &ReadResp) -> Option<String> {
    let Some(read_resp::Content::Event(event)) = &answer.content else { return None };
    let event = event.event.as_ref().unwrap();
    let stream = String::from_utf8(event.stream_identifier.as_ref().unwrap().stream_name.to_vec()).unwrap();
    Some(format!("{stream}/{}", event.stream_revision))
}

#[tokio::test]
async fn filtered_reads_with_a_multiplier_of_0_are_answered() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "SeatLocked", 0..2).await;
    fill(&server.log, "booking-1", "BookingOpened", 0..1).await;
    fill(&server.log, "checkpoint-1", "$ProcessorCheckpoint", 0..1).await;
    for (filter, expected) in [
        (filter(STREAM, PREFIX, "seat-"), &["seat-1/0", "seat-1/1"][..]),
        (filter(STREAM, REGEX, "^book"), &["booking-1/0"]),
        (filter(TYPE, PREFIX, "Booking"), &["booking-1/0"]),
        (filter(TYPE, REGEX, r"^[^\$].*"), &["seat-1/0", "seat-1/1", "booking-1/0"]),
    ] {
        assert_eq!(read(&server, filtered_read(&filter)).await, expected, "{filter:?}");
    }
    server.stop().await;
}

/// `StreamRevision.None`, -1, and the two that mean "any" and "stream exists".
const NONE: u64 = u64::MAX;
const ANY: u64 = u64::MAX - 1;
const EXISTS: u64 = u64::MAX - 3;

fn stream_id(stream: &str) -> Option<StreamIdentifier> {
    Some(StreamIdentifier { stream_name: stream.to_owned().into() })
}

/// This client sends ids in the structured form.
fn wire_id(name: &str) -> Option<WireUuid> {
    let (high, low) = id(name).as_u64_pair();
    let bits = uuid::Structured { most_significant_bits: high.cast_signed(), least_significant_bits: low.cast_signed() };
    Some(WireUuid { value: Some(uuid::Value::Structured(bits)) })
}

fn metadata() -> HashMap<String, String> {
    HashMap::from([("type".into(), "A".into()), ("content-type".into(), "application/json".into())])
}

async fn append(server: &TestServer, stream: &str, revision: u64, data: &[String]) -> Result<AppendResp, Status> {
    let options = append_req::Options {
        stream_identifier: stream_id(stream),
        expected_stream_revision: Some(ExpectedStreamRevision::Revision(revision)),
    };
    let events = data.iter().enumerate().map(|(n, data)| {
        Content::ProposedMessage(append_req::ProposedMessage {
            id: wire_id(&format!("{stream}/{n}")),
            metadata: metadata(),
            custom_metadata: Default::default(),
            data: data.clone().into(),
        })
    });
    let parts: Vec<_> = std::iter::once(Content::Options(options)).chain(events).collect();
    let parts = parts.into_iter().map(|content| AppendReq { content: Some(content) });
    soon(streams(server).await.append(futures::stream::iter(parts))).await.map(tonic::Response::into_inner)
}

fn batch(stream: &str, revision: u64, deadline_in: i64, data: &[String]) -> BatchAppendReq {
    let seconds = SystemClock.now().timestamp() + deadline_in;
    let events = data.iter().enumerate().map(|(n, data)| batch_append_req::ProposedMessage {
        id: wire_id(&format!("{stream}/{n}")),
        metadata: metadata(),
        custom_metadata: Default::default(),
        data: data.clone().into(),
    });
    BatchAppendReq {
        correlation_id: wire_id(stream),
        options: Some(batch_append_req::Options {
            stream_identifier: stream_id(stream),
            expected_stream_position: Some(ExpectedStreamPosition::StreamPosition(revision)),
            deadline_option: Some(DeadlineOption::Deadline21100(prost_types::Timestamp { seconds, nanos: 0 })),
        }),
        proposed_messages: events.collect(),
        is_final: true,
    }
}

async fn batches(server: &TestServer, requests: Vec<BatchAppendReq>) -> Vec<BatchAppendResp> {
    let mut incoming = streams(server).await.batch_append(futures::stream::iter(requests)).await.unwrap().into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = soon(incoming.message()).await.unwrap() {
        answers.push(answer);
    }
    answers
}

fn error(answer: &BatchAppendResp) -> (Code, String) {
    let Some(BatchAnswer::Error(status)) = &answer.result else { panic!("{answer:?}") };
    let kind = status.details.as_ref().unwrap().type_url.rsplit('.').next().unwrap().to_owned();
    (status.code.into(), kind)
}

fn nothing() -> Vec<String> {
    vec!["{}".to_owned()]
}

const MINUTES: i64 = 600;

#[tokio::test]
async fn revision_minus_1_means_no_stream() {
    let server = TestServer::new(memory(), writing()).await;
    let written = append(&server, "seat-1", NONE, &nothing()).await.unwrap();
    assert!(matches!(written.result, Some(Answer::Success(_))), "{written:?}");
    let conflict = append(&server, "seat-1", NONE, &["1".to_owned(), "2".to_owned()]).await.unwrap();
    let Some(Answer::WrongExpectedVersion(conflict)) = conflict.result else { panic!("{conflict:?}") };
    assert_eq!(conflict.current_revision_option, Some(wrong::CurrentRevisionOption::CurrentRevision(0)));
    assert_eq!(conflict.expected_revision_option, Some(wrong::ExpectedRevisionOption::ExpectedNoStream(())));

    let answers = batches(&server, vec![batch("seat-2", NONE, MINUTES, &nothing())]).await;
    assert!(matches!(answers[0].result, Some(BatchAnswer::Success(_))), "{answers:?}");
    let answers = batches(&server, vec![batch("seat-1", NONE, MINUTES, &["1".to_owned(), "2".to_owned()])]).await;
    assert_eq!(error(&answers[0]), (Code::AlreadyExists, "WrongExpectedVersion".to_owned()));
    server.stop().await;
}

/// Our log never appends blindly, however it is asked to.
#[tokio::test]
async fn revisions_that_mean_any_or_exists_are_refused() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..1).await;
    for blind in [ANY, EXISTS] {
        let refused = append(&server, "seat-1", blind, &nothing()).await.unwrap_err();
        assert!(refused.code() == Code::InvalidArgument && refused.message().contains("blindly"), "{refused}");
        let answers = batches(&server, vec![batch("seat-1", blind, MINUTES, &nothing())]).await;
        assert_eq!(error(&answers[0]), (Code::InvalidArgument, "BadRequest".to_owned()));
    }
    assert_eq!(server.log.head().await.unwrap().0, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_appends_whose_deadline_has_passed_write_nothing() {
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    let late = (0..50).map(|n| batch(&format!("seat-{n}"), NONE, -1, &nothing())).collect();
    let answers = batches(&server, late).await;
    assert_eq!(answers.len(), 50);
    for answer in &answers {
        assert_eq!(error(answer), (Code::DeadlineExceeded, "Timeout".to_owned()));
    }
    // The log writes in order: what came before this one would be there.
    let answers = batches(&server, vec![batch("seat-now", NONE, MINUTES, &nothing())]).await;
    assert!(matches!(answers[0].result, Some(BatchAnswer::Success(_))), "{answers:?}");
    assert_eq!(server.log.head().await.unwrap().0, 1);
    server.stop().await;
}

/// A JSON string of so many bytes.
fn text(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

/// One mebibyte for the bodies of an append, and 16 for a message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_may_hold_a_mebibyte_and_not_a_byte_more() {
    const MEBIBYTE: usize = 1024 * 1024;
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    let (whole, more) = (vec![text(MEBIBYTE)], vec![text(MEBIBYTE + 1)]);
    let (halves, more_in_two) = (vec![text(MEBIBYTE / 2); 2], vec![text(MEBIBYTE / 2), text(MEBIBYTE / 2 + 1)]);
    for (n, fits) in [whole, halves].iter().enumerate() {
        let written = append(&server, &format!("single-{n}"), NONE, fits).await.unwrap();
        assert!(matches!(written.result, Some(Answer::Success(_))), "{written:?}");
        let answers = batches(&server, vec![batch(&format!("batch-{n}"), NONE, MINUTES, fits)]).await;
        assert!(matches!(answers[0].result, Some(BatchAnswer::Success(_))), "{answers:?}");
    }
    let before = server.log.head().await.unwrap();
    for too_large in [&more, &more_in_two, &vec![text(3 * MEBIBYTE)]] {
        let refused = append(&server, "large-1", NONE, too_large).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert_eq!(refused.metadata().get("exception").unwrap(), "maximum-append-size-exceeded");
        assert_eq!(refused.metadata().get("maximum-append-size").unwrap(), "1048576");
        let answers = batches(&server, vec![batch("large-2", NONE, MINUTES, too_large)]).await;
        assert_eq!(error(&answers[0]), (Code::InvalidArgument, "MaximumAppendSizeExceeded".to_owned()));
    }
    let huge = vec![text(17 * MEBIBYTE)];
    assert_eq!(append(&server, "huge-1", NONE, &huge).await.unwrap_err().code(), Code::ResourceExhausted);
    let mut client = streams(&server).await.max_encoding_message_size(usize::MAX);
    let request = futures::stream::iter([batch("huge-2", NONE, MINUTES, &huge)]);
    let ended = match client.batch_append(request).await {
        Ok(answers) => soon(answers.into_inner().message()).await.unwrap_err(),
        Err(status) => status,
    };
    assert_eq!(ended.code(), Code::ResourceExhausted, "{ended}");
    assert_eq!(server.log.head().await.unwrap(), before);
    server.stop().await;
}

/// As it is written, in bodies and in metadata.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn white_space_is_kept() {
    const SPACED: &str = "{ \"a\" :\t[ 1,\n 2 ] }";
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    let mut request = batch("seat-1", NONE, MINUTES, &[SPACED.to_owned()]);
    request.proposed_messages[0].custom_metadata = SPACED.into();
    batches(&server, vec![request]).await;
    let mut incoming = streams(&server).await.read(filtered_read(&filter(STREAM, PREFIX, "seat-"))).await.unwrap().into_inner();
    let Some(read_resp::Content::Event(event)) = soon(incoming.message()).await.unwrap().unwrap().content else { panic!() };
    let event = event.event.unwrap();
    assert_eq!((&event.data[..], &event.custom_metadata[..]), (SPACED.as_bytes(), SPACED.as_bytes()));
    server.stop().await;
}

/// One for each window, whether or not anything passes, and each after what was sent before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filtered_subscription_sends_checkpoints_before_the_first_match() {
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    fill(&server.log, "seat-1", "A", 0..200).await;
    fill(&server.log, "booking-1", "A", 0..1).await;
    let request = filtered_subscription(&filter(STREAM, PREFIX, "booking-"));
    let mut incoming = streams(&server).await.read(request).await.unwrap().into_inner();
    let mut checkpoints = Vec::new();
    loop {
        match soon(incoming.message()).await.unwrap().unwrap().content.unwrap() {
            read_resp::Content::Checkpoint(at) => checkpoints.push(at.commit_position),
            read_resp::Content::Event(_) => break,
            _ => {}
        }
    }
    assert_eq!(checkpoints, [32, 64, 96, 128, 160, 192]);
    server.stop().await;
}
