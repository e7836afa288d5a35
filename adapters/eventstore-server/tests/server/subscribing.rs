//! Subscriptions to a stream and to the whole log, from any position.

use crate::common;

use common::{TestServer, fill, memory, name, soon, sqlite, writing};
use eventstore::{
    Error, Position as ClientPosition, StreamPosition, SubscribeToAllOptions, SubscribeToStreamOptions, Subscription,
    SubscriptionEvent, SubscriptionFilter,
};
use lastseat_domain::ports::EventLog;
use std::sync::Arc;

/// What a subscription yields, in short form.
#[derive(Debug, PartialEq, Eq)]
enum Message {
    Confirmed,
    Event(String),
    Checkpoint(u64),
    /// Revision and position.
    CaughtUp(Option<u64>, Option<u64>),
}

fn event(name: &str) -> Message {
    Message::Event(name.to_owned())
}

async fn next(subscription: &mut Subscription) -> Message {
    match soon(subscription.next_subscription_event()).await.unwrap() {
        SubscriptionEvent::Confirmed(id) => {
            assert!(!id.is_empty());
            Message::Confirmed
        }
        SubscriptionEvent::EventAppeared(event) => Message::Event(name(&event)),
        SubscriptionEvent::Checkpoint(position) => {
            assert_eq!(position.commit, position.prepare);
            Message::Checkpoint(position.commit)
        }
        SubscriptionEvent::CaughtUp(at) => {
            let at = at.expect("it has a revision or a position");
            Message::CaughtUp(at.stream_revision, at.position.map(|position| position.commit))
        }
        other => panic!("{other:?}"),
    }
}

async fn expect(subscription: &mut Subscription, messages: &[Message]) {
    for message in messages {
        assert_eq!(next(subscription).await, *message);
    }
}

fn from(p: u64) -> StreamPosition<ClientPosition> {
    StreamPosition::Position(ClientPosition { commit: p, prepare: p })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_to_a_stream_starts_with_its_history_and_goes_on_live() {
    let (_folder, log) = sqlite();
    let log: Arc<dyn EventLog> = log;
    fill(&log, "seat-1", "A", 0..150).await;
    fill(&log, "seat-10", "A", 0..200).await;
    let server = TestServer::new(log, writing()).await;
    let options = SubscribeToStreamOptions::default().start_from(StreamPosition::Start);
    let mut followed = server.client().subscribe_to_stream("seat-1", &options).await;
    expect(&mut followed, &[Message::Confirmed]).await;
    for n in 0..150 {
        expect(&mut followed, &[event(&format!("seat-1/{n}"))]).await;
    }
    expect(&mut followed, &[Message::CaughtUp(Some(149), None)]).await;
    // A stream whose name has this one's as a prefix is another stream.
    fill(&server.log, "seat-10", "A", 200..202).await;
    fill(&server.log, "seat-1", "A", 150..152).await;
    expect(&mut followed, &[event("seat-1/150"), event("seat-1/151")]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_subscription_to_a_stream_starts_after_a_revision_or_at_its_end() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..3).await;
    let client = server.client();
    let start = |position| SubscribeToStreamOptions::default().start_from(position);
    let mut after = client.subscribe_to_stream("seat-1", &start(StreamPosition::Position(1))).await;
    let mut live = client.subscribe_to_stream("seat-1", &start(StreamPosition::End)).await;
    let mut ahead = client.subscribe_to_stream("seat-1", &start(StreamPosition::Position(3))).await;
    expect(&mut after, &[Message::Confirmed, event("seat-1/2"), Message::CaughtUp(Some(2), None)]).await;
    expect(&mut live, &[Message::Confirmed, Message::CaughtUp(None, None)]).await;
    expect(&mut ahead, &[Message::Confirmed, Message::CaughtUp(Some(3), None)]).await;
    fill(&server.log, "seat-1", "A", 3..5).await;
    expect(&mut after, &[event("seat-1/3"), event("seat-1/4")]).await;
    expect(&mut live, &[event("seat-1/3"), event("seat-1/4")]).await;
    expect(&mut ahead, &[event("seat-1/4")]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_subscription_to_the_whole_log_starts_after_a_position_or_at_its_end() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..3).await;
    let client = server.client();
    let start = |position| SubscribeToAllOptions::default().position(position);
    let mut whole = client.subscribe_to_all(&start(StreamPosition::Start)).await;
    let mut after = client.subscribe_to_all(&start(from(2))).await;
    let mut live = client.subscribe_to_all(&start(StreamPosition::End)).await;
    let first = [Message::Confirmed, event("seat-1/0"), event("seat-1/1"), event("seat-1/2"), Message::CaughtUp(None, Some(3))];
    expect(&mut whole, &first).await;
    expect(&mut after, &[Message::Confirmed, event("seat-1/2"), Message::CaughtUp(None, Some(3))]).await;
    expect(&mut live, &[Message::Confirmed, Message::CaughtUp(None, Some(3))]).await;
    fill(&server.log, "seat-2", "A", 0..1).await;
    for subscription in [&mut whole, &mut after, &mut live] {
        expect(subscription, &[event("seat-2/0")]).await;
    }
    server.stop().await;
}

/// A checkpoint of another log would skip events that are yet to be written.
#[tokio::test]
async fn a_position_ahead_of_the_log_is_refused() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..3).await;
    let mut ahead = server.client().subscribe_to_all(&SubscribeToAllOptions::default().position(from(4))).await;
    let refused = soon(ahead.next_subscription_event()).await.unwrap_err();
    assert!(matches!(&refused, Error::Grpc { message, .. } if message.contains("ahead of the log")), "{refused:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_filtered_subscription_needs_a_checkpoint_interval() {
    let server = TestServer::new(memory(), writing()).await;
    let filter = SubscriptionFilter::on_stream_name().add_prefix("a").max(0);
    let options = SubscribeToAllOptions::default().filter(filter);
    let refused = server.client().subscribe_to_all(&options).await.next_subscription_event().await.unwrap_err();
    assert!(matches!(&refused, Error::Grpc { message, .. } if message.contains("at least 1")), "{refused:?}");
    server.stop().await;
}

