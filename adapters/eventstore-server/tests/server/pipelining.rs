//! Many appends under way on one call: they reach the log together, in order, and none is answered before it is there.

use crate::common;

use async_trait::async_trait;
use common::raw::{batch_append, streams};
use common::wire::streams::batch_append_req::options::{DeadlineOption, ExpectedStreamPosition};
use common::wire::streams::{BatchAppendReq, BatchAppendResp, batch_append_resp};
use common::{TestServer, memory, soon, sqlite, writing};
use futures::SinkExt;
use futures::channel::mpsc;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Direction, Position, StreamWrite, WriteOutcome};
use lastseat_domain::ports::{EventLog, LogFault};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// A log that takes appends only while its gate is open, and notes how many came together.
struct Gated {
    inner: Arc<dyn EventLog>,
    gate: Semaphore,
    together: Mutex<Vec<usize>>,
}

#[async_trait]
impl ForwardLog for Gated {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<Result<Vec<WriteOutcome>, LogFault>> {
        self.together.lock().push(appends.len());
        let _open = self.gate.acquire().await.unwrap();
        self.inner.append_each(appends).await
    }
}

/// An append is not answered while the log has not answered, and does not keep the next ones from the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_do_not_wait_for_the_answers_to_earlier_ones() {
    let (_folder, log) = sqlite();
    let gated = Arc::new(ForwardingLog(Gated { inner: log, gate: Semaphore::new(0), together: Mutex::default() }));
    let server = TestServer::new(gated.clone(), writing()).await;
    let (mut requests, receiver) = mpsc::channel(0);
    let mut incoming = streams(&server).await.batch_append(receiver).await.unwrap().into_inner();
    let log = || gated.0.together.lock().iter().sum::<usize>();
    for n in 0..10 {
        requests.send(batch_append(&format!("seat-{n}"), "a")).await.unwrap();
        while log() <= n {
            tokio::task::yield_now().await;
        }
    }
    assert!(futures::FutureExt::now_or_never(incoming.message()).is_none(), "nothing is committed");
    gated.0.gate.add_permits(1);
    for _ in 0..10 {
        assert!(is_written(&soon(incoming.message()).await.unwrap().unwrap()));
    }
    drop(requests);
    assert!(soon(incoming.message()).await.unwrap().is_none());
    server.stop().await;
}

/// A client may ask for the revision after an event without waiting for the answer, and go on from there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_without_events_keeps_its_place() {
    let (_folder, log) = sqlite();
    let server = TestServer::new(log, writing()).await;
    let requests = (0..100).flat_map(|n| {
        let stream = format!("seat-{n}");
        let after = |revision, correlation: &str| {
            let mut request = batch_append(&stream, correlation);
            request.correlation_id = batch_append(correlation, correlation).correlation_id;
            request.options.as_mut().unwrap().expected_stream_position = Some(ExpectedStreamPosition::StreamPosition(revision));
            request
        };
        let check = BatchAppendReq { proposed_messages: vec![], ..after(0, &format!("{n} check")) };
        [batch_append(&stream, &format!("{n} first")), check, after(0, &format!("{n} second"))]
    });
    let requests = futures::stream::iter(requests.collect::<Vec<_>>());
    let mut incoming = streams(&server).await.batch_append(requests).await.unwrap().into_inner();
    let mut answers = 0;
    while let Some(answer) = soon(incoming.message()).await.unwrap() {
        assert!(is_written(&answer), "{answer:?}");
        answers += 1;
    }
    assert_eq!((answers, server.log.head().await.unwrap().0), (300, 200));
    server.stop().await;
}

/// The first part names how long the client waits. In paused time.
#[tokio::test(start_paused = true)]
async fn the_time_between_its_parts_counts_for_an_append() {
    const LIMIT: Duration = Duration::from_millis(50);
    let server = TestServer::new(memory(), writing()).await;
    let (mut requests, receiver) = mpsc::channel(0);
    let mut incoming = streams(&server).await.batch_append(receiver).await.unwrap().into_inner();
    let mut first = BatchAppendReq { is_final: false, ..batch_append("seat-late", "a") };
    let limit = prost_types::Duration { seconds: 0, nanos: i32::try_from(LIMIT.as_nanos()).unwrap() };
    first.options.as_mut().unwrap().deadline_option = Some(DeadlineOption::Deadline(limit));
    let last = BatchAppendReq { options: None, ..batch_append("seat-late", "b") };
    requests.send(first).await.unwrap();
    requests.send(batch_append("seat-1", "c")).await.unwrap();
    assert!(is_written(&soon(incoming.message()).await.unwrap().unwrap()), "so the first part has been received");
    tokio::time::advance(LIMIT).await;
    requests.send(last).await.unwrap();
    let answer = soon(incoming.message()).await.unwrap().unwrap();
    let Some(batch_append_resp::Result::Error(status)) = &answer.result else { panic!("{answer:?}") };
    assert!(status.details.as_ref().unwrap().type_url.ends_with(".Timeout"), "{answer:?}");
    assert_eq!(server.log.head().await.unwrap().0, 1, "the log did not get it");
    drop(requests);
    server.stop().await;
}

fn is_written(answer: &BatchAppendResp) -> bool {
    matches!(answer.result, Some(batch_append_resp::Result::Success(_)))
}

/// Appends that were answered as written and were not in the log at that moment.
async fn answered_too_early(log: Arc<dyn EventLog>) -> usize {
    let server = TestServer::new(log, writing()).await;
    let requests = futures::stream::iter((0..2_000).map(|n| batch_append(&format!("seat-{n}"), &n.to_string())));
    let mut incoming = streams(&server).await.batch_append(requests).await.unwrap().into_inner();
    let mut early = 0;
    while let Some(answer) = soon(incoming.message()).await.unwrap() {
        assert!(is_written(&answer), "{answer:?}");
        let name = answer.stream_identifier.unwrap().stream_name;
        let stream = StreamName::from_log(std::str::from_utf8(&name).unwrap());
        early += usize::from(server.log.read_stream(&stream, None, Direction::Forwards, 1).await.unwrap().is_empty());
    }
    server.stop().await;
    early
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_answered_is_in_the_log() {
    let (_folder, log) = sqlite();
    assert_eq!(answered_too_early(log).await, 0);
}

/// The failing twin: a log that answers, and then writes.
struct Hasty {
    inner: Arc<dyn EventLog>,
    position: AtomicUsize,
}

#[async_trait]
impl ForwardLog for Hasty {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<Result<Vec<WriteOutcome>, LogFault>> {
        let written = || {
            let position = Position(self.position.fetch_add(1, Ordering::Relaxed) as u64);
            Ok(vec![WriteOutcome::Written { last_revision: 0, position }])
        };
        let answers = appends.iter().map(|_| written()).collect();
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move { inner.append_each(appends).await });
        answers
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_commit_is_caught() {
    let (_folder, log) = sqlite();
    assert_ne!(answered_too_early(Arc::new(ForwardingLog(Hasty { inner: log, position: AtomicUsize::new(1) }))).await, 0);
}
