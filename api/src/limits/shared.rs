//! The limiter that all nodes share, asked only while it answers.

use crate::app::App;
use lastseat_domain::ports::RateLimiter;
use lastseat_domain::ports::rate_limit::LimitKey;
use lastseat_domain::{Allowance, Quota};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How long it is left alone after it did not answer: a limiter that hangs must not make every
/// command wait for its time-out.
const REST: Duration = Duration::from_secs(1);

pub(super) struct Shared {
    limiter: Arc<dyn RateLimiter>,
    /// Not asked before this time, in milliseconds.
    rests_until: AtomicI64,
}

impl Shared {
    pub(super) fn new(limiter: Arc<dyn RateLimiter>) -> Self {
        Self { limiter, rests_until: AtomicI64::new(0) }
    }

    /// What it says, or `None` if it does not answer.
    pub(super) async fn take(&self, app: &App, key: &LimitKey, quota: Quota) -> Option<Allowance> {
        let now = app.now().timestamp_millis();
        let rest = i64::try_from(REST.as_millis()).unwrap_or(0);
        // A clock that was put back must not leave it alone for longer.
        if (1..=rest).contains(&(self.rests_until.load(Ordering::Relaxed) - now)) {
            app.metrics().limited_by_this_node_alone();
            return None;
        }
        match self.limiter.take(key, quota).await {
            Ok(allowance) => Some(allowance),
            Err(error) => {
                let until = app.now().timestamp_millis().saturating_add(rest);
                self.rests_until.store(until, Ordering::Relaxed);
                app.metrics().limited_by_this_node_alone();
                tracing::warn!(%error, "limits hold on this node alone for now");
                None
            }
        }
    }
}
