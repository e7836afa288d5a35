//! Appending through the door: one at a time and in batches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use common::{Open, Silent, at, event, events, memory, names, soon, sqlite, writing};
use eventstore::{Client, CurrentRevision, Error, EventData, ReadStreamOptions, StreamState};
use lastseat_eventstore_server::DoorSettings;
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
    let door = Open::new(log, writing()).await;
    let client = door.client();
    let first = soon(client.append_to_stream("seat-1", &at(StreamState::NoStream), event("a"))).await.unwrap();
    assert_eq!((first.next_expected_version, first.position.commit, first.position.prepare), (0, 1, 1));
    let next = soon(client.append_to_stream("seat-1", &at(StreamState::StreamRevision(0)), events(&["b", "c"]))).await.unwrap();
    assert_eq!((next.next_expected_version, next.position.commit), (2, 3));
    assert_eq!(read(&client, "seat-1").await, ["a", "b", "c"]);
    door.shut().await;
}

#[tokio::test]
async fn a_conflict_names_both_revisions_and_writes_nothing() {
    let door = Open::new(memory(), writing()).await;
    let client = door.client();
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
    door.shut().await;
}

#[tokio::test]
async fn the_same_append_twice_is_written_once_and_answered_alike() {
    let door = Open::new(memory(), writing()).await;
    let client = door.client();
    soon(client.append_to_stream("seat-1", &at(StreamState::NoStream), event("a"))).await.unwrap();
    let behind = at(StreamState::StreamRevision(0));
    let append = || client.append_to_stream("seat-1", &behind, events(&["b", "c"]));
    let (first, again) = (soon(append()).await.unwrap(), soon(append()).await.unwrap());
    assert_eq!((first.next_expected_version, first.position), (again.next_expected_version, again.position));
    assert_eq!(read(&client, "seat-1").await, ["a", "b", "c"]);
    door.shut().await;
}

/// The log's own rule, and it is said why.
#[tokio::test]
async fn a_blind_append_is_refused() {
    let door = Open::new(memory(), writing()).await;
    let client = door.client();
    for blind in [StreamState::Any, StreamState::StreamExists] {
        let refused = soon(client.append_to_stream("seat-1", &at(blind), event("a"))).await.unwrap_err();
        assert_eq!(code(&refused), Code::InvalidArgument);
        assert!(refused.to_string().contains("never appends blindly"), "{refused}");
    }
    door.shut().await;
}

