//! Appends: single and in batches.

use crate::common;

use common::{Silent, TestServer, all, at, event, events, memory, names, soon, sqlite, writing};
use eventstore::{Client, CurrentRevision, Error, EventData, ReadStreamOptions, StreamState};
use lastseat_eventstore_server::ServerSettings;
use lastseat_testkit::AppendFault;
use std::sync::Arc;
use std::time::Duration;
use tonic::Code;

async fn read(client: &Client, stream: &str) -> Vec<String> {
    names(client.read_stream(stream, &ReadStreamOptions::default()).await).await
}

fn code(error: &Error) -> Code {
    match error {
        Error::Grpc { code, .. } => *code,
        other => panic!("another error: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_appended_at_their_revision_and_read_back() {
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    let client = server.client();
    let first = soon(client.append_to_stream("seat-1", &at(StreamState::NoStream), event("a"))).await.unwrap();
    assert_eq!((first.next_expected_version, first.position.commit, first.position.prepare), (0, 1, 1));
    let next = soon(client.append_to_stream("seat-1", &at(StreamState::StreamRevision(0)), events(&["b", "c"]))).await.unwrap();
    assert_eq!((next.next_expected_version, next.position.commit), (2, 3));
    assert_eq!(read(&client, "seat-1").await, ["a", "b", "c"]);
    server.stop().await;
}

#[tokio::test]
async fn a_conflict_names_both_revisions_and_writes_nothing() {
    let server = TestServer::new(memory(), writing()).await;
    let client = server.client();
    soon(client.append_to_stream("seat-1", &at(StreamState::NoStream), events(&["a", "b"]))).await.unwrap();
    for (asked, stream, current) in [
        (StreamState::StreamRevision(0), "seat-1", CurrentRevision::Current(1)),
        (StreamState::StreamRevision(7), "seat-1", CurrentRevision::Current(1)),
        (StreamState::NoStream, "seat-1", CurrentRevision::Current(1)),
        (StreamState::StreamRevision(0), "seat-2", CurrentRevision::NoStream),
    ] {
        let conflict = soon(client.append_to_stream(stream, &at(asked), event("late"))).await.unwrap_err();
        match conflict {
            Error::WrongExpectedVersion { expected, current: actual } => assert_eq!((expected, actual), (asked, current)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(read(&client, "seat-1").await, ["a", "b"]);
    server.stop().await;
}

#[tokio::test]
async fn a_repeated_append_is_written_once_and_gets_the_same_answer() {
    let server = TestServer::new(memory(), writing()).await;
    let client = server.client();
    soon(client.append_to_stream("seat-1", &at(StreamState::NoStream), event("a"))).await.unwrap();
    let next = at(StreamState::StreamRevision(0));
    let append = || client.append_to_stream("seat-1", &next, events(&["b", "c"]));
    let (first, again) = (soon(append()).await.unwrap(), soon(append()).await.unwrap());
    assert_eq!((first.next_expected_version, first.position), (again.next_expected_version, again.position));
    assert_eq!(read(&client, "seat-1").await, ["a", "b", "c"]);
    server.stop().await;
}

#[tokio::test]
async fn a_blind_append_is_refused() {
    let server = TestServer::new(memory(), writing()).await;
    let client = server.client();
    for blind in [StreamState::Any, StreamState::StreamExists] {
        let refused = soon(client.append_to_stream("seat-1", &at(blind), event("a"))).await.unwrap_err();
        assert_eq!(code(&refused), Code::InvalidArgument);
        assert!(refused.to_string().contains("never appends blindly"), "{refused}");
    }
    server.stop().await;
}

#[tokio::test]
async fn invalid_events_are_refused_with_the_reason() {
    let server = TestServer::new(memory(), writing()).await;
    let client = server.client();
    let json = || EventData::json("A", &1).unwrap();
    let not_json = EventData::json("A", &1).unwrap().metadata("{".into());
    let binary = EventData::binary("A", "1".into());
    let large = EventData::json("A", &"x".repeat(1024 * 1024)).unwrap();
    for (stream, event, why) in [
        ("seat-1", binary, "application/octet-stream is not application/json"),
        ("seat-1", not_json, "metadata is not JSON"),
        ("seat-1", large, "larger than the 1048576 bytes"),
        ("seat-1", EventData::json("", &1).unwrap(), "no type"),
        ("$$seat-1", json(), "stream metadata"),
        ("$ce-seat", json(), "reserved"),
        ("", json(), "name must have 1 to 1024 bytes"),
    ] {
        let refused = soon(client.append_to_stream(stream, &at(StreamState::NoStream), event)).await.unwrap_err();
        assert_eq!(code(&refused), Code::InvalidArgument, "{refused}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
    assert_eq!(server.log.head().await.unwrap().0, 0, "nothing of it was written");
    server.stop().await;
}

/// As the client library of emmett does for its checkpoints.
#[tokio::test]
async fn an_event_type_may_begin_with_a_dollar_sign() {
    let server = TestServer::new(memory(), writing()).await;
    let client = server.client();
    let checkpoint = EventData::json("$ProcessorCheckpoint", &serde_json::json!({ "name": "c" })).unwrap();
    soon(client.append_to_stream("checkpoint-1", &at(StreamState::NoStream), checkpoint.clone())).await.unwrap();
    let batch = client.batch_append(&Default::default()).await.unwrap();
    soon(batch.append_to_stream("checkpoint-2", StreamState::NoStream, vec![checkpoint])).await.unwrap();
    for stream in ["checkpoint-1", "checkpoint-2"] {
        let read = all(client.read_stream(stream, &ReadStreamOptions::default()).await.unwrap()).await.unwrap();
        assert_eq!(read[0].get_original_event().event_type, "$ProcessorCheckpoint");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absent_metadata_reads_back_as_absent_and_an_empty_object_as_itself() {
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    let client = server.client();
    let absent = event("absent");
    let empty = event("empty").metadata("{}".into());
    soon(client.append_to_stream("seat-1", &at(StreamState::NoStream), vec![absent.clone(), empty.clone()])).await.unwrap();
    let batch = client.batch_append(&Default::default()).await.unwrap();
    soon(batch.append_to_stream("seat-2", StreamState::NoStream, vec![absent, empty])).await.unwrap();
    for stream in ["seat-1", "seat-2"] {
        let read = all(client.read_stream(stream, &ReadStreamOptions::default()).await.unwrap()).await.unwrap();
        let metadata: Vec<_> = read.iter().map(|event| event.get_original_event().custom_metadata.clone()).collect();
        assert_eq!(metadata, ["", "{}"]);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_append_of_no_events_is_answered_with_the_revision_or_as_a_conflict() {
    let server = TestServer::new(memory(), writing()).await;
    let client = server.client();
    let nothing = Vec::<EventData>::new;
    soon(client.append_to_stream("seat-1", &at(StreamState::NoStream), events(&["a", "b"]))).await.unwrap();
    let same = soon(client.append_to_stream("seat-1", &at(StreamState::StreamRevision(1)), nothing())).await.unwrap();
    assert_eq!((same.next_expected_version, same.position.commit), (1, 2));
    soon(client.append_to_stream("seat-2", &at(StreamState::NoStream), nothing())).await.unwrap();
    for (stream, expected, current) in [
        ("seat-1", StreamState::StreamRevision(9), CurrentRevision::Current(1)),
        ("seat-1", StreamState::StreamRevision(0), CurrentRevision::Current(1)),
        ("seat-1", StreamState::NoStream, CurrentRevision::Current(1)),
        ("seat-2", StreamState::StreamRevision(0), CurrentRevision::NoStream),
    ] {
        match soon(client.append_to_stream(stream, &at(expected), nothing())).await.unwrap_err() {
            Error::WrongExpectedVersion { expected: e, current: c } => assert_eq!((e, c), (expected, current)),
            other => panic!("{other:?}"),
        }
    }
    let batch = client.batch_append(&Default::default()).await.unwrap();
    let same = soon(batch.append_to_stream("seat-1", StreamState::StreamRevision(1), nothing())).await.unwrap();
    assert_eq!((same.current_revision(), same.current_position().unwrap().commit), (Some(1), 2));
    let none = soon(batch.append_to_stream("seat-2", StreamState::NoStream, nothing())).await.unwrap();
    assert_eq!(none.current_revision(), None);
    let conflict = soon(batch.append_to_stream("seat-1", StreamState::StreamRevision(9), nothing())).await.unwrap_err();
    assert_eq!(code(&conflict), Code::AlreadyExists);
    assert_eq!(server.log.head().await.unwrap().0, 2, "nothing was written");
    server.stop().await;
}

/// The message says what to do: many clients' authors meet this limit first.
#[tokio::test]
async fn a_refused_binary_event_says_what_to_send_instead() {
    let server = TestServer::new(memory(), writing()).await;
    let binary = EventData::binary("A", vec![0_u8, 255].into());
    let not_json = EventData::json("A", &1).unwrap().metadata("{".into());
    let client = server.client();
    for event in [binary, not_json] {
        let refused = soon(client.append_to_stream("seat-1", &at(StreamState::NoStream), event)).await.unwrap_err().to_string();
        assert!(refused.contains("JSON only") && refused.contains("Base64"), "{refused}");
    }
    server.stop().await;
}

/// Nearly as large as an append may be. Its exact limits are in `dotnet_client.rs`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_events_go_in_and_out() {
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    let client = server.client();
    let large =
        |n: usize| EventData::json("Large", &serde_json::json!({ "name": format!("{n}{}", "x".repeat(900_000)) })).unwrap();
    let batch = client.batch_append(&Default::default()).await.unwrap();
    for n in 0..16 {
        let at_revision = u64::try_from(n).unwrap().checked_sub(1).map_or(StreamState::NoStream, StreamState::StreamRevision);
        soon(client.append_to_stream("large-1", &at(at_revision), large(n))).await.unwrap();
        soon(batch.append_to_stream("large-2", at_revision, vec![large(n)])).await.unwrap();
    }
    for stream in ["large-1", "large-2"] {
        let read = read(&client, stream).await;
        assert_eq!(read.len(), 16);
        assert!(read.iter().enumerate().all(|(n, name)| name.len() > 900_000 && name.starts_with(&n.to_string())));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_batch_appends_run_on_one_call() {
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    let client = server.client();
    let batch = Arc::new(client.batch_append(&Default::default()).await.unwrap());
    let appends = (0..2_000_u32).map(|n| {
        let batch = Arc::clone(&batch);
        async move {
            batch
                .append_to_stream(format!("seat-{n}"), StreamState::NoStream, events(&[&format!("{n}a"), &format!("{n}b")]))
                .await
        }
    });
    let answers = soon(futures::future::join_all(appends)).await;
    let mut positions: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().current_position().unwrap().commit).collect();
    positions.sort_unstable();
    assert_eq!(positions, (1..=2_000).map(|n| n * 2).collect::<Vec<u64>>(), "each has its own position");
    assert_eq!(read(&client, "seat-1234").await, ["1234a", "1234b"]);
    server.stop().await;
}

/// Sent without waiting for answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_appends_to_one_stream_keep_their_order() {
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    let client = server.client();
    let batch = client.batch_append(&Default::default()).await.unwrap();
    let appends = (0..200_u64).map(|n| {
        let expected = n.checked_sub(1).map_or(StreamState::NoStream, StreamState::StreamRevision);
        batch.append_to_stream("seat-1", expected, events(&[&n.to_string()]))
    });
    for (n, answer) in soon(futures::future::join_all(appends)).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap().current_revision(), u64::try_from(n).ok());
    }
    server.stop().await;
}

/// The client ends its session with the first error, so the test opens another.
#[tokio::test]
async fn a_conflict_in_a_batch_is_an_error_of_that_append() {
    let server = TestServer::new(memory(), writing()).await;
    let client = server.client();
    let batch = client.batch_append(&Default::default()).await.unwrap();
    soon(batch.append_to_stream("seat-1", StreamState::NoStream, events(&["a"]))).await.unwrap();
    soon(batch.append_to_stream("seat-1", StreamState::NoStream, events(&["a"]))).await.expect("a repeat is no conflict");
    let conflict = soon(batch.append_to_stream("seat-1", StreamState::NoStream, events(&["other"]))).await.unwrap_err();
    assert_eq!(code(&conflict), Code::AlreadyExists);
    let batch = client.batch_append(&Default::default()).await.unwrap();
    soon(batch.append_to_stream("seat-1", StreamState::StreamRevision(0), events(&["b"]))).await.unwrap();
    assert_eq!(read(&client, "seat-1").await, ["a", "b"]);
    server.stop().await;
}

/// Neither a false acknowledgement nor a false refusal.
#[tokio::test]
async fn after_a_lost_answer_the_outcome_is_unknown_and_a_repeat_finds_it() {
    let log = memory();
    let server = TestServer::new(log.clone(), writing()).await;
    let client = server.client();
    for (fault, stream) in [(AppendFault::AnswerLost, "seat-1"), (AppendFault::RequestLost, "seat-2")] {
        let new = at(StreamState::NoStream);
        let append = || client.append_to_stream(stream, &new, event(stream));
        log.fail_next_appends(vec![fault]);
        let unknown = soon(append()).await.unwrap_err();
        assert_eq!(code(&unknown), Code::Aborted, "{unknown}");
        assert!(unknown.to_string().contains("may have been written"), "{unknown}");
        soon(append()).await.unwrap();
        assert_eq!(read(&client, stream).await, [stream]);
    }
    log.fail_next_appends(vec![AppendFault::Unavailable]);
    let down = soon(client.append_to_stream("seat-3", &at(StreamState::NoStream), event("c"))).await.unwrap_err();
    assert!(matches!(down, Error::ServerError(_)), "{down:?}");
    server.stop().await;
}

#[tokio::test]
async fn an_append_to_a_log_that_never_answers_ends_at_the_deadline() {
    let settings = ServerSettings { append_deadline: Duration::from_millis(200), ..writing() };
    let server = TestServer::new(Silent::new(), settings).await;
    let client = server.client();
    let late = soon(client.append_to_stream("seat-1", &at(StreamState::NoStream), event("a"))).await.unwrap_err();
    assert!(matches!(late, Error::DeadlineExceeded), "{late:?}");
    // This client sends a date as a duration: some fifty years.
    let batch = client.batch_append(&Default::default()).await.unwrap();
    let late = soon(batch.append_to_stream("seat-1", StreamState::NoStream, events(&["a"]))).await.unwrap_err();
    assert_eq!(code(&late), Code::DeadlineExceeded);
    server.stop().await;
}
