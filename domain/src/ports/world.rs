//! Time and identity. Everything that would make two runs differ comes through here, so that a
//! simulation can hand in its own.

use crate::Timestamp;
use futures::future::BoxFuture;
use uuid::Uuid;

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The time now, in UTC.
    fn now(&self) -> Timestamp;

    /// Completes at `deadline`, or at once if that has passed.
    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()>;
}

/// Where new identities come from.
pub trait Ids: Send + Sync + 'static {
    /// A UUID that was never given out before.
    fn uuid(&self) -> Uuid;
}
