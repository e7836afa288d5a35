//! Contract suite of the port of the same name.
//!
//! For every adapter, in process or over a socket. A case uses shows of its own, named after the
//! bench's prefix, and knows nothing of the adapter but the port. It panics where the adapter
//! breaks the contract. Run all with [`run`], or each of [`CASES`] as a test of its own.
#![allow(clippy::panic, clippy::indexing_slicing, clippy::expect_used, reason = "a suite fails by panicking")]

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use lastseat_domain::ids::{BookingId, SeatId, ShowId};
use lastseat_domain::ports::seat_guard::{Extend, Lock, LockAny};
use lastseat_domain::ports::{Clock, SeatGuard};
use std::sync::Arc;
use std::time::Duration;

/// A lease that no case outlives.
const LONG: Duration = Duration::from_secs(600);

/// What a case needs.
#[derive(Clone)]
pub struct GuardBench {
    /// The adapter.
    pub guard: Arc<dyn SeatGuard>,
    /// The adapter's time: real for a server, stepping for one in process.
    pub clock: Arc<dyn Clock>,
    /// Makes the names of one run its own: up to 24 of `a-z`, `0-9` and `-`, a letter first.
    pub prefix: String,
    /// A lease that cases wait for to run out. It has to be much longer than a call takes: 300 ms
    /// for a server near by.
    pub short: Duration,
}

/// One case of the suite.
pub type GuardCase = fn(GuardBench) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// Every case with its name.
        pub const CASES: &[(&str, GuardCase)] = &[$((stringify!($name), |bench| $name(bench).boxed())),*];
    };
}

cases!(
    a_free_seat_is_locked_and_others_are_refused,
    all_or_nothing,
    a_repeat_succeeds_and_never_shortens,
    a_repeat_prolongs,
    a_lease_runs_out,
    no_lease_is_too_short_or_too_long,
    extend_prolongs_own_locks,
    extend_is_all_or_nothing,
    release_frees_own_locks_only,
    a_late_release_leaves_the_new_owner_alone,
    a_sold_seat_is_refused,
    only_own_or_free_seats_are_marked_sold,
    a_sold_mark_lasts_as_long_as_was_said,
    a_sold_mark_is_undone_by_its_owner_only,
    any_picks_the_first_free_ones,
    any_is_all_or_nothing,
    any_counts_a_candidate_once,
    shows_are_apart,
    one_of_many_wins_a_seat,
    one_of_many_wins_crossing_seats,
    any_gives_no_seat_twice,
);

/// Runs every case.
pub async fn run(bench: GuardBench) {
    for (_, case) in CASES {
        case(bench.clone()).await;
    }
}

/// A show with named owners.
struct Stage {
    bench: GuardBench,
    name: &'static str,
    show: ShowId,
}

impl Stage {
    fn new(bench: GuardBench, name: &'static str) -> Self {
        let show = ShowId::new(&format!("{}-{name}", bench.prefix)).expect("prefix and name make a show id");
        Self { bench, name, show }
    }

    fn owner(&self, who: &str) -> BookingId {
        BookingId::from_key(&self.bench.prefix, &format!("{}|{who}", self.name))
    }

    async fn lock(&self, who: &str, names: &[&str], lease: Duration) -> Lock {
        self.bench.guard.lock(&self.show, &seats(names), self.owner(who), lease).await.expect("the guard is there")
    }

    async fn lock_any(&self, who: &str, names: &[&str], n: usize) -> LockAny {
        self.bench.guard.lock_any(&self.show, &seats(names), n, self.owner(who), LONG).await.expect("the guard is there")
    }

    async fn extend(&self, who: &str, names: &[&str], lease: Duration) -> Extend {
        self.bench.guard.extend(&self.show, &seats(names), self.owner(who), lease).await.expect("the guard is there")
    }

    async fn release(&self, who: &str, names: &[&str]) -> usize {
        self.bench.guard.release(&self.show, &seats(names), self.owner(who)).await.expect("the guard is there")
    }

    async fn mark_sold(&self, who: &str, names: &[&str], keep: Duration) -> usize {
        self.bench.guard.mark_sold(&self.show, &seats(names), self.owner(who), keep).await.expect("the guard is there")
    }

