//! After a crash, the next start reports what it found and finished.

use crate::common;

use common::fault_injection::{AppendFate, FaultPlan};
use common::*;
use std::time::Duration;

fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

#[test]
fn a_start_after_a_crash_reports_what_it_finished() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        let (plan, cut) = FaultPlan::around(&bench);
        let dying = cut.node().await;
        let _expires = hold(&cut, &dying, seats(&["A-1", "A-2"])).await.unwrap();
        later(500).await;
        let paid = hold(&cut, &dying, seats(&["B-1"])).await.unwrap().booking;
        let _waits = hold(&cut, &dying, seats(&["B-2"])).await.unwrap();
        // Started, decided; then the power goes.
        plan.append(1, AppendFate::CutAfter);
        tokio::select! {
            _ = pay(&dying, &paid, "pm_card_visa") => panic!("not cut"),
            () = plan.power.went_out() => {}
        }
        later(200).await;
        let restarted = bench.node().await;
        later(5).await;
        let summary = restarted.recovery().expect("recovery is finished");
        assert_eq!((summary.resumed, summary.aborted, summary.seats_freed), (1, 1, 2), "atomic: {atomic}: {summary:?}");
        assert!(summary.took < Duration::from_secs(5), "{summary:?}");
        assert_eq!(restarted.booking(paid.id).await.unwrap().unwrap().status(), "confirmed");
    });
}

#[test]
fn a_start_after_a_clean_stop_has_nothing_to_report() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        hold(&bench, &office, seats(&["A-1"])).await.unwrap();
        office.drain(Duration::from_secs(1)).await;
        let summary = bench.node().await.recovery();
        assert_eq!(summary.map(|s| (s.resumed, s.aborted, s.seats_freed)), Some((0, 0, 0)));
    });
}
