//! The seat guard over Redis: one script of `lua/` an operation.
//!
//! A call that timed out has an unknown outcome: the script may have run, or may yet run, when a
//! server that was stopped resumes. The guard's callers make that harmless: the caller continues
//! without the guard and the log decides; a lock that was taken all the same is the owner's own,
//! is released by a command that is sent after it (`late`), or at worst ends with its lease. Nothing is
//! written that does not end by itself.

mod late;
mod operations;
mod replies;

use crate::connection::{NoAnswer, Redis};
use crate::script::Script;
use async_trait::async_trait;
use lastseat_domain::ports::SeatGuard;
use lastseat_domain::ports::seat_guard::{Extend, GuardUnavailable, Lock, LockAny};
use lastseat_domain::{BookingId, SeatId, ShowId};
use late::LateLocks;
pub(crate) use operations::Operations;
use parking_lot::Mutex;
use redis::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A hundred years. A longer lease is cut to it: what Redis adds to its clock may not overflow.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Minimum time between two log lines about a guard that gives no answer.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A seat guard that many nodes share. Cheap to clone.
#[derive(Clone)]
pub struct RedisGuard {
    redis: Redis,
    operations: Arc<Operations>,
    late: Arc<LateLocks>,
    /// When a failure was last written to the log: there may be thousands a second.
    last_logged: Arc<Mutex<Option<Instant>>>,
}

impl RedisGuard {
    /// A guard over this connection.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self::of(redis, Operations::new())
    }

    /// A guard with one script in place of another: a failing twin. `name` as the file's in `lua/`,
    /// without the ending. Panics if there is none.
    #[cfg(feature = "twins")]
    #[must_use]
    pub fn with_twin(redis: Redis, name: &str, source: &'static str) -> Self {
        let mut operations = Operations::new();
        assert!(operations.replace(name, source), "no script is called {name}");
        Self::of(redis, operations)
    }

    fn of(redis: Redis, operations: Operations) -> Self {
        Self { redis, operations: Arc::new(operations), late: Arc::default(), last_logged: Arc::default() }
    }

    async fn call(&self, script: &Script, show: &ShowId, seats: &[SeatId], args: &[&str]) -> Result<Value, GuardUnavailable> {
        script.call(&self.redis, &keys(show, seats), args).await.map_err(|why| self.unavailable(&why))
    }

    /// As [`Self::call`], for a script that locks: a lock that comes too late is given back.
    async fn call_to_lock(
        &self,
        script: &Script,
        show: &ShowId,
        seats: &[SeatId],
        args: &[&str],
    ) -> Result<Value, GuardUnavailable> {
        let keys = keys(show, seats);
        let reply = script.call(&self.redis, &keys, args).await;
        if let (Err(why), Some(owner)) = (&reply, args.first())
            && why.may_come_late()
        {
            self.late.give_back(&self.redis, &self.operations, keys, (*owner).to_owned());
        }
        reply.map_err(|why| self.unavailable(&why))
    }

    /// Logs why the sale goes on without the guard.
    fn unavailable(&self, why: &NoAnswer) -> GuardUnavailable {
        let mut last = self.last_logged.lock();
        if last.is_none_or(|last| last.elapsed() >= LOG_INTERVAL) {
            *last = Some(Instant::now());
            tracing::warn!(%why, redis = self.redis.address(), "the seat guard gives no answer");
        }
        GuardUnavailable(why.to_string())
    }
}

impl fmt::Debug for RedisGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisGuard").field("redis", &self.redis).finish_non_exhaustive()
    }
}

/// `seat:{show}:label`. The braces put a show into one slot of a cluster; no id can have one.
fn key(show: &ShowId, seat: &SeatId) -> String {
    format!("seat:{{{show}}}:{seat}")
}

fn keys(show: &ShowId, seats: &[SeatId]) -> Vec<String> {
    seats.iter().map(|seat| key(show, seat)).collect()
}

/// Whole milliseconds, at least one: Redis knows no lease of nothing.
fn millis(lease: Duration) -> String {
    lease.min(LONGEST).as_millis().max(1).to_string()
}

/// What a reply means, or that it means nothing.
fn understood<T>(reply: &Value, meaning: Option<T>) -> Result<T, GuardUnavailable> {
    meaning.ok_or_else(|| GuardUnavailable(format!("Redis gave a reply that makes no sense: {reply:?}")))
}

#[async_trait]
impl SeatGuard for RedisGuard {
    async fn lock(&self, show: &ShowId, seats: &[SeatId], owner: BookingId, lease: Duration) -> Result<Lock, GuardUnavailable> {
        if seats.is_empty() {
            return Ok(Lock::Locked { fresh: 0, already: 0 });
        }
        let reply = self.call_to_lock(&self.operations.lock_seats, show, seats, &[&owner.to_string(), &millis(lease)]).await?;
        understood(&reply, replies::lock(&reply, seats.len()))
    }

    async fn lock_any(
        &self,
        show: &ShowId,
        candidates: &[SeatId],
        n: usize,
        owner: BookingId,
        lease: Duration,
    ) -> Result<LockAny, GuardUnavailable> {
        if n == 0 {
            return Ok(LockAny::Locked(vec![]));
        }
        if candidates.is_empty() {
            return Ok(LockAny::NotEnough { free: 0 });
        }
        let reply = self
            .call_to_lock(&self.operations.lock_any, show, candidates, &[&owner.to_string(), &millis(lease), &n.to_string()])
            .await?;
        understood(&reply, replies::lock_any(&reply, candidates.len(), n))
    }

    async fn extend(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        lease: Duration,
    ) -> Result<Extend, GuardUnavailable> {
        if seats.is_empty() {
            return Ok(Extend::Extended);
        }
        let reply = self.call(&self.operations.extend_lock, show, seats, &[&owner.to_string(), &millis(lease)]).await?;
        understood(&reply, replies::extend(&reply, seats.len()))
    }

    async fn release(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        if seats.is_empty() {
            return Ok(0);
        }
        let reply = self.call(&self.operations.release_seats, show, seats, &[&owner.to_string()]).await?;
        understood(&reply, replies::count(&reply, seats.len()))
    }

    async fn mark_sold(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        keep: Duration,
    ) -> Result<usize, GuardUnavailable> {
        if seats.is_empty() {
            return Ok(0);
        }
        let reply = self.call(&self.operations.mark_sold, show, seats, &[&owner.to_string(), &millis(keep)]).await?;
        understood(&reply, replies::count(&reply, seats.len()))
    }

    async fn unmark_sold(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        if seats.is_empty() {
            return Ok(0);
        }
        let reply = self.call(&self.operations.unmark_sold, show, seats, &[&owner.to_string()]).await?;
        understood(&reply, replies::count(&reply, seats.len()))
    }

    fn trouble(&self) -> Option<String> {
        self.redis.trouble().map(|why| why.to_string())
    }
}

#[cfg(test)]
mod tests;
