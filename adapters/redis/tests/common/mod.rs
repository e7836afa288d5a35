//! A guard on a Redis server that the test starts.
#![allow(dead_code, reason = "every test file uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

pub mod fake;

use lastseat_domain::ports::SeatGuard;
use lastseat_domain::ports::seat_guard::{GuardUnavailable, Lock};
use lastseat_domain::{BookingId, SeatId, ShowId};
use lastseat_redis::{Redis, RedisGuard, RedisOptions};
use std::time::Duration;
use tokio::time::Instant;

/// A lease that is longer than any test.
pub const LONG: Duration = Duration::from_secs(600);
/// Upper bound of every wait, on the slowest machine.
pub const SOON: Duration = Duration::from_secs(30);

/// A connection with longer time-outs than the default: the machine may be busy with other tests.
pub fn patient() -> RedisOptions {
    RedisOptions { response_timeout: Duration::from_secs(10), connect_timeout: Duration::from_secs(5), ..RedisOptions::default() }
}

/// A guard with long time-outs.
pub fn guard(url: &str) -> RedisGuard {
    RedisGuard::new(Redis::open(url, patient()).unwrap())
}

/// A guard with the default time-outs.
pub fn brisk_guard(url: &str) -> RedisGuard {
    RedisGuard::new(Redis::open(url, RedisOptions::default()).unwrap())
}

pub fn show() -> ShowId {
    ShowId::new("test").unwrap()
}

pub fn seats(labels: &[&str]) -> Vec<SeatId> {
    labels.iter().map(|label| SeatId::new(label).unwrap()).collect()
}

pub fn owner(who: &str) -> BookingId {
    BookingId::from_key("test", who)
}

/// The name of a seat's key.
pub fn key(label: &str) -> String {
    format!("seat:{{test}}:{label}")
}

/// Locks one seat.
pub async fn lock(guard: &RedisGuard, who: &str, label: &str) -> Result<Lock, GuardUnavailable> {
    // A call ends, whatever Redis does.
    tokio::time::timeout(SOON, guard.lock(&show(), &seats(&[label]), owner(who), LONG)).await.expect("no call hangs")
}

/// The reason of a guard that does not answer.
pub async fn refusal(guard: &RedisGuard, label: &str) -> String {
    match lock(guard, "ann", label).await {
        Err(GuardUnavailable(why)) => why,
        Ok(answer) => panic!("the guard can't know, and says {answer:?}"),
    }
}

/// Polls until the guard fails with a reason that contains `part`.
pub async fn until_refused(guard: &RedisGuard, label: &str, part: &str) {
    let (started, mut last) = (Instant::now(), String::new());
    while started.elapsed() < SOON {
        match lock(guard, "ann", label).await {
            Err(GuardUnavailable(why)) if why.contains(part) => return,
            other => last = format!("{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never '{part}', but {last}");
}

/// Polls until the guard answers again by itself.
pub async fn until_recovered(guard: &RedisGuard, label: &str) -> Lock {
    let (started, mut last) = (Instant::now(), String::new());
    while started.elapsed() < SOON {
        match lock(guard, "ann", label).await {
            Ok(answer) => return answer,
            Err(why) => last = why.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not recover: {last}");
}
