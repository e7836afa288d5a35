//! The real clock and real ids: the only place in the workspace where either is read.

use crate::steady_clock::SteadyClock;
use futures::future::BoxFuture;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::{Clock, Ids};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::SystemTime;
use uuid::{ContextV7, Uuid};

/// A machine has one clock, so all of this process share what they have shown.
static MACHINE: LazyLock<SteadyClock<fn() -> Timestamp>> = LazyLock::new(|| SteadyClock::over(read as fn() -> Timestamp));

#[expect(clippy::disallowed_methods, reason = "this is the clock adapter")]
fn read() -> Timestamp {
    // Milliseconds are what people and browsers work with; finer digits only make noise. Each request reads the clock
    // several times, and to truncate a time of the day is slow.
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).ok().and_then(Timestamp::from_timestamp_millis).unwrap_or(Timestamp::MAX_UTC)
}

/// The machine's clock, in whole milliseconds, made steady: see [`SteadyClock`].
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        MACHINE.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        MACHINE.sleep_until(deadline)
    }
}

/// UUIDs of version 7: a node's sort in the order in which they were made, those of several nodes by the millisecond.
///
/// 42 bits count from a random number that is new in each millisecond, 32 are random.
pub struct TimeOrderedIds {
    clock: Arc<dyn Clock>,
    counter: Mutex<ContextV7>,
}

impl TimeOrderedIds {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, counter: Mutex::new(ContextV7::new()) }
    }
}

impl Ids for TimeOrderedIds {
    #[expect(clippy::disallowed_methods, reason = "this is the id adapter")]
    fn uuid(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(&self.counter, millis / 1000, nanos))
    }
}

/// A random number for tools and tests: the seed or the name of a run.
#[expect(clippy::disallowed_methods, reason = "this is the adapter of randomness")]
#[must_use]
pub fn random_number() -> u64 {
    Uuid::new_v4().as_u64_pair().0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicI64, Ordering};

    /// Shows what it is set to.
    #[derive(Default)]
    struct SetClock(AtomicI64);

    impl Clock for SetClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_timestamp_millis(self.0.load(Ordering::Relaxed)).unwrap()
        }

        fn sleep_until(&self, _: Timestamp) -> BoxFuture<'static, ()> {
            Box::pin(futures::future::pending())
        }
    }

    #[test]
    fn ids_sort_in_the_order_in_which_they_were_made_even_if_the_clock_goes_back() {
        let clock = Arc::new(SetClock::default());
        let ids = TimeOrderedIds::new(clock.clone());
        let mut last = Uuid::nil();
        for millis in [1_796_000_000_000, 1_796_000_000_001, 1_796_000_000_001, 1_795_999_999_000, 1_796_000_000_007] {
            clock.0.store(millis, Ordering::Relaxed);
            for _ in 0..1000 {
                let id = ids.uuid();
                assert!(id > last, "{id} after {last}");
                last = id;
            }
        }
        assert_eq!((last.get_version_num(), last.as_u64_pair().0 >> 16), (7, 1_796_000_000_007));
    }

    #[test]
    fn nodes_with_the_same_clock_never_make_the_same_id() {
        let clock = Arc::new(SetClock(AtomicI64::new(1_796_000_000_000)));
        let nodes: Vec<_> = (0..8).map(|_| TimeOrderedIds::new(clock.clone())).collect();
        let ids: HashSet<Uuid> = nodes.iter().flat_map(|node| (0..10_000).map(|_| node.uuid())).collect();
        assert_eq!(ids.len(), 80_000);
    }
}
