//! The port of the rate limiter: counts the requests of a key and refuses those above its quota.
//!
//! It protects the server, not the seats: a wrong limiter lets through too much or too little, but no
//! seat is sold twice. "Unavailable" is neither "allowed" nor "limited": the caller then uses the
//! limiter of its own node.

use crate::quota::{Allowance, Quota};
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;

/// The limiter can't be reached, or didn't answer in time. Whether a unit was taken is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rate limiter is unavailable: {0}")]
pub struct RateLimiterUnavailable(pub String);

/// What is counted together: a caller under a policy. It must not contain anything that a client can
/// choose freely, because the client would choose a new one for each request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LimitKey(Arc<str>);

impl LimitKey {
    /// The key of the caller `who` under `policy`.
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

/// Counts by key. A key that is idle for the time of its quota is forgotten. An adapter that uses a
/// network has a time-out and answers within it.
#[async_trait]
pub trait RateLimiter: Send + Sync + 'static {
    /// Takes one unit of the key's quota, if one is available. A refusal takes nothing, so a caller who
    /// retries too early doesn't have to wait longer.
    ///
    /// # Errors
    /// [`RateLimiterUnavailable`].
    async fn take(&self, key: &LimitKey, quota: Quota) -> Result<Allowance, RateLimiterUnavailable>;
}
