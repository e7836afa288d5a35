//! A log that can take no new work: holds are refused before they begin, and what was begun is finished.

use crate::common;

use async_trait::async_trait;
use common::batches::{open_large, outcomes, send, thousand};
use common::*;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{LogFault, Position, StreamWrite, WriteOutcome};
use lastseat_engine::{BoxOffice, BusyCause, CommandError, Fault, Paid};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

struct Busy {
    inner: Arc<dyn EventLog>,
    is_busy: Arc<AtomicBool>,
    /// How long new work waits.
    wait: Duration,
    /// How often new work has asked.
    asked: Arc<AtomicUsize>,
}

const LATER: Duration = Duration::from_secs(2);

#[async_trait]
impl ForwardLog for Busy {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn wait_for_capacity(&self, _: usize) -> Result<(), Duration> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.wait).await;
        if self.is_busy.load(Ordering::SeqCst) { Err(LATER) } else { Ok(()) }
    }
}

#[tokio::test(start_paused = true)]
async fn holds_are_refused_before_they_begin_and_payments_go_on() {
    for atomic in [true, false] {
        let bench = TestBench::new(atomic);
        let is_busy = Arc::new(AtomicBool::new(false));
        let log = Arc::new(ForwardingLog(Busy {
            inner: bench.log.clone(),
            is_busy: is_busy.clone(),
            wait: Duration::ZERO,
            asked: Arc::default(),
        }));
        let bench = TestBench { log, ..bench };
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;

        is_busy.store(true, Ordering::SeqCst);
        let before: Position = bench.log.head().await.unwrap();
        for _ in 0..3 {
            let refused = hold(&bench, &office, seats(&["A-2"])).await;
            assert!(
                matches!(refused, Err(CommandError::Failed(Fault::Busy { retry_after, cause: BusyCause::NewHold })) if retry_after == LATER),
                "{refused:?}"
            );
        }
        assert_eq!(bench.log.head().await.unwrap(), before, "something was written");
        assert!(office.status().ready, "a busy log can be written");
        assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));

        is_busy.store(false, Ordering::SeqCst);
        // Neither the guard nor this node keeps the seat for a hold that was refused.
        assert!(hold(&bench, &office, seats(&["A-2"])).await.is_ok());
    }
}

/// Appends get no answer but that there is too much to do, while it is set so.
struct NoTurn {
    inner: Arc<dyn EventLog>,
    is_busy: Arc<AtomicBool>,
}

#[async_trait]
impl ForwardLog for NoTurn {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        if self.is_busy.load(Ordering::SeqCst) {
            return Err(LogFault::Busy("no turn".to_owned()));
        }
        self.inner.append(writes).await
    }
}

#[tokio::test(start_paused = true)]
async fn an_append_that_is_not_sent_for_want_of_capacity_is_no_fault_of_the_log() {
    for atomic in [true, false] {
        let (bench, is_busy) = (TestBench::new(atomic), Arc::new(AtomicBool::new(false)));
        let log = Arc::new(ForwardingLog(NoTurn { inner: bench.log.clone(), is_busy: is_busy.clone() }));
        let bench = TestBench { log, ..bench };
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        is_busy.store(true, Ordering::SeqCst);
        let paid = pay(&office, &held, "pm_card_visa").await;
        let is_busy_append = |e: &CommandError| matches!(e, CommandError::Failed(Fault::Busy { cause: BusyCause::Append, .. }));
        assert!(paid.as_ref().is_err_and(is_busy_append), "{paid:?}");
        let status = office.status();
        assert!(status.ready && status.degraded.is_empty(), "{status:?}");
        is_busy.store(false, Ordering::SeqCst);
        assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
    }
}

/// A bench whose log lets holds wait for two seconds, with a show on sale.
async fn waiting(atomic: bool) -> (TestBench, BoxOffice) {
    let bench = TestBench::new(atomic);
    let wait = Duration::from_secs(2);
    let log = Arc::new(ForwardingLog(Busy { inner: bench.log.clone(), is_busy: Arc::default(), wait, asked: Arc::default() }));
    let bench = TestBench { log, ..bench };
    let office = bench.open().await;
    (bench, office)
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_waited_is_held_from_then_on() {
    for atomic in [true, false] {
        let (bench, office) = waiting(atomic).await;
        let before = bench.clock.now();
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        let waited = (held.expires_at.unwrap() - before).num_seconds() - i64::from(test_show().hold_seconds);
        assert!(waited >= 2, "{waited} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_show_that_is_cancelled_while_a_hold_waits_is_not_held() {
    for atomic in [true, false] {
        let (bench, office) = waiting(atomic).await;
        let selection = seats(&["A-1"]);
        let (held, cancelled) = tokio::join!(hold(&bench, &office, selection), async {
            later(1).await;
            office.cancel_show(&show(), "admin").await
        });
        assert!(cancelled.is_ok());
        assert_eq!(code(held), "show_cancelled");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_the_log_can_not_take_waits_once() {
    for atomic in [true, false] {
        let (bench, asked) = (TestBench::new(atomic), Arc::new(AtomicUsize::new(0)));
        let is_busy = Arc::new(AtomicBool::new(true));
        let busy = Busy { inner: bench.log.clone(), is_busy, wait: Duration::from_secs(3), asked: Arc::clone(&asked) };
        let bench = TestBench { log: Arc::new(ForwardingLog(busy)), ..bench };
        let office = open_large(&bench, test_settings()).await;
        let answers = send(&office, &thousand(&bench)).await;
        assert!(outcomes(&answers).iter().all(|outcome| outcome.starts_with("Busy")));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}
