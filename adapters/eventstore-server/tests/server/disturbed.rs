//! What tests can have the server do to its clients: see `Disturbances`.

use crate::common;

use chrono::TimeDelta;
use common::raw::{batch_append, channel, read_whole, streams};
use common::wire::gossip::gossip_client::GossipClient;
use common::wire::gossip::member_info::VNodeState;
use common::wire::streams::{BatchAppendReq, batch_append_resp};
use common::{TestServer, at, event, fill, memory, soon, writing};
use eventstore::{Error, StreamState, SubscribeToAllOptions, SubscriptionEvent};
use lastseat_domain::StreamName;
use lastseat_domain::ports::Clock;
use lastseat_domain::ports::event_log::Direction;
use lastseat_eventstore_server::{Disturbances, Leader, ServerSettings, Stall};
use lastseat_testkit::SteppingClock;
use std::sync::Arc;
use std::time::Duration;
use tonic::{Code, Request, Status};

async fn disturbed(disturbances: Disturbances) -> TestServer {
    TestServer::new(memory(), ServerSettings { disturbances, ..writing() }).await
}

/// What a live subscriber gets of a burst of 100 events: how many, and how it ended.
async fn burst(live_buffer: Option<usize>) -> (usize, Option<Error>) {
    let server = disturbed(Disturbances { live_buffer, ..Disturbances::default() }).await;
    let mut followed = server.client().subscribe_to_all(&SubscribeToAllOptions::default()).await;
    while !matches!(soon(followed.next_subscription_event()).await.unwrap(), SubscriptionEvent::CaughtUp(_)) {}
    fill(&server.log, "seat-1", "A", 0..100).await;
    let mut events = 0;
    let ended = loop {
        match soon(followed.next_subscription_event()).await {
            Ok(SubscriptionEvent::EventAppeared(_)) => events += 1,
            Ok(_) => {}
            Err(error) => break Some(error),
        }
        if events == 100 {
            break None;
        }
    };
    server.stop().await;
    (events, ended)
}

#[tokio::test]
async fn a_burst_ends_a_live_subscription() {
    let (events, ended) = burst(Some(32)).await;
    let Some(Error::Grpc { code, message }) = ended else { panic!("{ended:?}") };
    assert_eq!((events, i32::from(code)), (32, i32::from(Code::Aborted)));
    assert!(message.contains("Consumer too slow to handle event while live. Client resubscription required."), "{message}");
}

/// The twin: nobody asked for it.
#[tokio::test]
async fn an_undisturbed_subscription_outlives_a_burst() {
    assert!(matches!(burst(None).await, (100, None)));
}

/// The clock moves only when the server waits for the end of a stall.
#[tokio::test]
async fn a_stalled_server_answers_when_the_stall_is_over() {
    let clock = SteppingClock::default();
    let started = clock.now();
    let stall = Stall { after: TimeDelta::seconds(10), lasts: TimeDelta::seconds(2), every: None };
    let disturbances = Disturbances { stall: Some(stall), ..Disturbances::default() };
    let settings = ServerSettings { disturbances, clock: Arc::new(clock.clone()), ..writing() };
    let server = TestServer::new(memory(), settings).await;
    let mut client = streams(&server).await;
    soon(client.read(read_whole(None))).await.unwrap();
    assert_eq!(clock.now(), started, "nothing stalls yet");
    clock.advance(Duration::from_secs(11));
    soon(client.read(read_whole(None))).await.unwrap();
    assert_eq!(clock.now() - started, TimeDelta::seconds(12), "on the connection that was open");
    server.stop().await;
}

/// In paused time.
#[tokio::test(start_paused = true)]
async fn a_slow_server_answers_late() {
    let server = disturbed(Disturbances { slow: Duration::from_secs(10), ..Disturbances::default() }).await;
    let mut client = streams(&server).await;
    let started = tokio::time::Instant::now();
    for _ in 0..8 {
        let mut answers = soon(client.read(read_whole(None))).await.unwrap().into_inner();
        assert!(soon(answers.message()).await.unwrap().is_none());
    }
    assert!(started.elapsed() > Duration::from_secs(10));
    server.stop().await;
}

fn leader(after_appends: u64) -> Disturbances {
    let leader = Leader { host: "10.1.2.3".to_owned(), port: 2113, after_appends };
    Disturbances { follows: Some(leader), ..Disturbances::default() }
}

/// A call that only the leader may serve.
fn for_the_leader<T>(body: T) -> Request<T> {
    let mut request = Request::new(body);
    request.metadata_mut().insert("requires-leader", "true".parse().unwrap());
    request
}

