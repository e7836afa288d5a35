//! The seat guard's contract: the in-process guard keeps it, and every broken rule fails it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod naive;

use lastseat_domain::ports::seat_guard::Lock;
use lastseat_domain::ports::{Clock, SeatGuard};
use lastseat_domain::{BookingId, SeatId, ShowId};
use lastseat_in_process::InProcessGuard;
use lastseat_in_process::SystemClock;
use lastseat_testkit::SteppingClock;
use lastseat_testkit::seat_guard::{CASES, GuardBench};
use lastseat_testkit::{AbsentGuard, FaultyGuard, GuardFault};
use naive::{Fault, NaiveGuard};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(600);

fn bench(make: impl FnOnce(Arc<dyn Clock>) -> Arc<dyn SeatGuard>) -> GuardBench {
    let clock: Arc<dyn Clock> = Arc::new(SteppingClock::default());
    GuardBench { guard: make(clock.clone()), clock, prefix: "t".to_owned(), short: Duration::from_secs(30) }
}

/// Names of the cases that fail. One after the other: they share a clock that a sleep moves.
async fn failures(bench: &GuardBench) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for (name, case) in CASES {
        if tokio::spawn(case(bench.clone())).await.is_err() {
            failed.push(*name);
        }
    }
    failed
}

fn show(name: &str) -> ShowId {
    ShowId::new(name).unwrap()
}

fn seat(n: usize) -> SeatId {
    SeatId::new(&format!("A-{n}")).unwrap()
}

fn owner(name: &str) -> BookingId {
    BookingId::from_key("guard_contract", name)
}

#[tokio::test]
async fn the_guard_in_process_keeps_the_contract() {
    let bench = bench(|clock| Arc::new(InProcessGuard::new(clock)));
    assert_eq!(failures(&bench).await, Vec::<&str>::new());
}

#[tokio::test]
async fn the_contract_holds_in_real_time_too() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let guard = Arc::new(InProcessGuard::new(clock.clone()));
    let bench = GuardBench { guard, clock, prefix: "t".to_owned(), short: Duration::from_millis(500) };
    // At once, so that those which wait for a lease wait together.
    let running: Vec<_> = CASES.iter().map(|(_, case)| tokio::spawn(case(bench.clone()))).collect();
    for case in running {
        case.await.unwrap();
    }
}

#[tokio::test]
async fn the_model_keeps_the_contract() {
    let bench = bench(|clock| Arc::new(NaiveGuard::new(clock, None)));
    assert_eq!(failures(&bench).await, Vec::<&str>::new());
}

#[tokio::test]
async fn every_broken_rule_is_caught() {
    let twins = [
        (Fault::ReleasesOthers, "a_late_release_leaves_the_new_owner_alone"),
        (Fault::ReleasesSold, "a_sold_seat_is_refused"),
        (Fault::ForgetsTheShow, "shows_are_apart"),
        (Fault::NeverExpires, "a_lease_runs_out"),
        (Fault::KeepsWhatItWonBeforeItLost, "all_or_nothing"),
        (Fault::RefusesTheOwner, "a_repeat_prolongs"),
        (Fault::ShortensOnRepeat, "a_repeat_succeeds_and_never_shortens"),
        (Fault::ExtendsOthers, "extend_is_all_or_nothing"),
        (Fault::ExtendsTheFirstOnes, "extend_is_all_or_nothing"),
        (Fault::SellsOverALock, "only_own_or_free_seats_are_marked_sold"),
        (Fault::UnmarksOthers, "a_sold_mark_is_undone_by_its_owner_only"),
        (Fault::LocksWhatIsSoldToTheOwner, "a_sold_seat_is_refused"),
        (Fault::GivesFewerThanAskedFor, "any_is_all_or_nothing"),
        (Fault::CountsACandidateTwice, "any_counts_a_candidate_once"),
        (Fault::LooksBeforeItLeaps, "one_of_many_wins_a_seat"),
    ];
    for (fault, case) in twins {
        let bench = bench(|clock| Arc::new(NaiveGuard::new(clock, Some(fault))));
        let failed = failures(&bench).await;
        assert!(failed.contains(&case), "{fault:?} is not caught by {case}, only by {failed:?}");
    }
}

