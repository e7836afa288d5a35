//! Power cuts while blocks are opened, sold from and lifted: no seat stays in a block that is over.

use crate::blocks::{assert_audited, block_id, blocked_seats, code_of, hold_with, in_virtual_time, named, request, with_code};
use crate::common::checker::{assert_safe, assert_settled};
use crate::common::fault_injection::{AppendFate, FaultPlan};
use crate::common::*;
use lastseat_engine::BlockRequest;
use std::collections::BTreeMap;
use std::time::Duration;

/// Blocks seats, holds two of them, gives one back, lifts the block while the other is held; until the power is cut at
/// the `n`th append. Then others complete what is left. Whether it was cut.
async fn cut_at(bench: &TestBench, n: u64, fate: AppendFate, what: &str) -> bool {
    let (plan, end) = FaultPlan::around(bench);
    let office = end.node().await;
    plan.append(n, fate);
    let mut opened = false;
    let story = async {
        let block = BlockRequest { access_code: Some(code_of("right")), ..request(1, named(&["A-1", "A-2", "A-3"])) };
        office.open_block(block).await.unwrap();
        opened = true;
        let held = hold_with(bench, &office, seats(&["A-2"]), with_code("right")).await.unwrap();
        office.cancel(held.id, "buyer").await.unwrap();
        later(1).await;
        hold_with(bench, &office, seats(&["A-3"]), with_code("right")).await.unwrap();
        office.lift_block(&show(), block_id(1), "manager").await.unwrap();
        later(1).await;
    };
    tokio::select! {
        biased;
        () = plan.power.went_out() => {}
        () = story => {}
    }
    let was_cut = plan.power.is_out();
    drop(office);
    assert_safe(bench, what).await;
    let office = bench.node().await;
    later(1200).await;
    assert_safe(bench, what).await;
    let found = bench.log_has_open_block().await;
    let blocked = blocked_seats(bench).await;
    if found {
        assert_eq!(blocked.len(), 3, "{what}: an open block has its seats");
        office.lift_block(&show(), block_id(1), "manager").await.unwrap();
    } else {
        let lifted = bench.history().await.iter().any(|e| e.event.name() == "BlockLifted");
        assert!(!opened || lifted, "{what}: an opened block stays open until it is lifted");
    }
    later(1).await;
    assert_eq!(blocked_seats(bench).await, BTreeMap::new(), "{what}: what is not in an open block is free");
    assert_eq!(office.status().unfinished, 0, "{what}");
    assert!(hold(bench, &office, seats(&["A-1", "A-2", "A-3"])).await.is_ok(), "{what}");
    later(700).await;
    assert_settled(bench, what).await;
    assert_audited(bench, what).await;
    was_cut
}

trait OpenBlocks {
    async fn log_has_open_block(&self) -> bool;
}

impl OpenBlocks for TestBench {
    async fn log_has_open_block(&self) -> bool {
        let history = self.history().await;
        let has = |name: &str| history.iter().any(|e| e.event.name() == name);
        has("BlockOpened") && !has("BlockLifted")
    }
}

#[test]
fn a_power_cut_at_every_append_leaves_no_seat_behind() {
    in_virtual_time(async |atomic| {
        let mut cuts = 0;
        let masks = (1..7).map(AppendFate::CutSome);
        let fates = [AppendFate::CutBefore, AppendFate::CutAfter, AppendFate::CutLate(15), AppendFate::CutLate(605)];
        for fate in fates.into_iter().chain(masks) {
            for n in 0.. {
                let what = format!("atomic: {atomic}, {fate:?} at append {n}");
                let bench = TestBench::new(atomic);
                bench.open().await.drain(Duration::from_secs(1)).await;
                if !cut_at(&bench, n, fate, &what).await {
                    break;
                }
                cuts += 1;
            }
        }
        println!("atomic: {atomic}: {cuts} cuts");
        assert!(cuts > 20, "{cuts}");
    });
}