    async fn unmark_sold(&self, who: &str, names: &[&str]) -> usize {
        self.bench.guard.unmark_sold(&self.show, &seats(names), self.owner(who)).await.expect("the guard is there")
    }

    /// Waits until a short lease that was taken before has run out.
    async fn outlast_short(&self) {
        let wait = chrono::TimeDelta::from_std(self.bench.short * 3 / 2).expect("a short lease is short");
        self.bench.clock.sleep_until(self.bench.clock.now() + wait).await;
    }

    async fn assert_free(&self, name: &str) {
        // A stranger that takes the seat, and gives it back.
        let got = self.lock("stranger", &[name], LONG).await;
        assert_eq!(got, fresh(1), "{name} should be free");
        assert_eq!(self.release("stranger", &[name]).await, 1);
    }

    async fn assert_leased(&self, name: &str) {
        match self.lock("stranger", &[name], LONG).await {
            Lock::Taken { index: 0, sold: false, .. } => {}
            other => panic!("{name} should be leased, but a stranger got {other:?}"),
        }
    }

    async fn assert_sold(&self, name: &str) {
        match self.lock("stranger", &[name], LONG).await {
            Lock::Taken { index: 0, sold: true, .. } => {}
            other => panic!("{name} should be sold, but a stranger got {other:?}"),
        }
    }
}

fn seats(names: &[&str]) -> Vec<SeatId> {
    names.iter().map(|name| SeatId::new(name).expect("a seat")).collect()
}

fn fresh(fresh: usize) -> Lock {
    Lock::Locked { fresh, already: 0 }
}

/// The first owner gets the seat; the next learns which seat is taken, for how long, and that it isn't sold.
pub async fn a_free_seat_is_locked_and_others_are_refused(bench: GuardBench) {
    let stage = Stage::new(bench, "free");
    assert_eq!(stage.lock("ann", &["A-1", "A-2"], LONG).await, fresh(2));
    match stage.lock("bob", &["A-2"], LONG).await {
        Lock::Taken { index: 0, lease_left, sold: false } => {
            assert!(lease_left > LONG / 2 && lease_left <= LONG, "{lease_left:?} left of {LONG:?}");
        }
        other => panic!("bob got {other:?}"),
    }
}

/// One seat lost is all seats lost, and none of the others stays locked.
pub async fn all_or_nothing(bench: GuardBench) {
    let stage = Stage::new(bench, "all-or-nothing");
    assert_eq!(stage.lock("ann", &["A-2"], LONG).await, fresh(1));
    let got = stage.lock("bob", &["A-1", "A-2", "A-3"], LONG).await;
    assert!(matches!(got, Lock::Taken { index: 1, .. }), "bob got {got:?}");
    stage.assert_free("A-1").await;
    stage.assert_free("A-3").await;
}

/// The owner may ask again, for more seats too; a shorter lease does not take from the longer.
pub async fn a_repeat_succeeds_and_never_shortens(bench: GuardBench) {
    let stage = Stage::new(bench, "repeat");
    let short = stage.bench.short;
    assert_eq!(stage.lock("ann", &["A-1"], LONG).await, fresh(1));
    assert_eq!(stage.lock("ann", &["A-1", "A-2"], short).await, Lock::Locked { fresh: 1, already: 1 });
    stage.outlast_short().await;
    stage.assert_leased("A-1").await;
    stage.assert_free("A-2").await;
}

/// A longer lease replaces the shorter.
pub async fn a_repeat_prolongs(bench: GuardBench) {
    let stage = Stage::new(bench, "prolong");
    assert_eq!(stage.lock("ann", &["A-1"], stage.bench.short).await, fresh(1));
    assert_eq!(stage.lock("ann", &["A-1"], LONG).await, Lock::Locked { fresh: 0, already: 1 });
    stage.outlast_short().await;
    stage.assert_leased("A-1").await;
}

