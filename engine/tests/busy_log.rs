//! A log that has no room for new work: holds are refused before they begin, and what was begun is finished.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use async_trait::async_trait;
use common::*;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::Position;
use lastseat_engine::{CommandError, Fault, Paid};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

struct Busy {
    inner: Arc<dyn EventLog>,
    is_busy: Arc<AtomicBool>,
}

const LATER: Duration = Duration::from_secs(2);

#[async_trait]
impl ForwardLog for Busy {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn room(&self) -> Result<(), Duration> {
        if self.is_busy.load(Ordering::SeqCst) { Err(LATER) } else { Ok(()) }
    }
}

#[tokio::test(start_paused = true)]
async fn holds_are_refused_before_they_begin_and_payments_go_on() {
    for atomic in [true, false] {
        let bench = TestBench::new(atomic);
        let is_busy = Arc::new(AtomicBool::new(false));
        let log = Arc::new(ForwardingLog(Busy { inner: bench.log.clone(), is_busy: is_busy.clone() }));
        let bench = TestBench { log, ..bench };
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;

        is_busy.store(true, Ordering::SeqCst);
        let before: Position = bench.log.head().await.unwrap();
        for _ in 0..3 {
            let refused = hold(&bench, &office, seats(&["A-2"])).await;
            assert!(
                matches!(refused, Err(CommandError::Failed(Fault::Busy { retry_after })) if retry_after == LATER),
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
