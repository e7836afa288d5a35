//! The real clock and real ids: the only place in the workspace where either is read.

use chrono::{SubsecRound, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::{Clock, Ids};
use uuid::Uuid;

/// The machine's clock, in whole milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock adapter")]
    fn now(&self) -> Timestamp {
        // Milliseconds are what people and browsers work with; finer digits only make noise.
        Utc::now().trunc_subsecs(3)
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        // A deadline that has passed gives a negative span, which `to_std` refuses.
        let left = (deadline - self.now()).to_std().unwrap_or_default();
        tokio::time::sleep(left).boxed()
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