/// Nobody has to free a seat for it to become free.
pub async fn a_lease_runs_out(bench: GuardBench) {
    let stage = Stage::new(bench, "runs-out");
    assert_eq!(stage.lock("ann", &["A-1"], stage.bench.short).await, fresh(1));
    stage.assert_leased("A-1").await;
    stage.outlast_short().await;
    assert_eq!(stage.lock("bob", &["A-1"], LONG).await, fresh(1));
    assert_eq!(stage.extend("ann", &["A-1"], LONG).await, Extend::Lost { index: 0 });
}

/// A lease of zero doesn't last, and one of a thousand years is no error.
pub async fn no_lease_is_too_short_or_too_long(bench: GuardBench) {
    let stage = Stage::new(bench, "edges");
    let ages = Duration::from_secs(1000 * 365 * 24 * 60 * 60);
    assert_eq!(stage.lock("ann", &["A-1"], Duration::ZERO).await, fresh(1));
    assert_eq!(stage.lock("ann", &["A-2"], ages).await, fresh(1));
    assert_eq!(stage.lock("ann", &["A-3"], LONG).await, fresh(1));
    assert_eq!(stage.extend("ann", &["A-3"], Duration::ZERO).await, Extend::Extended);
    assert_eq!(stage.mark_sold("ann", &["A-4"], Duration::from_nanos(1)).await, 1);
    assert_eq!(stage.mark_sold("ann", &["A-5"], ages).await, 1);
    stage.outlast_short().await;
    stage.assert_free("A-1").await;
    stage.assert_leased("A-2").await;
    stage.assert_leased("A-3").await;
    stage.assert_free("A-4").await;
    stage.assert_sold("A-5").await;
    assert_eq!(stage.extend("ann", &["A-2"], ages).await, Extend::Extended);
}

/// Extending prolongs, and never shortens.
pub async fn extend_prolongs_own_locks(bench: GuardBench) {
    let stage = Stage::new(bench, "extend");
    let short = stage.bench.short;
    assert_eq!(stage.lock("ann", &["A-1"], short).await, fresh(1));
    assert_eq!(stage.lock("ann", &["A-2"], LONG).await, fresh(1));
    assert_eq!(stage.extend("ann", &["A-1"], LONG).await, Extend::Extended);
    assert_eq!(stage.extend("ann", &["A-2"], short).await, Extend::Extended);
    stage.outlast_short().await;
    stage.assert_leased("A-1").await;
    stage.assert_leased("A-2").await;
}

/// One seat that is not the owner's, and nothing is extended; a free one is not locked by it.
pub async fn extend_is_all_or_nothing(bench: GuardBench) {
    let stage = Stage::new(bench, "extend-all");
    assert_eq!(stage.lock("ann", &["A-1"], stage.bench.short).await, fresh(1));
    assert_eq!(stage.lock("bob", &["A-2"], LONG).await, fresh(1));
    assert_eq!(stage.extend("ann", &["A-1", "A-2"], LONG).await, Extend::Lost { index: 1 });
    assert_eq!(stage.extend("ann", &["A-1", "A-3"], LONG).await, Extend::Lost { index: 1 });
    stage.assert_free("A-3").await;
    stage.outlast_short().await;
    stage.assert_free("A-1").await;
    assert_eq!(stage.extend("ann", &["A-1"], LONG).await, Extend::Lost { index: 0 });
    stage.assert_free("A-1").await;
}

/// Others' locks and free seats are passed over and not counted.
pub async fn release_frees_own_locks_only(bench: GuardBench) {
    let stage = Stage::new(bench, "release");
    assert_eq!(stage.lock("ann", &["A-1", "A-2"], LONG).await, fresh(2));
    assert_eq!(stage.lock("bob", &["A-3"], LONG).await, fresh(1));
    assert_eq!(stage.release("ann", &["A-3", "A-1", "A-4"]).await, 1);
    stage.assert_free("A-1").await;
    stage.assert_leased("A-2").await;
    stage.assert_leased("A-3").await;
    assert_eq!(stage.release("ann", &["A-1"]).await, 0, "it was released before");
}

/// The classic mistake: a slow owner deletes the lock of the next owner.
pub async fn a_late_release_leaves_the_new_owner_alone(bench: GuardBench) {
    let stage = Stage::new(bench, "late-release");
    assert_eq!(stage.lock("ann", &["A-1"], stage.bench.short).await, fresh(1));
    stage.outlast_short().await;
    assert_eq!(stage.lock("bob", &["A-1"], LONG).await, fresh(1));
    assert_eq!(stage.release("ann", &["A-1"]).await, 0);
    stage.assert_leased("A-1").await;
    assert_eq!(stage.extend("bob", &["A-1"], LONG).await, Extend::Extended);
}

