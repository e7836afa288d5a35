//! Subscriptions through the door: to a stream and to the whole log, from anywhere, for ever.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use common::{Open, fill, memory, name, soon, sqlite, writing};
use eventstore::{
    Error, Position as ClientPosition, StreamPosition, SubscribeToAllOptions, SubscribeToStreamOptions, Subscription,
    SubscriptionEvent, SubscriptionFilter,
};
use lastseat_domain::ports::EventLog;
use std::sync::Arc;

/// What a subscription yields, in short.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Confirmed,
    Event(String),
    Checkpoint(u64),
    /// Revision and position.
    CaughtUp(Option<u64>, Option<u64>),
}

fn event(name: &str) -> Said {
    Said::Event(name.to_owned())
}

async fn next(subscription: &mut Subscription) -> Said {
    match soon(subscription.next_subscription_event()).await.unwrap() {
        SubscriptionEvent::Confirmed(id) => {
            assert!(!id.is_empty());
            Said::Confirmed
        }
        SubscriptionEvent::EventAppeared(event) => Said::Event(name(&event)),
        SubscriptionEvent::Checkpoint(position) => {
            assert_eq!(position.commit, position.prepare);
            Said::Checkpoint(position.commit)
        }
        SubscriptionEvent::CaughtUp(told) => {
            let told = told.expect("it is said when");
            Said::CaughtUp(told.stream_revision, told.position.map(|position| position.commit))
        }
        other => panic!("{other:?}"),
    }
}

async fn expect(subscription: &mut Subscription, said: &[Said]) {
    for said in said {
        assert_eq!(next(subscription).await, *said);
    }
}

