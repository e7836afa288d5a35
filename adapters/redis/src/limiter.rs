//! The rate limiter over Redis: `lua/gcra.lua`.
//!
//! A call that timed out may have taken a unit. The caller goes on with the limiter of its own
//! node, and the unit comes back like any other.

use crate::connection::Redis;
use crate::script::Script;
use async_trait::async_trait;
use lastseat_domain::ports::RateLimiter;
use lastseat_domain::ports::rate_limit::{LimitKey, RateLimiterUnavailable};
use lastseat_domain::{Allowance, Quota};
use redis::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A rate limiter that many nodes share; the time is Redis' own. Cheap to clone.
#[derive(Clone)]
pub struct RedisLimiter {
    redis: Redis,
    script: Arc<Script>,
}

impl RedisLimiter {
    /// A limiter over this connection.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis, script: Arc::new(script()) }
    }
}

pub(crate) fn script() -> Script {
    Script::new("gcra", include_str!("../../../lua/gcra.lua"))
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter").field("redis", &self.redis).finish_non_exhaustive()
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn take(&self, key: &LimitKey, quota: Quota) -> Result<Allowance, RateLimiterUnavailable> {
        let key = format!("limit:{{{}}}", key.as_str());
        let (interval, burst) = (quota.interval_micros().to_string(), quota.burst().to_string());
        let reply = self.script.call(&self.redis, &[key], &[&interval, &burst]).await;
        let reply = reply.map_err(|why| RateLimiterUnavailable(why.to_string()))?;
        allowance(&reply).ok_or_else(|| RateLimiterUnavailable(format!("Redis gave a reply that makes no sense: {reply:?}")))
    }
}

/// What the script's reply means. `None`: it is not a reply that it gives.
fn allowance(reply: &Value) -> Option<Allowance> {
    let Value::Array(parts) = reply else { return None };
    match parts.as_slice() {
        [Value::Int(allowed @ (0 | 1)), Value::Int(remaining), Value::Int(more_in)] => Some(Allowance {
            allowed: *allowed == 1,
            remaining: u32::try_from(*remaining).ok()?,
            more_in: Duration::from_micros(u64::try_from(*more_in).ok()?),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_three_numbers_and_nothing_else() {
        let reply = |numbers: &[i64]| allowance(&Value::Array(numbers.iter().map(|n| Value::Int(*n)).collect()));
        let (remaining, more_in) = (4, Duration::from_micros(5));
        assert_eq!(reply(&[1, 4, 5]), Some(Allowance { allowed: true, remaining, more_in }));
        assert_eq!(reply(&[0, 4, 5]), Some(Allowance { allowed: false, remaining, more_in }));
        for nonsense in [&[][..], &[1], &[1, 2], &[1, 2, 3, 4], &[2, 1, 1], &[1, -1, 1], &[1, 1, -1]] {
            assert_eq!(reply(nonsense), None, "{nonsense:?}");
        }
        assert_eq!(allowance(&Value::Nil), None);
    }
}
