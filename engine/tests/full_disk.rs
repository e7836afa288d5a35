//! A disk that is full from some append on: what was decided is finished once there is room, exactly once,
//! also by a node that was started on the full disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use async_trait::async_trait;
use common::*;
use lastseat_domain::BookingId;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{LogFault, StreamWrite, WriteOutcome};
use lastseat_engine::Paid;
use lastseat_testkit::{ForwardLog, ForwardingLog};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A log that refuses appends once the disk is full.
struct SmallDisk {
    inner: Arc<dyn EventLog>,
    /// Appends that still fit.
    room: Arc<AtomicUsize>,
}

const MUCH: usize = usize::MAX / 2;

#[async_trait]
impl ForwardLog for SmallDisk {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        let fits = self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |room| room.checked_sub(1)).is_ok();
        if fits { self.inner.append(writes).await } else { Err(LogFault::Unavailable("no space left on the disk".to_owned())) }
    }
}

struct Refund {
    bench: TestBench,
    room: Arc<AtomicUsize>,
    booking: BookingId,
}

/// A paid booking whose refund finds room for so many appends.
async fn refund_with_room_for(appends: usize, atomic: bool) -> Refund {
    let bench = TestBench::new(atomic);
    let room = Arc::new(AtomicUsize::new(MUCH));
    let log = Arc::new(ForwardingLog(SmallDisk { inner: bench.log.clone(), room: room.clone() }));
    let bench = TestBench { log, ..bench };
    let office = bench.open().await;
    let held = hold_as(&bench, &office, "ann", seats(&["A-1", "A-2"])).await.unwrap().booking;
    assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
    // The rewards of the payment are in the log, too.
    later(5).await;
    room.store(appends, Ordering::SeqCst);
    let answer = office.refund(held.id, "admin").await;
    assert!(answer.is_err() || appends >= 2, "{answer:?}");
    later(12).await;
    office.drain(Duration::ZERO).await;
    Refund { bench, room, booking: held.id }
}

impl Refund {
    async fn is_complete(&self) {
        let story = self.bench.story(self.booking).await;
        assert_eq!(story.iter().filter(|name| **name == "PaymentRefunded").count(), 1, "{story:?}");
        assert_eq!(self.bench.taken(), 0);
        assert_eq!(self.refunds(), 1, "the money was returned once");
        let released = self.bench.history().await.iter().filter(|e| e.event.name() == "SeatReleased").count();
        assert_eq!(released, 2, "both seats are free again");
    }

    fn refunds(&self) -> usize {
        self.bench.sandbox.intents().iter().map(|intent| intent.refunds.len()).sum()
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(test)
}

/// The request itself does not fit: nothing is done, at the gateway neither.
#[test]
fn a_refund_that_can_not_be_requested_returns_no_money() {
    for atomic in [true, false] {
        run(async {
            let refund = refund_with_room_for(0, atomic).await;
            let node = refund.bench.node().await;
            later(12).await;
            assert_eq!((refund.bench.taken(), refund.refunds()), (10_000, 0));
            refund.room.store(MUCH, Ordering::SeqCst);
            later(12).await;
            assert_eq!(refund.bench.story(refund.booking).await.last(), Some(&"PaymentCaptured"));
            // It was answered with a fault, so the admin asks again.
            node.refund(refund.booking, "admin").await.unwrap();
            refund.is_complete().await;
        });
    }
}

/// The request fits, and something after it does not: the gateway has returned the money, and the log
/// says "confirmed" until there is room. A node that was started meanwhile finishes it then.
#[test]
fn a_refund_that_was_requested_is_completed_when_there_is_room_again() {
    for atomic in [true, false] {
        for appends in 1..4 {
            run(async {
                let refund = refund_with_room_for(appends, atomic).await;
                let recorded = refund.bench.story(refund.booking).await.last() == Some(&"PaymentRefunded");
                assert_eq!((refund.bench.taken(), refund.refunds(), recorded), (0, 1, appends > 1), "{appends}");
                let node = refund.bench.node().await;
                later(12).await;
                assert_eq!(refund.refunds(), 1, "asked again, the gateway does not pay again");
                assert!(node.status().unfinished > 0, "the metric counts it until it is done");
                refund.room.store(MUCH, Ordering::SeqCst);
                later(30).await;
                refund.is_complete().await;
            });
        }
    }
}

/// The same after a day, when the gateway has forgotten the key of the refund.
#[test]
fn a_disk_that_stays_full_for_a_day_pays_no_refund_twice() {
    run(async {
        let refund = refund_with_room_for(1, true).await;
        later(25 * 3600).await;
        let _node = refund.bench.node().await;
        later(60).await;
        assert_eq!(refund.refunds(), 1);
        refund.room.store(MUCH, Ordering::SeqCst);
        later(60).await;
        refund.is_complete().await;
    });
}
