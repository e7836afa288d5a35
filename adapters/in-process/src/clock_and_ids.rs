//! The real clock and real ids: the only place in the workspace where either is read.

use crate::steady_clock::SteadyClock;
use futures::future::BoxFuture;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::{Clock, Ids};
use std::sync::LazyLock;
use std::time::SystemTime;
use uuid::Uuid;

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

/// Random UUIDs (version 4).
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the id adapter")]
    fn uuid(&self) -> Uuid {
        Uuid::new_v4()
    }
}