/// One command of a random run. Numbers are names: of three shows, six seats, four owners.
#[derive(Debug, Clone)]
enum Step {
    Lock(usize, Vec<usize>, usize, u64),
    LockAny(usize, Vec<usize>, usize, usize, u64),
    Extend(usize, Vec<usize>, usize, u64),
    Release(usize, Vec<usize>, usize),
    MarkSold(usize, Vec<usize>, usize, u64),
    UnmarkSold(usize, Vec<usize>, usize),
    Wait(u64),
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let seats = || prop::collection::vec(0..6_usize, 1..5);
    let lease = || 1..100_u64;
    prop_oneof![
        4 => (0..3_usize, seats(), 0..4_usize, lease()).prop_map(|(h, s, o, l)| Step::Lock(h, s, o, l)),
        2 => (0..3_usize, seats(), 0..5_usize, 0..4_usize, lease()).prop_map(|(h, s, n, o, l)| Step::LockAny(h, s, n, o, l)),
        2 => (0..3_usize, seats(), 0..4_usize, lease()).prop_map(|(h, s, o, l)| Step::Extend(h, s, o, l)),
        2 => (0..3_usize, seats(), 0..4_usize).prop_map(|(h, s, o)| Step::Release(h, s, o)),
        1 => (0..3_usize, seats(), 0..4_usize, lease()).prop_map(|(h, s, o, l)| Step::MarkSold(h, s, o, l)),
        1 => (0..3_usize, seats(), 0..4_usize).prop_map(|(h, s, o)| Step::UnmarkSold(h, s, o)),
        3 => (1..60_u64).prop_map(Step::Wait),
        1 => Just(Step::Sweep),
    ]
}

/// The guard's answer to a step, as text: equal texts are equal answers.
async fn answer(guard: &dyn SeatGuard, step: &Step) -> String {
    let named = |h: usize, seats: &[usize], o: usize| {
        (show(&format!("show-{h}")), seats.iter().map(|n| seat(*n)).collect::<Vec<_>>(), owner(&format!("owner {o}")))
    };
    let ms = Duration::from_millis;
    match step {
        Step::Lock(h, s, o, lease) => {
            let (h, s, o) = named(*h, s, *o);
            format!("{:?}", guard.lock(&h, &s, o, ms(*lease)).await)
        }
        Step::LockAny(h, s, n, o, lease) => {
            let (h, s, o) = named(*h, s, *o);
            format!("{:?}", guard.lock_any(&h, &s, *n, o, ms(*lease)).await)
        }
        Step::Extend(h, s, o, lease) => {
            let (h, s, o) = named(*h, s, *o);
            format!("{:?}", guard.extend(&h, &s, o, ms(*lease)).await)
        }
        Step::Release(h, s, o) => {
            let (h, s, o) = named(*h, s, *o);
            format!("{:?}", guard.release(&h, &s, o).await)
        }
        Step::MarkSold(h, s, o, keep) => {
            let (h, s, o) = named(*h, s, *o);
            format!("{:?}", guard.mark_sold(&h, &s, o, ms(*keep)).await)
        }
        Step::UnmarkSold(h, s, o) => {
            let (h, s, o) = named(*h, s, *o);
            format!("{:?}", guard.unmark_sold(&h, &s, o).await)
        }
        Step::Wait(_) | Step::Sweep => String::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// For any sequence of calls, the guard answers as the model does.
    #[test]
    fn answers_as_the_model_does(steps in prop::collection::vec(step(), 1..80)) {
        let clock = SteppingClock::default();
        let guard = InProcessGuard::new(Arc::new(clock.clone()));
        let model = NaiveGuard::new(Arc::new(clock.clone()), None);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for step in &steps {
            match step {
                Step::Wait(ms) => clock.advance(Duration::from_millis(*ms)),
                Step::Sweep => guard.sweep(),
                _ => {}
            }
            let (got, expected) = runtime.block_on(async { (answer(&guard, step).await, answer(&model, step).await) });
            prop_assert_eq!(got, expected, "at {:?}", step);
        }
    }
}

/// Threads, not tasks: four of them after the same ten pairs of seats, over and over.
#[test]
fn threads_never_share_a_seat() {
    let guard = Arc::new(InProcessGuard::new(Arc::new(SteppingClock::default())));
    let holders: Arc<Vec<AtomicUsize>> = Arc::new((0..11).map(|_| AtomicUsize::new(0)).collect());
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (guard, holders) = (guard.clone(), holders.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let (show, owner) = (show("threads"), owner(&format!("thread {thread}")));
                let mut won = 0;
                for round in 0..20_000_usize {
                    let first = (round * 7 + thread) % 10;
                    let pair = if round % 2 == 0 { [first, first + 1] } else { [first + 1, first] };
                    let seats = pair.map(seat);
                    if runtime.block_on(guard.lock(&show, &seats, owner, LONG)).unwrap()
                        != (Lock::Locked { fresh: 2, already: 0 })
                    {
                        continue;
                    }
                    won += 1;
                    for n in pair {
                        assert_eq!(holders[n].fetch_add(1, Ordering::SeqCst), 0, "a second holder of A-{n}");
                    }
                    for n in pair {
                        holders[n].fetch_sub(1, Ordering::SeqCst);
                    }
                    assert_eq!(runtime.block_on(guard.release(&show, &seats, owner)).unwrap(), 2);
                }
                won
            })
        })
        .collect();
    let won: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert!(won > 0);
    guard.sweep();
    assert_eq!(guard.entries(), 0);
}

