//! A failing twin: the same Redis that forgets everything, over a log that ignores revisions. It proves
//! that the audit sees a double sale, and that only the log's revision check prevents one.

use crate::cluster::{LogKind, SHORT_HOLD, TestCluster};
use crate::crowd::{hold, seat};
use crate::outcome::audit;
use async_trait::async_trait;
use futures::future::join_all;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Expected, LogFault, StreamWrite, WriteOutcome};
use lastseat_redis::RedisOptions;
use lastseat_redis_testkit::RedisServer;
use lastseat_testkit::{ForwardLog, ForwardingLog};
use std::sync::Arc;
use std::time::Duration;

/// A slow log. If it is blind, it ignores the expected revision of a seat and appends at the end of its stream.
struct SlowLog {
    inner: Arc<dyn EventLog>,
    blind: bool,
}

#[async_trait]
impl ForwardLog for SlowLog {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn append(&self, mut writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        for write in writes.iter_mut().filter(|write| self.blind && write.stream.category() == "seat") {
            let last = self.inner.read_stream(&write.stream, None, Direction::Backwards, 1).await?;
            write.expected = last.first().map_or(Expected::NoStream, |event| Expected::Revision(event.revision));
        }
        self.inner.append(writes).await
    }
}

/// All buyers want the same twenty seats while Redis is flushed again and again. Returns how many holds
/// succeeded and what the audit found.
async fn rush(kind: LogKind, server: &RedisServer, blind: bool) -> (usize, Vec<String>) {
    let cluster = TestCluster::open(kind, 1, SHORT_HOLD).await;
    let log: Arc<dyn EventLog> = Arc::new(ForwardingLog(SlowLog { inner: cluster.log.clone(), blind }));
    let nodes = cluster.nodes_over(&log, 4, &server.url(), RedisOptions::default()).await;
    let mut flusher = redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let flushing = tokio::spawn(async move {
        loop {
            let _ignored = redis::cmd("FLUSHALL").query_async::<()>(&mut flusher).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    let holds = join_all((0..400_u32).map(|n| {
        let office = nodes[n as usize % nodes.len()].clone();
        tokio::spawn(async move {
            // One node after the other comes to a seat, while the first one's append is on its way.
            tokio::time::sleep(Duration::from_millis(u64::from(n % 4) * 20)).await;
            hold(&office, seat(1 + n / 20)).await
        })
    }))
    .await;
    flushing.abort();
    let won = holds.iter().filter(|held| held.as_ref().unwrap().is_ok()).count();
    let wrong = audit(&*cluster.log).await.violations;
    (won, wrong.iter().map(|violation| format!("{:?} {}", violation.code, violation.stream)).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flushed_redis_and_a_blind_log_sell_twice_and_the_audit_says_so() {
    let Some(server) = RedisServer::start() else { return };
    for kind in [LogKind::Sqlite, LogKind::Memory] {
        assert_eq!(rush(kind, &server, false).await, (20, vec![]), "{kind:?}: the same Redis, with revisions checked");
        let (won, wrong) = rush(kind, &server, true).await;
        assert!(won > 20, "{kind:?}: {won}: only the log's revision check prevents this");
        assert!(wrong.iter().any(|wrong| wrong.contains("seat-test.A-")), "{kind:?}: {won} holds, and {wrong:?}");
        println!("{kind:?}, blind: {won} of 20 seats, {} {:?} first", wrong.len(), wrong.first());
    }
}