fn from(p: u64) -> StreamPosition<ClientPosition> {
    StreamPosition::Position(ClientPosition { commit: p, prepare: p })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_followed_from_its_start_through_its_end() {
    let (_folder, log) = sqlite();
    let log: Arc<dyn EventLog> = log;
    fill(&log, "seat-1", "A", 0..150).await;
    fill(&log, "seat-10", "A", 0..200).await;
    let door = Open::new(log, writing()).await;
    let options = SubscribeToStreamOptions::default().start_from(StreamPosition::Start);
    let mut followed = door.client().subscribe_to_stream("seat-1", &options).await;
    expect(&mut followed, &[Said::Confirmed]).await;
    for n in 0..150 {
        expect(&mut followed, &[event(&format!("seat-1/{n}"))]).await;
    }
    expect(&mut followed, &[Said::CaughtUp(Some(149), None)]).await;
    // A neighbour whose name begins alike is somebody else.
    fill(&door.log, "seat-10", "A", 200..202).await;
    fill(&door.log, "seat-1", "A", 150..152).await;
    expect(&mut followed, &[event("seat-1/150"), event("seat-1/151")]).await;
    door.shut().await;
}

#[tokio::test]
async fn a_stream_is_followed_behind_a_revision_and_from_its_end() {
    let door = Open::new(memory(), writing()).await;
    fill(&door.log, "seat-1", "A", 0..3).await;
    let client = door.client();
    let start = |position| SubscribeToStreamOptions::default().start_from(position);
    let mut behind = client.subscribe_to_stream("seat-1", &start(StreamPosition::Position(1))).await;
    let mut live = client.subscribe_to_stream("seat-1", &start(StreamPosition::End)).await;
    let mut ahead = client.subscribe_to_stream("seat-1", &start(StreamPosition::Position(3))).await;
    expect(&mut behind, &[Said::Confirmed, event("seat-1/2"), Said::CaughtUp(Some(2), None)]).await;
    expect(&mut live, &[Said::Confirmed, Said::CaughtUp(None, None)]).await;
    expect(&mut ahead, &[Said::Confirmed, Said::CaughtUp(Some(3), None)]).await;
    fill(&door.log, "seat-1", "A", 3..5).await;
    expect(&mut behind, &[event("seat-1/3"), event("seat-1/4")]).await;
    expect(&mut live, &[event("seat-1/3"), event("seat-1/4")]).await;
    expect(&mut ahead, &[event("seat-1/4")]).await;
    door.shut().await;
}

#[tokio::test]
async fn the_whole_log_is_followed_behind_a_position() {
    let door = Open::new(memory(), writing()).await;
    fill(&door.log, "seat-1", "A", 0..3).await;
    let client = door.client();
    let start = |position| SubscribeToAllOptions::default().position(position);
    let mut whole = client.subscribe_to_all(&start(StreamPosition::Start)).await;
    let mut behind = client.subscribe_to_all(&start(from(2))).await;
    let mut live = client.subscribe_to_all(&start(StreamPosition::End)).await;
    let first = [Said::Confirmed, event("seat-1/0"), event("seat-1/1"), event("seat-1/2"), Said::CaughtUp(None, Some(3))];
    expect(&mut whole, &first).await;
    expect(&mut behind, &[Said::Confirmed, event("seat-1/2"), Said::CaughtUp(None, Some(3))]).await;
    expect(&mut live, &[Said::Confirmed, Said::CaughtUp(None, Some(3))]).await;
    fill(&door.log, "seat-2", "A", 0..1).await;
    for followed in [&mut whole, &mut behind, &mut live] {
        expect(followed, &[event("seat-2/0")]).await;
    }
    door.shut().await;
}

/// A checkpoint from elsewhere would skip what is yet to be written.
#[tokio::test]
async fn a_position_ahead_of_the_log_is_refused() {
    let door = Open::new(memory(), writing()).await;
    fill(&door.log, "seat-1", "A", 0..3).await;
    let mut ahead = door.client().subscribe_to_all(&SubscribeToAllOptions::default().position(from(4))).await;
    let refused = soon(ahead.next_subscription_event()).await.unwrap_err();
    assert!(matches!(&refused, Error::Grpc { message, .. } if message.contains("ahead of the log")), "{refused:?}");
    door.shut().await;
}

/// Checkpoints come where nothing passes, too; each stands behind all that was delivered, so that
/// whoever goes on from it misses nothing and gets nothing twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filtered_subscription_tells_how_far_it_is_and_resumes_there() {
    let (_folder, log) = sqlite();
    let log: Arc<dyn EventLog> = log;
    for n in 0..40 {
        fill(&log, "seat-1", "SeatLocked", n..n + 1).await;
        fill(&log, "booking-1", "BookingOpened", n..n + 1).await;
    }
    let door = Open::new(log, writing()).await;
    let client = door.client();
    for filter in [
        SubscriptionFilter::on_stream_name().regex("^book.*1$").max(10),
        SubscriptionFilter::on_event_type().add_prefix("Booking").max(10),
    ] {
        let options = SubscribeToAllOptions::default().position(StreamPosition::Start).filter(filter.clone());
        let mut followed = client.subscribe_to_all(&options).await;
        let (mut seen, mut checkpoints) = (Vec::new(), Vec::new());
        loop {
            match next(&mut followed).await {
                Said::Confirmed => {}
                Said::Event(name) => seen.push(name),
                Said::Checkpoint(position) => checkpoints.push((position, seen.len())),
                Said::CaughtUp(_, position) => {
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
            assert_eq!(next(&mut resumed).await, Said::Confirmed);
            for n in delivered..40 {
                loop {
                    match next(&mut resumed).await {
                        Said::Checkpoint(_) => {}
                        said => break assert_eq!(said, event(&format!("booking-1/{n}"))),
                    }
                }
            }
        }
    }
    door.shut().await;
}

/// While it follows live, too: nobody who is away for a day should have to go through that day.
#[tokio::test]
async fn checkpoints_go_on_while_nothing_passes() {
    let door = Open::new(memory(), writing()).await;
    let filter = SubscriptionFilter::on_stream_name().add_prefix("booking-").max(10);
    let options = SubscribeToAllOptions::default().position(StreamPosition::Start).filter(filter);
    let mut followed = door.client().subscribe_to_all(&options).await;
    expect(&mut followed, &[Said::Confirmed, Said::Checkpoint(0), Said::CaughtUp(None, None)]).await;
    for n in 0..100 {
        fill(&door.log, "seat-1", "A", n..n + 1).await;
        tokio::task::yield_now().await;
    }
    let mut last = 0;
    while last < 90 {
        let Said::Checkpoint(position) = next(&mut followed).await else { panic!("nothing passes") };
        assert!(position >= last + 10, "not for every event: {position} follows {last}");
        last = position;
    }
    door.shut().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_repeated_while_others_write() {
    let (_folder, log) = sqlite();
    let door = Open::new(log, writing()).await;
    let client = door.client();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let log = Arc::clone(&door.log);
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
    door.shut().await;
}