#[tokio::test]
async fn what_has_run_out_does_not_pile_up() {
    let clock = SteppingClock::default();
    let guard = InProcessGuard::new(Arc::new(clock.clone()));
    for n in 0..50_000 {
        // Each seat is locked once.
        guard.lock(&show("one"), &[seat(n)], owner("ann"), Duration::from_secs(1)).await.unwrap();
        clock.advance(Duration::from_millis(10));
    }
    // 100 leases are alive at any time.
    assert!(guard.entries() < 1_000, "{} entries", guard.entries());
    for n in 0..5_000 {
        guard.lock(&show(&format!("show-{n}")), &[seat(1)], owner("ann"), Duration::from_secs(1)).await.unwrap();
        clock.advance(Duration::from_millis(10));
    }
    assert!(guard.entries() < 1_000, "{} entries", guard.entries());
    guard.release(&show("never-heard-of"), &[seat(1)], owner("ann")).await.unwrap();
    clock.advance(LONG);
    guard.sweep();
    assert_eq!((guard.entries(), format!("{guard:?}").as_str()), (0, "InProcessGuard { shows: 0, .. }"));
}

#[tokio::test]
async fn guards_fail_when_told_to() {
    let inner = Arc::new(InProcessGuard::new(Arc::new(SteppingClock::default())));
    let flaky = FaultyGuard::new(inner.clone());
    let (show, seats, fresh) = (show("flaky"), [seat(1)], Lock::Locked { fresh: 1, already: 0 });
    let lock = |name: &'static str| flaky.lock(&show, &seats, owner(name), LONG);

    flaky.set_for(GuardFault::Unavailable, 1);
    lock("ann").await.unwrap_err();
    assert_eq!(inner.entries(), 0);
    flaky.set_for(GuardFault::AnswersLost, 1);
    lock("ann").await.unwrap_err();
    assert!(matches!(lock("bob").await, Ok(Lock::Taken { .. })), "it was done");
    flaky.set(GuardFault::SaysYes);
    assert_eq!(lock("bob").await, Ok(fresh.clone()));
    assert_eq!(lock("eve").await, Ok(fresh), "to anybody");
    assert_eq!(flaky.calls(), 5);
    AbsentGuard.release(&show, &seats, owner("ann")).await.unwrap_err();
}

/// Figures for the docs: `cargo test --release --test guard_contract -- --ignored --nocapture`.
#[test]
#[ignore = "measures; only a release build says anything"]
fn figures() {
    for threads in [1, 2, 4] {
        let guard = Arc::new(InProcessGuard::new(Arc::new(SystemClock)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(guard.lock(&show("hot"), &[seat(1)], owner("winner"), LONG)).unwrap();
        let (each, started) = (2_000_000, Instant::now());
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let guard = guard.clone();
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    let (show, seats, owner) = (show("hot"), [seat(1)], owner(&format!("loser {thread}")));
                    runtime.block_on(async {
                        for _ in 0..each {
                            assert!(matches!(guard.lock(&show, &seats, owner, LONG).await, Ok(Lock::Taken { .. })));
                        }
                    });
                })
            })
            .collect();
        running.into_iter().for_each(|thread| thread.join().unwrap());
        let rate = f64::from(each * threads) / started.elapsed().as_secs_f64();
        println!("one taken seat, {threads} thread(s): {:.2} M refusals/s", rate / 1e6);
    }
}
