//! Seat guards that fail on purpose, for tests of the code that uses a guard.

use async_trait::async_trait;
use lastseat_domain::ports::SeatGuard;
use lastseat_domain::ports::seat_guard::{Extend, GuardUnavailable, Lock, LockAny};
use lastseat_domain::{BookingId, SeatId, ShowId};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// No guard at all: every call is answered [`GuardUnavailable`].
#[derive(Debug, Clone, Copy, Default)]
pub struct AbsentGuard;

/// What goes wrong with the calls of a [`FaultyGuard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GuardFault {
    /// Nothing: the wrapped guard answers.
    #[default]
    None,
    /// The guard is down: nothing is done, and the answer is [`GuardUnavailable`].
    Unavailable,
    /// Time-outs: the wrapped guard does it, but the answer is [`GuardUnavailable`].
    AnswersLost,
    /// A Redis that answers wrongly: every call succeeds completely, and the wrapped guard isn't called.
    SaysYes,
}

/// Wraps a guard and fails its calls as set. Nothing fails at first.
pub struct FaultyGuard {
    inner: Arc<dyn SeatGuard>,
    /// The present fault; and after how many calls the next one replaces it.
    fault: Mutex<(GuardFault, Option<(u64, GuardFault)>)>,
    calls: AtomicU64,
}

impl FaultyGuard {
    /// Wraps a guard.
    #[must_use]
    pub fn new(inner: Arc<dyn SeatGuard>) -> Self {
        Self { inner, fault: Mutex::default(), calls: AtomicU64::new(0) }
    }

    /// Fails every call from now on.
    pub fn set(&self, fault: GuardFault) {
        *self.fault.lock() = (fault, None);
    }

    /// Fails the next `calls` calls, and none after these.
    pub fn set_for(&self, fault: GuardFault, calls: u64) {
        *self.fault.lock() = (fault, Some((calls, GuardFault::None)));
    }

    /// Fails none of the next `calls` calls, and every call after these.
    pub fn set_after(&self, calls: u64, fault: GuardFault) {
        *self.fault.lock() = (GuardFault::None, Some((calls, fault)));
    }

    /// All calls so far, failed ones included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn next_fault(&self) -> GuardFault {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut fault = self.fault.lock();
        match &mut fault.1 {
            None => {}
            Some((0, next)) => *fault = (*next, None),
            Some((left, _)) => *left -= 1,
        }
        fault.0
    }

    /// Makes one call with the present fault; `yes` is the answer of [`GuardFault::SaysYes`].
    async fn call<T>(
        &self,
        real: impl Future<Output = Result<T, GuardUnavailable>> + Send,
        yes: impl FnOnce() -> T + Send,
    ) -> Result<T, GuardUnavailable> {
        match self.next_fault() {
            GuardFault::None => real.await,
            GuardFault::Unavailable => Err(GuardUnavailable("set to be down by the test".to_owned())),
            GuardFault::AnswersLost => {
                real.await?;
                Err(GuardUnavailable("set to lose its answers by the test".to_owned()))
            }
            GuardFault::SaysYes => Ok(yes()),
        }
    }
}

impl fmt::Debug for FaultyGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyGuard").field("fault", &*self.fault.lock()).field("calls", &self.calls).finish_non_exhaustive()
    }
}

#[async_trait]
impl SeatGuard for FaultyGuard {
    async fn lock(&self, show: &ShowId, seats: &[SeatId], owner: BookingId, lease: Duration) -> Result<Lock, GuardUnavailable> {
        self.call(self.inner.lock(show, seats, owner, lease), || Lock::Locked { fresh: seats.len(), already: 0 }).await
    }

    async fn lock_any(
        &self,
        show: &ShowId,
        candidates: &[SeatId],
        n: usize,
        owner: BookingId,
        lease: Duration,
    ) -> Result<LockAny, GuardUnavailable> {
        let yes = || LockAny::Locked((0..n.min(candidates.len())).collect());
        self.call(self.inner.lock_any(show, candidates, n, owner, lease), yes).await
    }

    async fn extend(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        lease: Duration,
    ) -> Result<Extend, GuardUnavailable> {
        self.call(self.inner.extend(show, seats, owner, lease), || Extend::Extended).await
    }

    async fn release(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        self.call(self.inner.release(show, seats, owner), || seats.len()).await
    }

    async fn mark_sold(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        keep: Duration,
    ) -> Result<usize, GuardUnavailable> {
        self.call(self.inner.mark_sold(show, seats, owner, keep), || seats.len()).await
    }

    async fn unmark_sold(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        self.call(self.inner.unmark_sold(show, seats, owner), || seats.len()).await
    }

    fn trouble(&self) -> Option<String> {
        (self.fault.lock().0 == GuardFault::Unavailable).then(|| "set to be down by the test".to_owned())
    }
}

fn absent<T>() -> Result<T, GuardUnavailable> {
    Err(GuardUnavailable("there is no guard".to_owned()))
}

#[async_trait]
impl SeatGuard for AbsentGuard {
    async fn lock(&self, _: &ShowId, _: &[SeatId], _: BookingId, _: Duration) -> Result<Lock, GuardUnavailable> {
        absent()
    }

    async fn lock_any(&self, _: &ShowId, _: &[SeatId], _: usize, _: BookingId, _: Duration) -> Result<LockAny, GuardUnavailable> {
        absent()
    }

    async fn extend(&self, _: &ShowId, _: &[SeatId], _: BookingId, _: Duration) -> Result<Extend, GuardUnavailable> {
        absent()
    }

    async fn release(&self, _: &ShowId, _: &[SeatId], _: BookingId) -> Result<usize, GuardUnavailable> {
        absent()
    }

    async fn mark_sold(&self, _: &ShowId, _: &[SeatId], _: BookingId, _: Duration) -> Result<usize, GuardUnavailable> {
        absent()
    }

    async fn unmark_sold(&self, _: &ShowId, _: &[SeatId], _: BookingId) -> Result<usize, GuardUnavailable> {
        absent()
    }
}
