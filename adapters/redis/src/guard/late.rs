//! Locks that come too late. Who asked for one goes on without the guard, and will not give back
//! what it does not know it has; other buyers would wait for the lease to lapse. So a release is sent
//! behind the lock, over the same connection: the server does the one after the other.
//!
//! If the booking came about without the guard, it loses a filter in front of its seats, and nothing
//! else: they are in the log by then, and a mark of their sale is not released.

use super::Operations;
use crate::connection::Redis;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Releases on their way at once. Beyond it leases lapse by themselves: a server that is too slow is
/// not helped by more work.
const MOST: usize = 256;
/// How long a release waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bound on the releases under way.
#[derive(Debug)]
pub(super) struct LateLocks(Arc<Semaphore>);

impl Default for LateLocks {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

impl LateLocks {
    /// Sends a release behind a lock that was not answered in time. Nobody waits for it.
    pub(super) fn give_back(&self, redis: &Redis, operations: &Arc<Operations>, keys: Vec<String>, owner: String) {
        let Ok(permit) = self.0.clone().try_acquire_owned() else { return };
        let (redis, operations) = (redis.clone(), operations.clone());
        tokio::spawn(async move {
            let deadline = Instant::now() + PATIENCE;
            if let Err(why) = operations.release_seats.call_until(deadline, &redis, &keys, &[&owner]).await {
                tracing::debug!(%why, "a lock that may have come too late lapses with its lease");
            }
            drop(permit);
        });
    }
}
