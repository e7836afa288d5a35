//! Contract suite of the port of the same name.
//!
//! For every adapter, in process or over a socket. A case uses keys of its own, named after the
//! bench's prefix, and knows nothing of the adapter but the port. It panics where the adapter
//! breaks the contract. Run all with [`run`], or each of [`CASES`] as a test of its own.
#![allow(clippy::panic, clippy::expect_used, reason = "a suite fails by panicking")]

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use lastseat_domain::ports::rate_limit::LimitKey;
use lastseat_domain::ports::{Clock, RateLimiter};
use lastseat_domain::quota::{Allowance, Quota};
use std::sync::Arc;
use std::time::Duration;

/// Seconds in which a case gets no unit back.
const A_DAY: u32 = 86_400;

/// What a case needs.
#[derive(Clone)]
pub struct LimitBench {
    /// The adapter.
    pub limiter: Arc<dyn RateLimiter>,
    /// The adapter's time: real for a server, stepping for one in process.
    pub clock: Arc<dyn Clock>,
    /// Makes the keys of one run its own.
    pub prefix: String,
}

/// One case of the suite.
pub type LimitCase = fn(LimitBench) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// Every case with its name.
        pub const CASES: &[(&str, LimitCase)] = &[$((stringify!($name), |bench| $name(bench).boxed())),*];
    };
}

cases!(
    a_burst_is_allowed_and_no_more,
    what_is_left_is_reported,
    more_is_there_when_it_was_said,
    a_refusal_takes_nothing,
    idleness_fills_the_quota_and_no_more,
    keys_are_apart,
    one_unit_is_a_quota_too,
    of_many_at_once_as_many_as_there_are_units,
);

/// Runs every case.
pub async fn run(bench: LimitBench) {
    for (_, case) in CASES {
        case(bench.clone()).await;
    }
}

impl LimitBench {
    async fn take(&self, who: &str, quota: Quota) -> Allowance {
        self.limiter.take(&LimitKey::new(&self.prefix, &who), quota).await.expect("the limiter is there")
    }

    /// Takes until there is nothing left; says what the refusal said.
    async fn exhaust(&self, who: &str, quota: Quota) -> Allowance {
        // On a slow machine units come back on the way.
        for _ in 0..1_000 * quota.burst() {
            let answer = self.take(who, quota).await;
            if !answer.allowed {
                return answer;
            }
        }
        panic!("{quota} is never used up");
    }

    async fn sleep(&self, time: Duration) {
        let time = chrono::TimeDelta::from_std(time).expect("a short time");
        self.clock.sleep_until(self.clock.now() + time).await;
    }
}

fn quota(burst: u32, seconds: u32) -> Quota {
    Quota::new(burst, seconds).expect("a quota")
}

async fn a_burst_is_allowed_and_no_more(bench: LimitBench) {
    let five = quota(5, A_DAY);
    for n in 1..=5 {
        assert!(bench.take("burst", five).await.allowed, "number {n} of 5");
    }
    for _ in 0..3 {
        let refused = bench.take("burst", five).await;
        assert!(!refused.allowed && refused.remaining == 0, "{refused:?}");
    }
}

async fn what_is_left_is_reported(bench: LimitBench) {
    let three = quota(3, A_DAY);
    let interval = Duration::from_micros(three.interval_micros());
    for remaining in [2, 1, 0] {
        let answer = bench.take("reported", three).await;
        assert!(answer.allowed && answer.remaining == remaining, "{answer:?}");
        assert!(answer.more_in > interval / 2 && answer.more_in <= interval, "{answer:?}");
    }
    let refused = bench.take("reported", three).await;
    assert!(refused.more_in > interval / 2 && refused.more_in <= interval, "{refused:?}");
}

async fn more_is_there_when_it_was_said(bench: LimitBench) {
    let two = quota(2, 1);
    for _ in 0..3 {
        let refused = bench.exhaust("more", two).await;
        assert!(!refused.more_in.is_zero(), "{refused:?}");
        bench.sleep(refused.more_in).await;
        assert!(bench.take("more", two).await.allowed, "after {:?}", refused.more_in);
    }
}

async fn a_refusal_takes_nothing(bench: LimitBench) {
    let two = quota(2, 1);
    bench.exhaust("nothing", two).await;
    let mut last = bench.exhaust("nothing", two).await;
    for _ in 0..20 {
        last = bench.exhaust("nothing", two).await;
    }
    bench.sleep(last.more_in).await;
    assert!(bench.take("nothing", two).await.allowed);
}

async fn idleness_fills_the_quota_and_no_more(bench: LimitBench) {
    let two = quota(2, 1);
    bench.exhaust("idle", two).await;
    bench.sleep(Duration::from_millis(2_500)).await;
    let answer = bench.take("idle", two).await;
    assert!(answer.allowed && answer.remaining == 1, "{answer:?}");
}

async fn keys_are_apart(bench: LimitBench) {
    let one = quota(1, A_DAY);
    for who in ["ann", "bob", "ann bob", "{ann}", "caf\u{e9}"] {
        assert!(bench.take(who, one).await.allowed, "{who}");
    }
    for who in ["ann", "bob", "ann bob", "{ann}", "caf\u{e9}"] {
        assert!(!bench.take(who, one).await.allowed, "{who}");
    }
    let elsewhere = LimitKey::new(&format!("{}-other", bench.prefix), &"ann");
    assert!(bench.limiter.take(&elsewhere, one).await.expect("the limiter is there").allowed);
}

async fn one_unit_is_a_quota_too(bench: LimitBench) {
    let one = quota(1, 1);
    let refused = bench.exhaust("one", one).await;
    bench.sleep(refused.more_in).await;
    let answer = bench.take("one", one).await;
    assert!(answer.allowed && answer.remaining == 0, "{answer:?}");
}

async fn of_many_at_once_as_many_as_there_are_units(bench: LimitBench) {
    let fifty = quota(50, A_DAY);
    let answers = join_all((0..200).map(|_| bench.take("many", fifty))).await;
    assert_eq!(answers.iter().filter(|answer| answer.allowed).count(), 50);
}
