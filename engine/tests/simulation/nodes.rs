//! Nodes that die and come back, and what goes wrong meanwhile.

use crate::common::TestBench;
use crate::common::fault_injection::FaultPlan;
use crate::common::random_faults::{FaultRate, SeededRandom};
use crate::world::World;
use lastseat_engine::{BoxOffice, SnapshotDoubt};
use lastseat_testkit::{FaultyGuard, GuardFault};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Starts a node: mostly from a snapshot, if there is one.
async fn start(world: &World, end: &TestBench, random: &SeededRandom) -> BoxOffice {
    let snapshot = world.snapshot.lock().unwrap().clone().filter(|_| random.percent(80));
    let Some(snapshot) = snapshot else { return end.node().await };
    match end.node_from(&snapshot).await {
        Ok(office) => {
            world.started_from_snapshot.fetch_add(1, Ordering::Relaxed);
            office
        }
        Err(SnapshotDoubt::Log(_)) => end.node().await,
        Err(SnapshotDoubt::Unusable(doubt)) => panic!("a snapshot of this very log is not used: {doubt}"),
    }
}

/// A node that dies now and then.
pub async fn node_life(world: Arc<World>, outside: TestBench, index: usize, random: SeededRandom) {
    loop {
        let (plan, end) = FaultPlan::around(&outside);
        let office = start(&world, &end, &random).await;
        world.nodes.lock().unwrap()[index] = Some(office.clone());
        let half_its_life = Duration::from_millis(2_500 + random.below(30_000));
        tokio::time::sleep(half_its_life).await;
        // In the middle of everything. It fails while the log does.
        if let Ok(Some(snapshot)) = office.take_snapshot().await {
            *world.snapshot.lock().unwrap() = Some(snapshot);
        }
        tokio::time::sleep(half_its_life).await;
        if random.percent(20) {
            world.nodes.lock().unwrap()[index] = None;
            office.drain(Duration::from_secs(5)).await;
        } else {
            plan.power.cut();
            world.nodes.lock().unwrap()[index] = None;
        }
        drop(office);
        tokio::time::sleep(Duration::from_millis(random.below(20_000))).await;
    }
}

/// Changes the guard's faults and the rate of all other faults.
pub async fn change_faults(guard: Arc<FaultyGuard>, fault_rate: FaultRate, random: SeededRandom) {
    loop {
        guard.set(random.pick(&[
            GuardFault::None,
            GuardFault::None,
            GuardFault::Unavailable,
            GuardFault::AnswersLost,
            GuardFault::SaysYes,
        ]));
        fault_rate.set(random.pick(&[0, 0, 2, 10, 40, 70]));
        tokio::time::sleep(Duration::from_millis(random.below(15_000))).await;
    }
}
