//! Random histories: two nodes, a dozen buyers, a manager, random commands, random faults of the log, the
//! gateway and the guard, nodes that die and come back. One thread, virtual time, one random: a seed
//! is a history, and a failure names its seed.
//!
//! `LASTSEAT_SIMULATION_SEEDS=1000` runs so many; `LASTSEAT_SIMULATION_SEED=17` runs that one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "simulation/buyer.rs"]
mod buyer;
mod common;
#[path = "simulation/manager.rs"]
mod manager;
#[path = "simulation/nodes.rs"]
mod nodes;
#[path = "simulation/world.rs"]
mod world;

use buyer::Buyer;
use common::checker::{assert_safe, assert_settled, flagged, log_text};
use common::random_faults::{FaultRate, SeededRandom, with_random_faults};
use common::*;
use futures::future::join_all;
use lastseat_audit::Audit;
use lastseat_domain::booking::Phase;
use lastseat_domain::ports::event_log::{Direction, Filter};
use nodes::{change_faults, node_life};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use world::{World, generous_show, issue_vouchers};

const NODES: u64 = 2;
const BUYERS: u64 = 12;

/// The rules of the audit, which knows nothing of the engine's.
async fn assert_audited(bench: &TestBench, what: &str) {
    let mut audit = Audit::new();
    for event in bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        audit.observe(&event);
    }
    let report = audit.finish();
    let stuck = report.pending.iter().filter(|pending| matches!(pending.stream.category(), "voucher" | "campaign")).count();
    assert!(report.holds() && stuck == 0, "{what}: {report}");
}

/// What a run came to: every event of the log, and how often each answer was given.
type History = (Vec<(u64, String, uuid::Uuid)>, BTreeMap<&'static str, u32>);

fn run(seed: u64) -> History {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let random = SeededRandom::new(seed);
        let bench = TestBench::new(seed.is_multiple_of(2));
        let office = bench.node().await;
        office.schedule_show(generous_show(), "admin").await.unwrap();
        issue_vouchers(&office).await;
        office.drain(Duration::from_secs(1)).await;
        let fault_rate = FaultRate::default();
        let (outside, guard) = with_random_faults(&bench, &random, &fault_rate);
        let world = Arc::new(World {
            bench: bench.clone(),
            nodes: Mutex::new((0..NODES).map(|_| None).collect()),
            snapshot: Mutex::default(),
            started_from_snapshot: AtomicUsize::new(0),
            answers: Mutex::default(),
        });
        let mut chaos = vec![
            tokio::spawn(change_faults(guard.clone(), fault_rate.clone(), random.clone())),
            tokio::spawn(manager::manage(world.clone(), random.clone())),
        ];
        for index in 0..NODES {
            let index = usize::try_from(index).unwrap();
            chaos.push(tokio::spawn(node_life(world.clone(), outside.clone(), index, random.clone())));
        }
        let buyers = (0..BUYERS).map(|n| {
            let buyer = Buyer { world: world.clone(), random: random.clone(), name: format!("buyer{}", n / 2), keys: n * 1000 };
            tokio::spawn(buyer.live())
        });
        for ended in join_all(buyers).await {
            ended.expect("a buyer's complaint");
        }
        for task in &chaos {
            task.abort();
        }
        world.nodes.lock().unwrap().clear();
        let what = format!("seed {seed}");
        assert_safe(&bench, &what).await;

        // No faults any more, and time.
        let snapshot = world.snapshot.lock().unwrap().clone();
        let office = match &snapshot {
            Some(snapshot) => bench.node_from(snapshot).await.expect("a snapshot of this very log"),
            None => bench.node().await,
        };
        later(3000).await;
        assert_settled(&bench, &what).await;
        assert_audited(&bench, &what).await;
        assert_eq!(flagged(&bench).await, 0, "{what}: nothing here needs a person\n{}", log_text(&bench).await);
        let reported = std::mem::take(&mut *world.answers.lock().unwrap());
        for booking in &reported.confirmed {
            let phase = office.booking(*booking).await.unwrap().unwrap().phase;
            let holds_true =
                matches!(phase, Phase::Confirmed { .. }) || reported.refunds.contains(booking) && phase == Phase::Refunded;
            assert!(holds_true, "{what}: {booking} was acknowledged as confirmed and is {phase:?}");
        }
        let events = bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap();
        let history = events.iter().map(|e| (e.position.0, format!("{} {}", e.stream, e.event_type), e.id)).collect();
        let mut answers = reported.answers;
        answers.insert("starts from a snapshot", u32::try_from(world.started_from_snapshot.load(Ordering::Relaxed)).unwrap());
        (history, answers)
    })
}

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

#[test]
fn nothing_is_lost_doubled_or_stuck_in_any_history() {
    let seeds = match from_env("LASTSEAT_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_env("LASTSEAT_SIMULATION_SEEDS").unwrap_or(100),
    };
    let many = seeds.end - seeds.start >= 10;
    let mut answers: BTreeMap<&'static str, u32> = BTreeMap::new();
    let (mut events, mut failed) = (0, Vec::new());
    let seeds: Vec<u64> = seeds.collect();
    for (seed, outcome) in on_all_cores(&seeds, |seed| (*seed, std::panic::catch_unwind(|| run(*seed)))) {
        match outcome {
            Ok((history, counts)) => {
                events += history.len();
                for (answer, count) in counts {
                    *answers.entry(answer).or_default() += count;
                }
            }
            Err(_) => failed.push(seed),
        }
    }
    println!("{events} events; {answers:#?}");
    assert!(!many || answers.get("starts from a snapshot").is_some_and(|n| *n > 0), "no node started from one");
    assert!(failed.is_empty(), "failed; each can be run alone with LASTSEAT_SIMULATION_SEED: {failed:?}");
}

#[test]
fn a_seed_is_a_history() {
    for seed in [1, 2, 3, 4] {
        let (first, second) = (run(seed), run(seed));
        let differs = first.0.iter().zip(&second.0).position(|(a, b)| a != b);
        assert_eq!(
            differs,
            None,
            "seed {seed} from there: {:?} {:?}",
            first.0.get(differs.unwrap_or(0)),
            second.0.get(differs.unwrap_or(0))
        );
        assert!(first == second, "seed {seed}: one history goes on");
    }
}
