//! Time and new ids. Everything that would make two runs differ comes through these ports, so that a
//! simulation can supply its own.

use crate::Timestamp;
use futures::future::BoxFuture;
use uuid::Uuid;

/// The source of time.
pub trait Clock: Send + Sync + 'static {
    /// The time now, in UTC. It never goes back, but it may jump forward.
    fn now(&self) -> Timestamp;

    /// Completes at `deadline`, or at once if that has passed. It follows a clock that is set forward
    /// within a second. It may complete early after a clock was set back: look at [`Self::now`] where
    /// that matters.
    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()>;
}

/// The source of new ids.
pub trait Ids: Send + Sync + 'static {
    /// A UUID that was never returned before.
    fn uuid(&self) -> Uuid;
}
