//! The limiter of a single node, and the one that every node falls back on: one number a key, in
//! memory.
//!
//! What is idle is dropped by a sweep whose cost is spread over the keys that made it necessary, so
//! memory follows the keys of the last few seconds, not the history.

use async_trait::async_trait;
use dashmap::DashMap;
use lastseat_domain::ports::rate_limit::{LimitKey, RateLimiterUnavailable};
use lastseat_domain::ports::{Clock, RateLimiter};
use lastseat_domain::{Allowance, Quota};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// No sweep before this many keys were added; with more, when half of them are new.
const MIN_KEYS_BETWEEN_SWEEPS: usize = 1024;
/// Keys that are remembered at the most.
const MOST_KEYS: usize = 1_000_000;

/// A rate limiter in the memory of this process. Never unavailable; gone with the process.
///
/// A million keys are remembered. With so many live ones, further keys are allowed without being
/// remembered: a limit for each key does not stop a client with a million keys, and refusing further keys
/// would let such a client lock out all others.
pub struct InProcessLimiter {
    clock: Arc<dyn Clock>,
    /// Until when a key's quota is used up ahead, in microseconds.
    used_until: DashMap<LimitKey, u64>,
    /// Keys added since the last sweep.
    added: AtomicUsize,
    most: usize,
}

impl InProcessLimiter {
    /// An empty limiter.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_room_for(MOST_KEYS, clock)
    }

    /// An empty limiter that remembers at most so many keys.
    #[must_use]
    pub fn with_room_for(most: usize, clock: Arc<dyn Clock>) -> Self {
        Self { clock, used_until: DashMap::new(), added: AtomicUsize::new(0), most }
    }

    /// Keys in memory: live ones, and those that are idle and were not swept yet.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.used_until.len()
    }

    fn now_micros(&self) -> u64 {
        u64::try_from(self.clock.now().timestamp_micros()).unwrap_or(0)
    }

    fn add(&self, key: &LimitKey, quota: Quota, now: u64) -> Allowance {
        let added = self.added.fetch_add(1, Ordering::Relaxed) + 1;
        // Each new key pays for two that are looked at. The call that resets the counter sweeps.
        if added >= MIN_KEYS_BETWEEN_SWEEPS.min(self.most).max(self.keys() / 2) && self.added.swap(0, Ordering::Relaxed) >= added
        {
            self.used_until.retain(|_, until| *until > now);
        }
        if self.keys() >= self.most {
            return quota.take(0, now).0;
        }
        let mut until = self.used_until.entry(key.clone()).or_insert(0);
        let (answer, next) = quota.take(*until, now);
        *until = next;
        answer
    }
}

#[async_trait]
impl RateLimiter for InProcessLimiter {
    async fn take(&self, key: &LimitKey, quota: Quota) -> Result<Allowance, RateLimiterUnavailable> {
        let now = self.now_micros();
        if let Some(mut until) = self.used_until.get_mut(key) {
            let (answer, next) = quota.take(*until, now);
            *until = next;
            return Ok(answer);
        }
        Ok(self.add(key, quota, now))
    }
}

impl fmt::Debug for InProcessLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcessLimiter").field("keys", &self.keys()).finish_non_exhaustive()
    }
}
