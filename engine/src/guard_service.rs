//! The seat guard as the engine uses it: remembers when it failed, and what it still has to release.
//!
//! The guard is a filter in front of the log. When it does not answer, the sale goes on without it.

use lastseat_domain::ports::seat_guard::{Extend, GuardUnavailable, Lock, LockAny};
use lastseat_domain::ports::{Clock, SeatGuard};
use lastseat_domain::{BookingId, SeatId, ShowId};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// How much longer a lease is than the hold it is for, so that the guard never frees a seat before
/// the log does.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_secs(45);
/// Most releases that are kept for a guard that does not answer. Leases end by themselves, and a
/// mark of a sale is checked against the seat table, so losing some costs time and no seat.
const MAX_PENDING_RELEASES: usize = 10_000;
/// How long after its last failure the guard counts as missing.
const DISTRUST_MS: i64 = 2_000;
/// How long a sold seat stays marked in the guard: longer than any rush. The log knows it for good.
const SOLD_MARK: Duration = Duration::from_secs(24 * 3600);

/// Seats that a booking has no claim on any more.
struct Release {
    show: ShowId,
    seats: Vec<SeatId>,
    booking: BookingId,
}

pub(crate) struct GuardService {
    guard: Arc<dyn SeatGuard>,
    clock: Arc<dyn Clock>,
    /// Milliseconds since the epoch when the guard last failed to answer; 0 if it never did.
    failed_at: AtomicI64,
    failures: AtomicU64,
    pending_releases: Mutex<Vec<Release>>,
}

impl GuardService {
    pub(crate) fn new(guard: Arc<dyn SeatGuard>, clock: Arc<dyn Clock>) -> Self {
        Self { guard, clock, failed_at: AtomicI64::new(0), failures: AtomicU64::new(0), pending_releases: Mutex::default() }
    }

    /// Locks `seats`, all or none.
    ///
    /// # Errors
    /// The guard does not answer, which is neither "free" nor "taken".
    pub(crate) async fn lock(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        booking: BookingId,
        lease: Duration,
    ) -> Result<Lock, GuardUnavailable> {
        self.count_failure(self.guard.lock(show, seats, booking, lease).await)
    }

    /// Locks `n` of `candidates`, or none.
    ///
    /// # Errors
    /// As [`Self::lock`].
    pub(crate) async fn lock_any(
        &self,
        show: &ShowId,
        candidates: &[SeatId],
        n: usize,
        booking: BookingId,
        lease: Duration,
    ) -> Result<LockAny, GuardUnavailable> {
        self.count_failure(self.guard.lock_any(show, candidates, n, booking, lease).await)
    }

    /// Makes the leases of an extended hold last as long as the hold.
    pub(crate) async fn extend(&self, show: &ShowId, seats: &[SeatId], booking: BookingId, lease: Duration) {
        let extended: Result<Extend, _> = self.guard.extend(show, seats, booking, lease).await;
        let _extended_or_counted = self.count_failure(extended);
    }

    /// Has a guard that other nodes ask, too, refuse sold seats. This node's seat table refuses them already: a guard of
    /// its own would only keep an entry for every seat that is sold.
    pub(crate) async fn mark_sold(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) {
        if !self.guard.is_shared() {
            return self.unlock(show, seats, booking).await;
        }
        let _marked_or_counted = self.count_failure(self.guard.mark_sold(show, seats, booking, SOLD_MARK).await);
    }

    /// Releases the seats of a booking that is over; later, if the guard does not answer now.
    pub(crate) async fn free(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) {
        let unmarked = self.guard.unmark_sold(show, seats, booking).await;
        let released = self.guard.release(show, seats, booking).await;
        if unmarked.is_err() || released.is_err() {
            self.release_later(show, seats, booking);
        }
    }

    /// Releases seats that a hold did not get in the log; later, if the guard does not answer now.
    /// Until then nobody can have them.
    pub(crate) async fn unlock(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) {
        if self.guard.release(show, seats, booking).await.is_err() {
            self.release_later(show, seats, booking);
        }
    }

    /// Carries out the releases that the guard did not answer, until it fails again: a slow guard
    /// takes a time-out for each.
    pub(crate) async fn retry_pending_releases(&self) {
        let mut pending = std::mem::take(&mut *self.pending_releases.lock());
        while !self.is_distrusted()
            && let Some(Release { show, seats, booking }) = pending.pop()
        {
            self.free(&show, &seats, booking).await;
        }
        let mut since = self.pending_releases.lock();
        since.append(&mut pending);
        since.truncate(MAX_PENDING_RELEASES);
    }

    /// Why the guard can't be used now, if so: what it reports itself, or what a call has shown.
    pub(crate) fn trouble(&self) -> Option<String> {
        let found = || self.is_distrusted().then(|| "it did not answer a moment ago".to_owned());
        self.guard.trouble().or_else(found)
    }

    /// Whether the guard failed a moment ago.
    pub(crate) fn is_distrusted(&self) -> bool {
        let failed_at = self.failed_at.load(Ordering::Relaxed);
        // A failure in the future was before the clock was set back: nobody knows how long before.
        failed_at > 0 && (0..DISTRUST_MS).contains(&(self.clock.now().timestamp_millis() - failed_at))
    }

    /// Times that the guard did not answer when it was needed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn release_later(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) {
        self.saw_failure();
        let mut pending = self.pending_releases.lock();
        if pending.len() < MAX_PENDING_RELEASES {
            pending.push(Release { show: show.clone(), seats: seats.to_vec(), booking });
        }
    }

    fn count_failure<T>(&self, answer: Result<T, GuardUnavailable>) -> Result<T, GuardUnavailable> {
        answer.inspect_err(|_| self.saw_failure())
    }

    fn saw_failure(&self) {
        self.failed_at.store(self.clock.now().timestamp_millis(), Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use lastseat_in_process::{InProcessGuard, SystemClock};
    use lastseat_testkit::FaultyGuard;
    use uuid::Uuid;

    const LEASE: Duration = Duration::from_secs(600);

    /// What a stranger gets after a sale.
    async fn after_sale(guard: Arc<dyn SeatGuard>) -> Lock {
        let (service, show) = (GuardService::new(guard, Arc::new(SystemClock)), ShowId::new("gala").unwrap());
        let (seats, [buyer, stranger]) = ([SeatId::new("A-1").unwrap()], [1, 2].map(|n| BookingId(Uuid::from_u128(n))));
        assert!(matches!(service.lock(&show, &seats, buyer, LEASE).await, Ok(Lock::Locked { .. })));
        service.mark_sold(&show, &seats, buyer).await;
        service.lock(&show, &seats, stranger, LEASE).await.unwrap()
    }

    #[tokio::test]
    async fn a_guard_of_this_node_keeps_nothing_of_a_sale_and_a_shared_one_its_mark() {
        let own = Arc::new(InProcessGuard::new(Arc::new(SystemClock)));
        assert!(matches!(after_sale(Arc::clone(&own) as _).await, Lock::Locked { .. }));
        assert_eq!(own.entries(), 1, "that of the stranger");
        let shared = FaultyGuard::new(Arc::new(InProcessGuard::new(Arc::new(SystemClock))));
        assert!(matches!(after_sale(Arc::new(shared)).await, Lock::Taken { sold: true, .. }));
    }
}
