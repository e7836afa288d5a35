//! Releases locks that may have been taken after the caller gave up waiting. The caller continues without
//! the guard and won't release a lock that it doesn't know of, so other buyers would wait until the lease
//! ends. A release is sent after the lock over the same connection; the server runs both in order.
//!
//! If the booking succeeded without the guard, it only loses the filter in front of its seats: they are in
//! the log by then, and a mark of their sale is not released.

use super::Operations;
use crate::connection::Redis;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Maximum concurrent releases. Further leases end by themselves: more work does not help a server that is
/// too slow.
const MOST: usize = 256;
/// How long a release may take.
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
    /// Sends a release after a lock that was not answered in time, in the background.
    pub(super) fn give_back(&self, redis: &Redis, operations: &Arc<Operations>, keys: Vec<String>, owner: String) {
        let Ok(permit) = self.0.clone().try_acquire_owned() else { return };
        let (redis, operations) = (redis.clone(), operations.clone());
        tokio::spawn(async move {
            let deadline = Instant::now() + PATIENCE;
            if let Err(why) = operations.release_seats.call_until(deadline, &redis, &keys, &[&owner]).await {
                tracing::debug!(%why, "a lock that may have been taken too late ends with its lease");
            }
            drop(permit);
        });
    }
}
