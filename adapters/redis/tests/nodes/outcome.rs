//! Checks the outcome of a sale: the log, the answers that buyers got, and what is left in Redis.

use crate::cluster::{LEASE_MARGIN_SECONDS, SOON, TestCluster};
use crate::crowd::{Answers, any, hold, pay};
use lastseat_audit::{Audit, Report};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Filter};
use lastseat_engine::{BoxOffice, Paid};
use lastseat_redis_testkit::RedisServer;
use std::time::Duration;
use tokio::time::Instant;

/// The audit of a log.
pub async fn audit(log: &dyn EventLog) -> Report {
    let mut audit = Audit::new();
    for event in log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.expect("the log can be read") {
        audit.observe(&event);
    }
    audit.finish()
}

/// Waits until all nodes have recovered by themselves and all holds are over.
pub async fn settle(cluster: &TestCluster, nodes: &[BoxOffice], what: &str) -> Report {
    let started = Instant::now();
    loop {
        let report = audit(&*cluster.log).await;
        let statuses: Vec<_> = nodes.iter().map(BoxOffice::status).collect();
        let settled = statuses.iter().all(|status| status.ready && status.degraded.is_empty() && status.unfinished == 0);
        if settled && report.pending_total == 0 && report.seats["locked"] == 0 {
            return report;
        }
        assert!(started.elapsed() < SOON, "{what}: it does not settle: {statuses:?}, {:?}", report.pending.first());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// All guarantees hold, no seat is stuck, and the answers that buyers got are true.
pub async fn assert_clean(cluster: &TestCluster, nodes: &[BoxOffice], answers: &Answers, what: &str) -> Report {
    let report = settle(cluster, nodes, what).await;
    assert!(report.holds(), "{what}: {report}");
    for (bookings, status) in [(&answers.confirmed, "confirmed"), (&answers.refunded, "refunded")] {
        let bookings = bookings.lock().clone();
        for (booking, node) in bookings.iter().zip(nodes.iter().cycle()) {
            let found = node.booking(*booking).await.unwrap();
            assert_eq!(found.map(|booking| booking.status()), Some(status), "{what}: {booking} was answered so");
        }
    }
    let taken: i64 = cluster.sandbox.intents().iter().map(|intent| intent.kept()).sum();
    let kept: i64 = report.money.values().map(|flow| flow.captured - flow.refunded).sum();
    assert_eq!(taken, kept, "{what}: the money at the gateway is the money in the log");
    report
}

/// The nodes still sell, through the guard, without an operator's help.
pub async fn assert_sells(nodes: &[BoxOffice], what: &str) {
    for node in nodes {
        let held = hold(node, any(1)).await.unwrap_or_else(|why| panic!("{what}: {why}"));
        assert!(matches!(pay(node, held.booking.id).await, Ok(Paid::Confirmed(_))), "{what}");
        assert!(node.status().degraded.is_empty(), "{what}: {:?}", node.status());
    }
}

/// Every key in Redis expires by itself.
pub fn assert_every_key_ends(server: &RedisServer, hold_seconds: u32, what: &str) {
    assert_eq!(server.keys_without_end(), Vec::<String>::new(), "{what}");
    // A lease that no node knows of ends with the longest hold.
    let longest = i64::from(2 * hold_seconds + LEASE_MARGIN_SECONDS) * 1_000;
    let keys: Vec<String> = redis::from_redis_value(server.must(&["KEYS", "*"])).unwrap();
    for key in keys {
        let holder: Option<String> = redis::from_redis_value(server.must(&["GET", &key])).unwrap();
        let left: i64 = redis::from_redis_value(server.must(&["PTTL", &key])).unwrap();
        let is_sold = holder.is_some_and(|holder| holder.starts_with("sold:"));
        assert!(is_sold || left <= longest, "{what}: {key} for another {left} ms");
    }
}
