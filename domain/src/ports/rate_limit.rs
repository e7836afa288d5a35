//! The rate limiter: counts what a key does, and says when it is too much.
//!
//! It protects the server and those who share it, never a seat: a limiter that is wrong lets too
//! much through or too little, and no seat is sold twice for it. "Unavailable" is neither "allowed"
//! nor "limited": whoever asks has a limiter of its own node to go on with.

use crate::quota::{Allowance, Quota};
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;

/// The limiter can't be asked, or did not answer in time. Whether a unit was taken is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rate limiter is unavailable: {0}")]
pub struct RateLimiterUnavailable(pub String);

/// What is counted together: somebody (`who`) under a policy. Never made from what a client can
/// choose freely, or the client would choose a new one for each request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LimitKey(Arc<str>);

impl LimitKey {
    /// The key of `who` under `policy`.
    #[must_use]
    pub fn new(policy: &str, who: &impl fmt::Display) -> Self {
        Self(format!("{policy}:{who}").into())
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Counts by key. What is idle for as long as its quota takes to fill is forgotten. Over a network, an
/// adapter has a time-out, and answers within it.
#[async_trait]
pub trait RateLimiter: Send + Sync + 'static {
    /// Takes one unit of the key's quota, if there is one. A refusal takes nothing, so that whoever
    /// comes too early does not wait the longer for it.
    ///
    /// # Errors
    /// [`RateLimiterUnavailable`].
    async fn take(&self, key: &LimitKey, quota: Quota) -> Result<Allowance, RateLimiterUnavailable>;
}
