//! The seat guard over real Redis servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use common::{LONG, guard, owner, patient, seats};
use lastseat_domain::ShowId;
use lastseat_domain::ports::SeatGuard;
use lastseat_in_process::InProcessGuard;
use lastseat_in_process::SystemClock;
use lastseat_redis::{Redis, RedisGuard};
use lastseat_redis_testkit::{RedisCluster, RedisServer, Sentinel};
use lastseat_testkit::seat_guard::{CASES, GuardBench};
use std::sync::Arc;
use std::time::Duration;

/// Names of the cases of the port's contract suite that fail. All cases at once, so that those which
/// wait for a lease wait together.
async fn failures(guard: RedisGuard, prefix: &str) -> Vec<&'static str> {
    let short = Duration::from_millis(1500);
    let bench = GuardBench { guard: Arc::new(guard), clock: Arc::new(SystemClock), prefix: prefix.to_owned(), short };
    let running: Vec<_> = CASES.iter().map(|(name, case)| (*name, tokio::spawn(case(bench.clone())))).collect();
    let mut failed = Vec::new();
    for (name, case) in running {
        if case.await.is_err() {
            failed.push(name);
        }
    }
    failed
}

#[tokio::test]
async fn over_one_server_it_keeps_the_contract() {
    let Some(server) = RedisServer::start() else { return };
    assert_eq!(failures(guard(&server.url()), "t").await, Vec::<&str>::new());
    assert_eq!(server.keys_without_end(), Vec::<String>::new());
}

#[tokio::test]
async fn over_a_cluster_it_keeps_the_contract() {
    let Some(cluster) = RedisCluster::start() else { return };
    assert_eq!(failures(guard(&cluster.url()), "t").await, Vec::<&str>::new());
    let sizes: Vec<_> = (0..3).map(|n| cluster.node(n).must(&["DBSIZE"])).collect();
    assert!(sizes.iter().all(|size| *size != redis::Value::Int(0)), "shows are spread over the nodes: {sizes:?}");
    for n in 0..3 {
        assert_eq!(cluster.node(n).keys_without_end(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn over_sentinels_it_keeps_the_contract() {
    let Some(sentinel) = Sentinel::start() else { return };
    assert_eq!(failures(guard(&sentinel.url()), "t").await, Vec::<&str>::new());
    assert_eq!(sentinel.servers()[0].keys_without_end(), Vec::<String>::new());
}

/// Scripts as they are written too easily, and the case that catches each.
const TWINS: &[(&str, &str, &str)] = &[
    ("lock_seats", include_str!("twins/lock_one_by_one.lua"), "all_or_nothing"),
    ("lock_seats", include_str!("twins/lock_shortens.lua"), "a_repeat_succeeds_and_never_shortens"),
    ("lock_seats", include_str!("twins/lock_refuses_its_owner.lua"), "a_repeat_prolongs"),
    ("lock_seats", include_str!("twins/lock_without_expiry.lua"), "a_lease_runs_out"),
    ("lock_any", include_str!("twins/any_counts_twice.lua"), "any_counts_a_candidate_once"),
    ("lock_any", include_str!("twins/any_gives_what_there_is.lua"), "any_is_all_or_nothing"),
    ("extend_lock", include_str!("twins/extend_one_by_one.lua"), "extend_is_all_or_nothing"),
    ("release_seats", include_str!("twins/release_anybodys.lua"), "a_late_release_leaves_the_new_owner_alone"),
    ("mark_sold", include_str!("twins/mark_over_a_lock.lua"), "only_own_or_free_seats_are_marked_sold"),
    ("mark_sold", include_str!("twins/mark_as_a_lease.lua"), "a_sold_seat_is_refused"),
    ("unmark_sold", include_str!("twins/unmark_anybodys.lua"), "a_sold_mark_is_undone_by_its_owner_only"),
];

#[tokio::test]
async fn every_script_written_too_easily_is_caught() {
    let Some(server) = RedisServer::start() else { return };
    let running: Vec<_> = (TWINS.iter().enumerate())
        .map(|(n, (name, source, _))| {
            let twin = RedisGuard::with_twin(Redis::open(&server.url(), patient()).unwrap(), name, source);
            tokio::spawn(async move { failures(twin, &format!("t{n}")).await })
        })
        .collect();
    for ((name, source, case), failed) in TWINS.iter().zip(running) {
        let failed = failed.await.unwrap();
        assert!(failed.contains(case), "{case} does not catch the twin of {name}, only {failed:?} do:\n{source}");
    }
    assert!(!server.keys_without_end().is_empty(), "one of them leaves locks without an expiry, and that shows");
}

/// For any sequence of calls, Redis answers as the in-process guard does. Leases are long
/// here, so that nothing depends on how fast the machine is.
#[tokio::test]
async fn answers_as_the_guard_in_process_does() {
    let Some(server) = RedisServer::start() else { return };
    let redis: Arc<dyn SeatGuard> = Arc::new(guard(&server.url()));
    let model: Arc<dyn SeatGuard> = Arc::new(InProcessGuard::new(Arc::new(SystemClock)));
    let mut state = 0x5eed_u64;
    let mut below = move |n: u64| {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n).unwrap()
    };
    for step in 0..3_000 {
        let show = ShowId::new(&format!("show-{}", below(3))).unwrap();
        let labels: Vec<_> = (0..below(5)).map(|_| format!("A-{}", below(6))).collect();
        let chosen = seats(&labels.iter().map(String::as_str).collect::<Vec<_>>());
        let who = owner(&format!("owner {}", below(4)));
        // Time passes between the two, so what is left of a lease is not compared.
        let answers = |guard: Arc<dyn SeatGuard>, operation: usize, n: usize| {
            let (show, chosen) = (show.clone(), chosen.clone());
            async move {
                let text = match operation {
                    0..3 => format!("{:?}", guard.lock(&show, &chosen, who, LONG).await),
                    3..5 => format!("{:?}", guard.lock_any(&show, &chosen, n, who, LONG).await),
                    5 => format!("{:?}", guard.extend(&show, &chosen, who, LONG * 2).await),
                    6..9 => format!("{:?}", guard.release(&show, &chosen, who).await),
                    9 => format!("{:?}", guard.mark_sold(&show, &chosen, who, LONG).await),
                    _ => format!("{:?}", guard.unmark_sold(&show, &chosen, who).await),
                };
                match text.split_once("lease_left: ") {
                    Some((before, after)) => format!("{before}{}", after.split_once(", ").unwrap().1),
                    None => text,
                }
            }
        };
        let (operation, n) = (below(12), below(5));
        let got = answers(redis.clone(), operation, n).await;
        let expected = answers(model.clone(), operation, n).await;
        assert_eq!(got, expected, "step {step}: operation {operation} of {who} on {labels:?} at {show}, n = {n}");
    }
}
