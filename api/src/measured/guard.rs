use crate::metrics::{Calls, Dependency};
use async_trait::async_trait;
use lastseat_domain::ports::SeatGuard;
use lastseat_domain::ports::seat_guard::{Extend, GuardUnavailable, Lock, LockAny};
use lastseat_domain::{BookingId, SeatId, ShowId};
use std::sync::Arc;
use std::time::Duration;

/// A seat guard whose calls are measured.
pub struct MeasuredGuard {
    guard: Arc<dyn SeatGuard>,
    calls: Calls,
}

impl MeasuredGuard {
    #[must_use]
    pub fn new(guard: Arc<dyn SeatGuard>, calls: Calls) -> Self {
        Self { guard, calls }
    }

    async fn measure<T>(
        &self,
        call: &'static str,
        answer: impl Future<Output = Result<T, GuardUnavailable>>,
    ) -> Result<T, GuardUnavailable> {
        self.calls.measure(Dependency::SeatGuard, call, answer).await
    }
}

#[async_trait]
impl SeatGuard for MeasuredGuard {
    async fn lock(&self, show: &ShowId, seats: &[SeatId], owner: BookingId, lease: Duration) -> Result<Lock, GuardUnavailable> {
        self.measure("lock", self.guard.lock(show, seats, owner, lease)).await
    }

    async fn lock_any(
        &self,
        show: &ShowId,
        candidates: &[SeatId],
        n: usize,
        owner: BookingId,
        lease: Duration,
    ) -> Result<LockAny, GuardUnavailable> {
        self.measure("lock_any", self.guard.lock_any(show, candidates, n, owner, lease)).await
    }

    async fn extend(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        lease: Duration,
    ) -> Result<Extend, GuardUnavailable> {
        self.measure("extend", self.guard.extend(show, seats, owner, lease)).await
    }

    async fn release(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        self.measure("release", self.guard.release(show, seats, owner)).await
    }

    async fn mark_sold(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        keep: Duration,
    ) -> Result<usize, GuardUnavailable> {
        self.measure("mark_sold", self.guard.mark_sold(show, seats, owner, keep)).await
    }

    async fn unmark_sold(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        self.measure("unmark_sold", self.guard.unmark_sold(show, seats, owner)).await
    }

    fn is_shared(&self) -> bool {
        self.guard.is_shared()
    }

    fn trouble(&self) -> Option<String> {
        self.guard.trouble()
    }
}