#[tokio::test]
async fn what_the_log_can_not_keep_is_refused_with_the_reason() {
    let door = Open::new(memory(), writing()).await;
    let client = door.client();
    let json = || EventData::json("A", &1).unwrap();
    let not_json = EventData::json("A", &1).unwrap().metadata("{".into());
    let binary = EventData::binary("A", "1".into());
    let large = EventData::json("A", &"x".repeat(1024 * 1024)).unwrap();
    for (stream, event, why) in [
        ("seat-1", binary, "application/octet-stream is not application/json"),
        ("seat-1", not_json, "metadata is not JSON"),
        ("seat-1", large, "larger than the 1048576 bytes"),
        ("seat-1", EventData::json("", &1).unwrap(), "no type"),
        ("seat-1", EventData::json("$deleted", &1).unwrap(), "server's own"),
        ("$$seat-1", json(), "stream metadata"),
        ("", json(), "name has 1 to 1024 bytes"),
    ] {
        let refused = soon(client.append_to_stream(stream, &at(StreamState::NoStream), event)).await.unwrap_err();
        assert_eq!(code(&refused), Code::InvalidArgument, "{refused}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let nothing = soon(client.append_to_stream("seat-1", &at(StreamState::NoStream), Vec::<EventData>::new())).await.unwrap_err();
    assert_eq!(code(&nothing), Code::InvalidArgument);
    assert_eq!(door.log.head().await.unwrap().0, 0, "nothing of it was written");
    door.shut().await;
}

/// Nearly as large as an event may be, and sixteen of them in one append.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_events_go_in_and_out() {
    let (_folder, log) = sqlite();
    let door = Open::new(log, writing()).await;
    let client = door.client();
    let large =
        |n: usize| EventData::json("Large", &serde_json::json!({ "name": format!("{n}{}", "x".repeat(900_000)) })).unwrap();
    let all: Vec<_> = (0..16).map(large).collect();
    soon(client.append_to_stream("large-1", &at(StreamState::NoStream), all.clone())).await.unwrap();
    let batch = client.batch_append(&Default::default()).await.unwrap();
    soon(batch.append_to_stream("large-2", StreamState::NoStream, all)).await.unwrap();
    for stream in ["large-1", "large-2"] {
        let read = read(&client, stream).await;
        assert_eq!(read.len(), 16);
        assert!(read.iter().enumerate().all(|(n, name)| name.len() > 900_000 && name.starts_with(&n.to_string())));
    }
    door.shut().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_batches_are_under_way_on_one_call() {
    let (_folder, log) = sqlite();
    let door = Open::new(log, writing()).await;
    let client = door.client();
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
    assert_eq!(positions, (1..=2_000).map(|n| n * 2).collect::<Vec<u64>>(), "each has a place of its own");
    assert_eq!(read(&client, "seat-1234").await, ["1234a", "1234b"]);
    door.shut().await;
}

/// Sent one behind the other without waiting, they arrive in that order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_for_one_stream_keep_their_order() {
    let (_folder, log) = sqlite();
    let door = Open::new(log, writing()).await;
    let client = door.client();
    let batch = client.batch_append(&Default::default()).await.unwrap();
    let appends = (0..200_u64).map(|n| {
        let expected = n.checked_sub(1).map_or(StreamState::NoStream, StreamState::StreamRevision);
        batch.append_to_stream("seat-1", expected, events(&[&n.to_string()]))
    });
    for (n, answer) in soon(futures::future::join_all(appends)).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap().current_revision(), u64::try_from(n).ok());
    }
    door.shut().await;
}

/// The client ends its session on the first error; a new one goes on.
#[tokio::test]
async fn a_conflict_in_a_batch_is_an_error_of_that_append() {
    let door = Open::new(memory(), writing()).await;
    let client = door.client();
    let batch = client.batch_append(&Default::default()).await.unwrap();
    soon(batch.append_to_stream("seat-1", StreamState::NoStream, events(&["a"]))).await.unwrap();
    soon(batch.append_to_stream("seat-1", StreamState::NoStream, events(&["a"]))).await.expect("the same again is no conflict");
    let conflict = soon(batch.append_to_stream("seat-1", StreamState::NoStream, events(&["other"]))).await.unwrap_err();
    assert_eq!(code(&conflict), Code::AlreadyExists);
    let batch = client.batch_append(&Default::default()).await.unwrap();
    soon(batch.append_to_stream("seat-1", StreamState::StreamRevision(0), events(&["b"]))).await.unwrap();
    assert_eq!(read(&client, "seat-1").await, ["a", "b"]);
    door.shut().await;
}

/// Never a false acknowledgement, and never a false refusal.
#[tokio::test]
async fn a_lost_answer_is_said_to_be_unknown_and_the_repeat_finds_out() {
    let log = memory();
    let door = Open::new(log.clone(), writing()).await;
    let client = door.client();
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
    door.shut().await;
}

#[tokio::test]
async fn nobody_waits_for_a_silent_log_longer_than_the_deadline() {
    let settings = DoorSettings { append_deadline: Duration::from_millis(200), ..writing() };
    let door = Open::new(Arc::new(Silent), settings).await;
    let client = door.client();
    let late = soon(client.append_to_stream("seat-1", &at(StreamState::NoStream), event("a"))).await.unwrap_err();
    assert!(matches!(late, Error::DeadlineExceeded), "{late:?}");
    // This client sends a date where a duration belongs: some fifty years.
    let batch = client.batch_append(&Default::default()).await.unwrap();
    let late = soon(batch.append_to_stream("seat-1", StreamState::NoStream, events(&["a"]))).await.unwrap_err();
    assert_eq!(code(&late), Code::DeadlineExceeded);
    door.shut().await;
}
