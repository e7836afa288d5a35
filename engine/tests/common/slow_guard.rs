//! A guard that takes a minute to lock one of the seats.

use async_trait::async_trait;
use lastseat_domain::ports::SeatGuard;
use lastseat_domain::ports::seat_guard::{Extend, GuardUnavailable, Lock, LockAny};
use lastseat_domain::{BookingId, SeatId, ShowId};
use std::sync::Arc;
use std::time::Duration;

pub struct SlowGuard {
    pub inner: Arc<dyn SeatGuard>,
    /// The seat that takes so long.
    pub slow: SeatId,
}

#[async_trait]
impl SeatGuard for SlowGuard {
    async fn lock(&self, show: &ShowId, seats: &[SeatId], booking: BookingId, lease: Duration) -> Result<Lock, GuardUnavailable> {
        if seats.contains(&self.slow) {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        self.inner.lock(show, seats, booking, lease).await
    }

    async fn lock_any(
        &self,
        show: &ShowId,
        candidates: &[SeatId],
        n: usize,
        booking: BookingId,
        lease: Duration,
    ) -> Result<LockAny, GuardUnavailable> {
        self.inner.lock_any(show, candidates, n, booking, lease).await
    }

    async fn extend(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        booking: BookingId,
        lease: Duration,
    ) -> Result<Extend, GuardUnavailable> {
        self.inner.extend(show, seats, booking, lease).await
    }

    async fn release(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) -> Result<usize, GuardUnavailable> {
        self.inner.release(show, seats, booking).await
    }

    async fn mark_sold(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        booking: BookingId,
        ttl: Duration,
    ) -> Result<usize, GuardUnavailable> {
        self.inner.mark_sold(show, seats, booking, ttl).await
    }

    async fn unmark_sold(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) -> Result<usize, GuardUnavailable> {
        self.inner.unmark_sold(show, seats, booking).await
    }
}