fn is_not_leader(status: &Status, host: &str, port: u16) {
    let trailer = |name: &str| status.metadata().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!((status.code(), trailer("exception")), (Code::NotFound, Some("not-leader".to_owned())), "{status:?}");
    assert_eq!(trailer("leader-endpoint-host"), Some(host.to_owned()));
    assert_eq!(trailer("leader-endpoint-port"), Some(port.to_string()));
}

#[tokio::test]
async fn a_follower_refuses_what_requires_the_leader_and_names_it() {
    let server = disturbed(leader(0)).await;
    let mut client = streams(&server).await;
    // Before anything is read of it, so the answer is trailers only.
    let refused = soon(client.batch_append(for_the_leader(futures::stream::pending()))).await.unwrap_err();
    is_not_leader(&refused, "10.1.2.3", 2113);
    is_not_leader(&soon(client.read(for_the_leader(read_whole(None)))).await.unwrap_err(), "10.1.2.3", 2113);
    soon(client.read(read_whole(None))).await.unwrap();
    let gossip = soon(GossipClient::new(channel(&server).await).read(())).await.unwrap().into_inner();
    let states: Vec<VNodeState> = gossip.members.iter().map(|member| member.state()).collect();
    assert_eq!(states, [VNodeState::Follower, VNodeState::Leader]);
    assert_eq!(gossip.members[1].http_end_point.as_ref().unwrap().address, "10.1.2.3");
    server.stop().await;
}

/// Each with a stream of its own.
fn appends(count: usize) -> impl futures::Stream<Item = BatchAppendReq> + Send + 'static {
    futures::stream::iter((0..count).map(|n| batch_append(&format!("seat-{n}"), &n.to_string())))
}

/// Appends pipelined on one call: how many were written, how many of these were answered, and how the call ended.
async fn pipelined(server: &TestServer, count: usize) -> (usize, usize, Option<Status>) {
    let mut incoming = soon(streams(server).await.batch_append(appends(count))).await.unwrap().into_inner();
    let mut answered = 0;
    let ended = loop {
        match soon(incoming.message()).await {
            Ok(Some(answer)) => {
                assert!(matches!(answer.result, Some(batch_append_resp::Result::Success(_))), "{answer:?}");
                answered += 1;
            }
            Ok(None) => break None,
            Err(status) => break Some(status),
        }
    };
    let mut written = 0;
    for n in 0..count {
        let stream = StreamName::from_log(&format!("seat-{n}"));
        let is_there = !server.log.read_stream(&stream, None, Direction::Forwards, 1).await.unwrap().is_empty();
        assert!(!is_there || written == n, "append {n} overtook append {written}");
        written += usize::from(is_there);
    }
    (written, answered, ended)
}

#[tokio::test]
async fn a_leader_that_is_deposed_in_a_batch_has_written_its_beginning() {
    let server = disturbed(leader(10)).await;
    let (written, _, ended) = pipelined(&server, 20).await;
    assert_eq!(written, 10);
    is_not_leader(&ended.unwrap(), "10.1.2.3", 2113);
    let refused = soon(streams(&server).await.batch_append(for_the_leader(appends(1)))).await.unwrap_err();
    is_not_leader(&refused, "10.1.2.3", 2113);
    let single = soon(server.client().append_to_stream("seat-x", &at(StreamState::NoStream), event("a"))).await;
    assert!(matches!(&single, Err(Error::NotLeaderException(leader)) if leader.host == "10.1.2.3"), "{single:?}");
    server.stop().await;
}

/// It leads again at once. What it has written may have been answered, or not.
#[tokio::test]
async fn a_deposed_leader_answers_all_that_it_has_written_or_nothing() {
    let (mut some, mut none) = (0, 0);
    for seed in 0..16 {
        let server = disturbed(Disturbances { seed, depositions: 0.1, ..Disturbances::default() }).await;
        let (written, answered, ended) = pipelined(&server, 100).await;
        assert!(written < 100 && answered <= written, "{written} {answered}");
        is_not_leader(&ended.unwrap(), "127.0.0.1", server.address.port());
        some += usize::from(answered > 0);
        none += usize::from(written > 0 && answered == 0);
        server.stop().await;
    }
    assert!(some > 0 && none > 0, "{some} {none}");
}

/// The twin: nobody asked for it.
#[tokio::test]
async fn an_undisturbed_batch_is_written_and_answered() {
    let server = disturbed(Disturbances::default()).await;
    assert!(matches!(pipelined(&server, 20).await, (20, 20, None)));
    server.stop().await;
}