/// To everybody, its owner too: a sale is not a lease. It is not released or extended as one.
pub async fn a_sold_seat_is_refused(bench: GuardBench) {
    let stage = Stage::new(bench, "sold");
    assert_eq!(stage.lock("ann", &["A-1", "A-2"], LONG).await, fresh(2));
    assert_eq!(stage.mark_sold("ann", &["A-1"], LONG).await, 1);
    stage.assert_sold("A-1").await;
    stage.assert_leased("A-2").await;
    let got = stage.lock("ann", &["A-2", "A-1"], LONG).await;
    assert!(matches!(got, Lock::Taken { index: 1, sold: true, .. }), "ann got {got:?}");
    assert_eq!(stage.extend("ann", &["A-1"], LONG).await, Extend::Lost { index: 0 });
    assert_eq!(stage.release("ann", &["A-1", "A-2"]).await, 1);
    stage.assert_sold("A-1").await;
    stage.assert_free("A-2").await;
}

/// Marking works for the owner and on a free seat, again and again; not over another's lock or sale.
pub async fn only_own_or_free_seats_are_marked_sold(bench: GuardBench) {
    let stage = Stage::new(bench, "mark");
    assert_eq!(stage.lock("ann", &["A-1"], LONG).await, fresh(1));
    assert_eq!(stage.lock("bob", &["A-2"], LONG).await, fresh(1));
    assert_eq!(stage.mark_sold("ann", &["A-1", "A-2", "A-3"], LONG).await, 2);
    assert_eq!(stage.mark_sold("ann", &["A-1", "A-2", "A-3"], LONG).await, 2);
    assert_eq!(stage.mark_sold("bob", &["A-1"], LONG).await, 0);
    stage.assert_sold("A-1").await;
    stage.assert_leased("A-2").await;
    stage.assert_sold("A-3").await;
    assert_eq!(stage.extend("bob", &["A-2"], LONG).await, Extend::Extended);
}

/// It ends with `keep`, and a shorter one does not take from a longer.
pub async fn a_sold_mark_lasts_as_long_as_was_said(bench: GuardBench) {
    let stage = Stage::new(bench, "keep");
    let short = stage.bench.short;
    assert_eq!(stage.mark_sold("ann", &["A-1", "A-2"], short).await, 2);
    assert_eq!(stage.mark_sold("ann", &["A-2"], LONG).await, 1);
    assert_eq!(stage.mark_sold("ann", &["A-2"], short).await, 1);
    stage.assert_sold("A-1").await;
    stage.outlast_short().await;
    stage.assert_free("A-1").await;
    stage.assert_sold("A-2").await;
}

/// Unmarking frees what was sold to the caller: not a lease, and not another's.
pub async fn a_sold_mark_is_undone_by_its_owner_only(bench: GuardBench) {
    let stage = Stage::new(bench, "unmark");
    assert_eq!(stage.mark_sold("ann", &["A-1"], LONG).await, 1);
    assert_eq!(stage.lock("ann", &["A-2"], LONG).await, fresh(1));
    assert_eq!(stage.unmark_sold("bob", &["A-1", "A-2"]).await, 0);
    stage.assert_sold("A-1").await;
    assert_eq!(stage.unmark_sold("ann", &["A-1", "A-2", "A-3"]).await, 1);
    stage.assert_free("A-1").await;
    stage.assert_leased("A-2").await;
}

/// In the order of the candidates, passing over what is locked (by the caller too) or sold.
pub async fn any_picks_the_first_free_ones(bench: GuardBench) {
    let stage = Stage::new(bench, "any");
    let units = ["f:1", "f:2", "f:3", "f:4", "f:5", "f:6"];
    assert_eq!(stage.lock("bob", &["f:1"], LONG).await, fresh(1));
    assert_eq!(stage.mark_sold("bob", &["f:3"], LONG).await, 1);
    assert_eq!(stage.lock_any("ann", &units, 2).await, LockAny::Locked(vec![1, 3]));
    stage.assert_leased("f:2").await;
    stage.assert_leased("f:4").await;
    assert_eq!(stage.lock_any("ann", &units, 1).await, LockAny::Locked(vec![4]));
    assert_eq!(stage.release("ann", &units).await, 3);
    stage.assert_sold("f:3").await;
}

