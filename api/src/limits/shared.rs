//! The limiter that all nodes share, with a pause after it failed.

use crate::metrics::Metrics;
use lastseat_domain::ports::rate_limit::LimitKey;
use lastseat_domain::ports::{Clock, RateLimiter};
use lastseat_domain::{Allowance, Quota};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How long the limiter is not called after a failure: a limiter that hangs must not make every
/// command wait for its time-out.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct SharedLimiter {
    limiter: Arc<dyn RateLimiter>,
    /// Not called before this time, in milliseconds.
    paused_until: AtomicI64,
}

impl SharedLimiter {
    pub(super) fn new(limiter: Arc<dyn RateLimiter>) -> Self {
        Self { limiter, paused_until: AtomicI64::new(0) }
    }

    /// The limiter's answer, or `None` if it is unavailable.
    pub(super) async fn take(&self, key: &LimitKey, quota: Quota, clock: &dyn Clock, metrics: &Metrics) -> Option<Allowance> {
        let now = clock.now().timestamp_millis();
        let pause = i64::try_from(PAUSE.as_millis()).unwrap_or(0);
        // The lower bound ends the pause when the clock was set back.
        if (1..=pause).contains(&(self.paused_until.load(Ordering::Relaxed) - now)) {
            metrics.shared_limits_unavailable();
            return None;
        }
        match self.limiter.take(key, quota).await {
            Ok(allowance) => Some(allowance),
            Err(error) => {
                let until = clock.now().timestamp_millis().saturating_add(pause);
                self.paused_until.store(until, Ordering::Relaxed);
                metrics.shared_limits_unavailable();
                tracing::warn!(%error, "the shared rate limiter is unavailable; each node limits by itself for now");
                None
            }
        }
    }
}
