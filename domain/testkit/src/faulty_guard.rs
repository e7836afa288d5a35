//! Guards that fail on purpose, for tests of what is built on a guard (feature `testkit`).

use async_trait::async_trait;
use lastseat_domain::ports::SeatGuard;
use lastseat_domain::ports::seat_guard::{Extend, GuardUnavailable, Lock, LockAny};
use lastseat_domain::{BookingId, SeatId, ShowId};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A guard that is not there: every call is [`GuardUnavailable`].
#[derive(Debug, Clone, Copy, Default)]
pub struct AbsentGuard;

/// How a [`FlakyGuard`] behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GuardMood {
    /// As the guard within.
    #[default]
    Faithful,
    /// Down: nothing is done, every call is [`GuardUnavailable`].
    Unavailable,
    /// Time-outs: the guard within does it, and the answer is [`GuardUnavailable`] all the same.
    AnswersLost,
    /// A lying Redis: every call succeeds in full, and the guard within is never asked.
    SaysYes,
}

/// A guard whose mood can be changed while it is in use.
pub struct FlakyGuard {
    inner: Arc<dyn SeatGuard>,
    /// Now, and after so many calls.
    mood: Mutex<(GuardMood, Option<(u64, GuardMood)>)>,
    calls: AtomicU64,
}

impl FlakyGuard {
    /// Wraps a guard; faithful until told otherwise.
    #[must_use]
    pub fn new(inner: Arc<dyn SeatGuard>) -> Self {
        Self { inner, mood: Mutex::default(), calls: AtomicU64::new(0) }
    }

    /// Behaves like this from now on.
    pub fn set(&self, mood: GuardMood) {
        *self.mood.lock() = (mood, None);
    }

    /// Behaves like this for the next `calls` calls, then faithfully.
    pub fn set_for(&self, mood: GuardMood, calls: u64) {
        *self.mood.lock() = (mood, Some((calls, GuardMood::Faithful)));
    }

    /// Is faithful for the next `calls` calls, then behaves like this.
    pub fn set_after(&self, calls: u64, mood: GuardMood) {
        *self.mood.lock() = (GuardMood::Faithful, Some((calls, mood)));
    }

    /// Calls so far, of any kind and in any mood.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn mood(&self) -> GuardMood {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut mood = self.mood.lock();
        match &mut mood.1 {
            None => {}
            Some((0, next)) => *mood = (*next, None),
            Some((left, _)) => *left -= 1,
        }
        mood.0
    }

    /// One call in the mood of the moment; `yes` is the lie.
    async fn call<T>(
        &self,
        real: impl Future<Output = Result<T, GuardUnavailable>> + Send,
        yes: impl FnOnce() -> T + Send,
    ) -> Result<T, GuardUnavailable> {
        match self.mood() {
            GuardMood::Faithful => real.await,
            GuardMood::Unavailable => Err(GuardUnavailable("instructed to be down".to_owned())),
            GuardMood::AnswersLost => {
                real.await?;
                Err(GuardUnavailable("told to lose its answer".to_owned()))
            }
            GuardMood::SaysYes => Ok(yes()),
        }
    }
}

impl fmt::Debug for FlakyGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlakyGuard").field("mood", &*self.mood.lock()).field("calls", &self.calls).finish_non_exhaustive()
    }
}

#[async_trait]
impl SeatGuard for FlakyGuard {
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
        let lie = || LockAny::Locked((0..n.min(candidates.len())).collect());
        self.call(self.inner.lock_any(show, candidates, n, owner, lease), lie).await
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
        (self.mood.lock().0 == GuardMood::Unavailable).then(|| "instructed to be down".to_owned())
    }
}

fn absent<T>() -> Result<T, GuardUnavailable> {
    Err(GuardUnavailable("there is none".to_owned()))
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
