//! How subscriptions begin and end, message by message, which client libraries hide.

use crate::common;

use common::raw::{read_whole, streams};
use common::wire::shared::StreamIdentifier;
use common::wire::streams::read_req::options as read_options;
use common::wire::streams::{ReadReq, ReadResp, read_req, read_resp};
use common::{TestServer, fill, memory, soon, writing};
use tonic::{Code, Request, Streaming};

/// The request of a subscription.
fn follow(stream_option: read_options::StreamOption) -> ReadReq {
    let subscription = Some(read_options::CountOption::Subscription(read_options::SubscriptionOptions {}));
    let options = read_whole(None).options.unwrap();
    ReadReq { options: Some(read_req::Options { stream_option: Some(stream_option), count_option: subscription, ..options }) }
}

fn whole() -> read_options::StreamOption {
    let start = read_options::all_options::AllOption::Start(());
    read_options::StreamOption::All(read_options::AllOptions { all_option: Some(start) })
}

fn one(stream: &str) -> read_options::StreamOption {
    read_options::StreamOption::Stream(read_options::StreamOptions {
        stream_identifier: Some(StreamIdentifier { stream_name: stream.to_owned().into() }),
        revision_option: Some(read_options::stream_options::RevisionOption::Start(())),
    })
}

async fn next(incoming: &mut Streaming<ReadResp>) -> read_resp::Content {
    soon(incoming.message()).await.unwrap().expect("a subscription does not end").content.unwrap()
}

async fn until_caught_up(incoming: &mut Streaming<ReadResp>) {
    while !matches!(next(incoming).await, read_resp::Content::CaughtUp(_)) {}
}

/// The code with which a call ends. A normal end fails the test: the Rust client resubscribes in a tight
/// loop after one.
async fn ending(mut incoming: Streaming<ReadResp>) -> Code {
    loop {
        match soon(incoming.message()).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended normally"),
            Err(status) => return status.code(),
        }
    }
}

/// "Not found" makes the Rust client panic. "Caught up" follows the events that the stream begins with, as in EventStoreDB.
#[tokio::test]
async fn a_subscription_to_a_missing_stream_waits_for_it() {
    let server = TestServer::new(memory(), writing()).await;
    let mut incoming = streams(&server).await.read(follow(one("seat-1"))).await.unwrap().into_inner();
    assert!(matches!(next(&mut incoming).await, read_resp::Content::Confirmation(_)));
    fill(&server.log, "seat-1", "A", 0..2).await;
    for revision in 0..2 {
        let read_resp::Content::Event(event) = next(&mut incoming).await else { panic!("no event") };
        assert_eq!(event.event.unwrap().stream_revision, revision);
    }
    let read_resp::Content::CaughtUp(at) = next(&mut incoming).await else { panic!("not caught up") };
    assert_eq!(at.stream_revision, Some(1));
    fill(&server.log, "seat-1", "A", 2..3).await;
    assert!(matches!(next(&mut incoming).await, read_resp::Content::Event(_)));
    server.stop().await;
}

#[tokio::test]
async fn subscriptions_end_with_unavailable_on_shutdown() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..10).await;
    let mut client = streams(&server).await;
    let mut live = client.read(follow(whole())).await.unwrap().into_inner();
    until_caught_up(&mut live).await;
    let mut other = client.read(follow(one("seat-1"))).await.unwrap().into_inner();
    until_caught_up(&mut other).await;
    server.begin_shutdown();
    assert_eq!((ending(live).await, ending(other).await), (Code::Unavailable, Code::Unavailable));
    server.stop().await;
}

#[tokio::test]
async fn subscriptions_end_with_unavailable_when_the_log_closes() {
    let log = memory();
    let server = TestServer::new(log.clone(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..1).await;
    let mut client = streams(&server).await;
    let mut live = client.read(follow(whole())).await.unwrap().into_inner();
    until_caught_up(&mut live).await;
    let mut other = client.read(follow(one("seat-1"))).await.unwrap().into_inner();
    until_caught_up(&mut other).await;
    log.close();
    assert_eq!((ending(live).await, ending(other).await), (Code::Unavailable, Code::Unavailable));
    let refused = soon(client.read(follow(whole()))).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    server.stop().await;
}

#[tokio::test]
async fn a_call_ends_at_the_clients_deadline() {
    let server = TestServer::new(memory(), writing()).await;
    let mut request = Request::new(follow(whole()));
    // Written by hand: tonic's own would end the call on this side.
    request.metadata_mut().insert("grpc-timeout", "200m".parse().unwrap());
    let incoming = streams(&server).await.read(request).await.unwrap().into_inner();
    assert_eq!(ending(incoming).await, Code::DeadlineExceeded);
    server.stop().await;
}
