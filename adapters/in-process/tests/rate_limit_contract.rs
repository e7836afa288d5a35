//! The rate limiter's contract: the in-process limiter keeps it, and every broken rule fails it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use async_trait::async_trait;
use lastseat_domain::ports::rate_limit::{LimitKey, RateLimiterUnavailable};
use lastseat_domain::ports::{Clock, RateLimiter};
use lastseat_domain::{Allowance, Quota};
use lastseat_in_process::InProcessLimiter;
use lastseat_in_process::SystemClock;
use lastseat_testkit::SteppingClock;
use lastseat_testkit::rate_limit::{CASES, LimitBench};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

fn bench(make: impl FnOnce(Arc<dyn Clock>) -> Arc<dyn RateLimiter>) -> LimitBench {
    let clock: Arc<dyn Clock> = Arc::new(SteppingClock::default());
    LimitBench { limiter: make(clock.clone()), clock, prefix: "t".to_owned() }
}

/// Names of the cases that fail. One after the other: they share a clock that a sleep moves.
async fn failures(bench: &LimitBench) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for (name, case) in CASES {
        if tokio::spawn(case(bench.clone())).await.is_err() {
            failed.push(*name);
        }
    }
    failed
}

#[tokio::test]
async fn the_limiter_in_process_keeps_the_contract() {
    let bench = bench(|clock| Arc::new(InProcessLimiter::new(clock)));
    assert_eq!(failures(&bench).await, Vec::<&str>::new());
}

#[tokio::test]
async fn the_contract_holds_in_real_time_too() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let bench = LimitBench { limiter: Arc::new(InProcessLimiter::new(clock.clone())), clock, prefix: "t".to_owned() };
    // At once, so that those which wait wait together.
    let running: Vec<_> = CASES.iter().map(|(_, case)| tokio::spawn(case(bench.clone()))).collect();
    for case in running {
        case.await.unwrap();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// None: the twin of the twins.
    None,
    CountsRefusals,
    NeverRefills,
    SavesUpWithoutBound,
    ForgetsTheKey,
    ForgetsWhatWasTaken,
    LetsOneMoreThrough,
    ReadsBeforeItWrites,
}

/// A limiter with a rule broken on purpose.
struct Broken {
    clock: Arc<dyn Clock>,
    fault: Fault,
    used_until: Mutex<HashMap<LimitKey, i64>>,
}

#[async_trait]
impl RateLimiter for Broken {
    async fn take(&self, key: &LimitKey, quota: Quota) -> Result<Allowance, RateLimiterUnavailable> {
        let now = self.clock.now().timestamp_micros();
        let key = if self.fault == Fault::ForgetsTheKey { LimitKey::new("all", &"") } else { key.clone() };
        let interval = i64::try_from(quota.interval_micros()).unwrap();
        let room = interval * (i64::from(quota.burst()) + i64::from(self.fault == Fault::LetsOneMoreThrough));
        let before = self.used_until.lock().unwrap().get(&key).copied().unwrap_or(now);
        if self.fault == Fault::ReadsBeforeItWrites {
            tokio::task::yield_now().await;
        }
        let used = match self.fault {
            Fault::ForgetsWhatWasTaken => 0,
            Fault::NeverRefills => before - 1_893_456_000_000_000,
            Fault::SavesUpWithoutBound => before - now,
            _ => (before - now).max(0),
        };
        let allowed = used + interval <= room;
        let taken = if allowed || self.fault == Fault::CountsRefusals { used + interval } else { used };
        let next = if self.fault == Fault::NeverRefills { 1_893_456_000_000_000 + taken } else { now + taken };
        self.used_until.lock().unwrap().insert(key, next);
        let left = (room - taken).max(0);
        let more_in = Duration::from_micros(((left / interval + 1) * interval - left).unsigned_abs());
        Ok(Allowance { allowed, remaining: u32::try_from(left / interval).unwrap(), more_in })
    }
}

#[tokio::test]
async fn every_broken_rule_is_caught() {
    let twins = [
        (Fault::CountsRefusals, "a_refusal_takes_nothing"),
        (Fault::NeverRefills, "more_is_there_when_it_was_said"),
        (Fault::SavesUpWithoutBound, "idleness_fills_the_quota_and_no_more"),
        (Fault::ForgetsTheKey, "keys_are_apart"),
        (Fault::ForgetsWhatWasTaken, "a_burst_is_allowed_and_no_more"),
        (Fault::LetsOneMoreThrough, "a_burst_is_allowed_and_no_more"),
        (Fault::ReadsBeforeItWrites, "of_many_at_once_as_many_as_there_are_units"),
    ];
    for (fault, caught_by) in twins {
        let bench = bench(|clock| Arc::new(Broken { clock, fault, used_until: Mutex::default() }));
        let failed = failures(&bench).await;
        assert!(failed.contains(&caught_by), "{fault:?} was not caught by {caught_by}, but by {failed:?}");
    }
    let whole = bench(|clock| Arc::new(Broken { clock, fault: Fault::None, used_until: Mutex::default() }));
    assert_eq!(failures(&whole).await, Vec::<&str>::new());
}

#[tokio::test]
async fn idle_keys_are_forgotten() {
    let clock = SteppingClock::default();
    let limiter = InProcessLimiter::new(Arc::new(clock.clone()));
    let quota = Quota::new(5, 10).unwrap();
    for n in 0..50_000 {
        limiter.take(&LimitKey::new("t", &n), quota).await.unwrap();
        clock.advance(Duration::from_millis(10));
    }
    // A key lives for two seconds after one unit: 200 of them at any time.
    assert!(limiter.keys() < 2_500, "{}", limiter.keys());
}

#[tokio::test]
async fn a_crowd_of_live_keys_takes_no_more_than_its_room_and_shuts_nobody_out() {
    let clock = SteppingClock::default();
    let limiter = InProcessLimiter::with_room_for(1_000, Arc::new(clock.clone()));
    let one = Quota::new(1, 60).unwrap();
    for n in 0..5_000 {
        assert!(limiter.take(&LimitKey::new("t", &n), one).await.unwrap().allowed, "{n}");
    }
    assert_eq!(limiter.keys(), 1_000);
    // Those that are remembered are limited as ever, and there is room again when they are idle.
    assert!(!limiter.take(&LimitKey::new("t", &0), one).await.unwrap().allowed);
    clock.advance(Duration::from_secs(61));
    for _ in 0..1_001 {
        limiter.take(&LimitKey::new("t", &"late"), one).await.unwrap();
    }
    for n in 0..900 {
        limiter.take(&LimitKey::new("u", &n), one).await.unwrap();
    }
    assert!(!limiter.take(&LimitKey::new("u", &899), one).await.unwrap().allowed);
}
