//! Connections that stall: for a time nothing is read and nothing written, and they stay open. For tests.

use crate::disturbances::{Disturbance, FaultInjector};
use futures::FutureExt;
use futures::future::BoxFuture;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::Clock;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// When the connections of a server stall.
pub(crate) struct Stalls {
    injector: Arc<FaultInjector>,
    clock: Arc<dyn Clock>,
    started: Timestamp,
}

impl Stalls {
    /// Of a server that starts now.
    pub(crate) fn new(injector: Arc<FaultInjector>, clock: Arc<dyn Clock>) -> Self {
        let started = clock.now();
        Self { injector, clock, started }
    }

    /// Completes at the end of a stall; None while there is none.
    fn end(&self) -> Option<BoxFuture<'static, ()>> {
        let now = self.clock.now();
        let left = self.injector.stalled_for(now - self.started)?;
        Some(self.clock.sleep_until(now + left))
    }
}

/// What a connection waits at before it reads or writes.
pub(crate) struct Gate {
    stalls: Arc<Stalls>,
    /// Until the end of the stall.
    waiting: Option<BoxFuture<'static, ()>>,
}

impl Gate {
    pub(crate) fn new(stalls: Arc<Stalls>) -> Self {
        Self { stalls, waiting: None }
    }

    /// Ready while there is no stall. One task may wait.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(end) = &mut self.waiting {
                ready!(end.poll_unpin(context));
                self.waiting = None;
            }
            match self.stalls.end() {
                Some(end) => {
                    self.stalls.injector.count(Disturbance::Stall);
                    self.waiting = Some(end);
                }
                None => return Poll::Ready(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disturbances::{Disturbances, Stall};
    use chrono::TimeDelta;
    use std::future::poll_fn;
    use std::time::Duration;
    use tokio::time::Instant;

    /// Shows tokio's time.
    struct TokioClock(Instant);

    impl Clock for TokioClock {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH + self.0.elapsed()
        }

        fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
            tokio::time::sleep((deadline - self.now()).to_std().unwrap()).boxed()
        }
    }

    /// In paused time.
    #[tokio::test(start_paused = true)]
    async fn nothing_passes_until_the_stall_is_over() {
        let started = Instant::now();
        let seconds = TimeDelta::seconds;
        let stall = Stall { after: seconds(5), lasts: seconds(2), every: Some(seconds(10)) };
        let injector =
            FaultInjector::new(&Disturbances { stall: Some(stall), ..Disturbances::default() }, &Arc::default()).unwrap();
        let mut gate = Gate::new(Arc::new(Stalls::new(Arc::new(injector), Arc::new(TokioClock(started)))));
        for (at, passes_at) in [(4, 4), (5, 7), (8, 8), (16, 17)] {
            tokio::time::sleep_until(started + Duration::from_secs(at)).await;
            poll_fn(|context| gate.poll(context)).await;
            assert_eq!(started.elapsed().as_secs(), passes_at);
        }
    }
}