/// Fewer than asked for is none, and none stays locked.
pub async fn any_is_all_or_nothing(bench: GuardBench) {
    let stage = Stage::new(bench, "any-all");
    assert_eq!(stage.lock("bob", &["f:2"], LONG).await, fresh(1));
    assert_eq!(stage.lock_any("ann", &["f:1", "f:2", "f:3"], 3).await, LockAny::NotEnough { free: 2 });
    stage.assert_free("f:1").await;
    stage.assert_free("f:3").await;
}

/// A candidate that is listed twice is one seat.
pub async fn any_counts_a_candidate_once(bench: GuardBench) {
    let stage = Stage::new(bench, "any-once");
    assert_eq!(stage.lock_any("ann", &["f:1", "f:1"], 2).await, LockAny::NotEnough { free: 1 });
    assert_eq!(stage.lock_any("ann", &["f:1", "f:1", "f:2"], 2).await, LockAny::Locked(vec![0, 2]));
}

/// The same label at another show is another seat.
pub async fn shows_are_apart(bench: GuardBench) {
    let (first, second) = (Stage::new(bench.clone(), "apart-1"), Stage::new(bench, "apart-2"));
    assert_eq!(first.lock("ann", &["A-1"], LONG).await, fresh(1));
    assert_eq!(second.lock("bob", &["A-1"], LONG).await, fresh(1));
    assert_eq!(second.release("bob", &["A-1"]).await, 1);
    first.assert_leased("A-1").await;
}

/// Of many at once, exactly one.
pub async fn one_of_many_wins_a_seat(bench: GuardBench) {
    let stage = Stage::new(bench, "race");
    let answers = join_all((0..64).map(|n| {
        let stage = &stage;
        async move { stage.lock(&format!("buyer-{n}"), &["A-1"], LONG).await }
    }))
    .await;
    let winners = answers.iter().filter(|answer| **answer == fresh(1)).count();
    assert_eq!(winners, 1, "{answers:?}");
}

/// Many request two seats in either order: one gets both, nobody gets only one, and nothing hangs.
pub async fn one_of_many_wins_crossing_seats(bench: GuardBench) {
    let stage = Stage::new(bench, "cross");
    let answers = join_all((0..32).map(|n| {
        let stage = &stage;
        let wanted = if n % 2 == 0 { ["A-1", "A-2"] } else { ["A-2", "A-1"] };
        async move { stage.lock(&format!("buyer-{n}"), &wanted, LONG).await }
    }))
    .await;
    let winners = answers.iter().filter(|answer| **answer == fresh(2)).count();
    let losers = answers.iter().filter(|answer| matches!(answer, Lock::Taken { .. })).count();
    assert_eq!((winners, losers), (1, 31), "{answers:?}");
}

/// Many take any three of twenty: six get three each, all different, and the rest get none.
pub async fn any_gives_no_seat_twice(bench: GuardBench) {
    let stage = Stage::new(bench, "any-race");
    let names: Vec<String> = (1..=20).map(|n| format!("f:{n}")).collect();
    let units: Vec<&str> = names.iter().map(String::as_str).collect();
    let answers = join_all((0..16).map(|n| {
        let (stage, units) = (&stage, &units);
        async move { stage.lock_any(&format!("buyer-{n}"), units, 3).await }
    }))
    .await;
    let mut given: Vec<usize> = Vec::new();
    for answer in &answers {
        match answer {
            LockAny::Locked(picked) => {
                assert_eq!(picked.len(), 3);
                given.extend(picked);
            }
            LockAny::NotEnough { free } => assert!(*free < 3, "refused with {free} free"),
        }
    }
    assert_eq!(given.len(), 18, "{answers:?}");
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), 18, "a seat was given twice: {answers:?}");
}