/// Checkpoints are sent even while nothing passes. Each comes after everything that was delivered, so that
/// a client that resumes there sees no gap and no repeat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filtered_subscription_sends_checkpoints_and_resumes_at_them() {
    let (_folder, log) = sqlite();
    let log: Arc<dyn EventLog> = log;
    for n in 0..40 {
        fill(&log, "seat-1", "SeatLocked", n..n + 1).await;
        fill(&log, "booking-1", "BookingOpened", n..n + 1).await;
    }
    let server = TestServer::new(log, writing()).await;
    let client = server.client();
    for filter in [
        SubscriptionFilter::on_stream_name().regex("^book.*1$").max(10),
        SubscriptionFilter::on_event_type().add_prefix("Booking").max(10),
    ] {
        let options = SubscribeToAllOptions::default().position(StreamPosition::Start).filter(filter.clone());
        let mut followed = client.subscribe_to_all(&options).await;
        let (mut seen, mut checkpoints) = (Vec::new(), Vec::new());
        loop {
            match next(&mut followed).await {
                Message::Confirmed => {}
                Message::Event(name) => seen.push(name),
                Message::Checkpoint(position) => checkpoints.push((position, seen.len())),
                Message::CaughtUp(_, position) => {
                    assert_eq!(position, Some(80));
                    break;
                }
            }
        }
        assert_eq!(seen, (0..40).map(|n| format!("booking-1/{n}")).collect::<Vec<_>>());
        assert!(checkpoints.len() >= 8, "one for about ten positions: {checkpoints:?}");
        assert_eq!(checkpoints.last(), Some(&(80, 40)), "one on reaching the end");
        for (position, delivered) in checkpoints {
            let options = SubscribeToAllOptions::default().position(from(position)).filter(filter.clone());
            let mut resumed = client.subscribe_to_all(&options).await;
            assert_eq!(next(&mut resumed).await, Message::Confirmed);
            for n in delivered..40 {
                loop {
                    match next(&mut resumed).await {
                        Message::Checkpoint(_) => {}
                        message => break assert_eq!(message, event(&format!("booking-1/{n}"))),
                    }
                }
            }
        }
    }
    server.stop().await;
}

/// Live, too: a client that was away for a day must not have to scan that day.
#[tokio::test]
async fn checkpoints_are_sent_while_nothing_passes() {
    let server = TestServer::new(memory(), writing()).await;
    let filter = SubscriptionFilter::on_stream_name().add_prefix("booking-").max(10);
    let options = SubscribeToAllOptions::default().position(StreamPosition::Start).filter(filter);
    let mut followed = server.client().subscribe_to_all(&options).await;
    expect(&mut followed, &[Message::Confirmed, Message::Checkpoint(0), Message::CaughtUp(None, None)]).await;
    for n in 0..100 {
        fill(&server.log, "seat-1", "A", n..n + 1).await;
        tokio::task::yield_now().await;
    }
    let mut last = 0;
    while last < 90 {
        let Message::Checkpoint(position) = next(&mut followed).await else { panic!("nothing passes") };
        assert!(position >= last + 10, "not for every event: {position} follows {last}");
        last = position;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_repeated_while_others_write() {
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    let client = server.client();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let log = Arc::clone(&server.log);
            tokio::spawn(async move {
                for n in 0..500 {
                    fill(&log, &format!("seat-{writer}"), "A", n..n + 1).await;
                }
            })
        })
        .collect();
    let mut whole = client.subscribe_to_all(&SubscribeToAllOptions::default().position(StreamPosition::Start)).await;
    let mut one =
        client.subscribe_to_stream("seat-2", &SubscribeToStreamOptions::default().start_from(StreamPosition::Start)).await;
    for n in 0..500 {
        assert_eq!(name(&soon(one.next()).await.unwrap()), format!("seat-2/{n}"));
    }
    for position in 1..=2_000 {
        assert_eq!(soon(whole.next()).await.unwrap().get_original_event().position.commit, position);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    server.stop().await;
}
