//! The seat guard as the engine uses it: notices when it fails, and remembers what it still has to
//! release.

use lastseat_domain::ports::{Clock, SeatGuard};
use lastseat_domain::{BookingId, SeatId, ShowId};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// How much longer than its hold a lease lasts, so that the guard never releases a seat before the
/// log does.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// Most releases that are kept for a guard that does not answer. Leases end by themselves, and a mark
/// of a sale is checked against the seat table, so losing some costs time and no seat.
const MAX_PENDING_RELEASES: usize = 10_000;

/// How long after the guard last failed the engine works as if it had none.
const DISTRUST_MS: i64 = 2_000;

/// Seats that the guard should have released.
type PendingRelease = (ShowId, Vec<SeatId>, BookingId);

pub(crate) struct GuardService {
    guard: Arc<dyn SeatGuard>,
    clock: Arc<dyn Clock>,
    /// Milliseconds since the epoch when the guard last failed to answer; 0 if it never did.
    failed_at: AtomicI64,
    failures: AtomicU64,
    pending_releases: Mutex<Vec<PendingRelease>>,
}

impl GuardService {
    pub(crate) fn new(guard: Arc<dyn SeatGuard>, clock: Arc<dyn Clock>) -> Self {
        Self { guard, clock, failed_at: AtomicI64::new(0), failures: AtomicU64::new(0), pending_releases: Mutex::default() }
    }

    /// The guard itself. A caller that gets no answer says so with [`Self::record_failure`].
    pub(crate) fn port(&self) -> &dyn SeatGuard {
        &*self.guard
    }

    pub(crate) fn record_failure(&self) {
        self.failed_at.store(self.clock.now().timestamp_millis(), Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Times that the guard did not answer when it was needed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Why the guard is of no use now, if so: what it knows itself, or what calls to it found out.
    pub(crate) fn trouble(&self) -> Option<String> {
        let found_out = || self.has_just_failed().then(|| "it was asked a moment ago".to_owned());
        self.guard.trouble().or_else(found_out)
    }

    pub(crate) fn has_just_failed(&self) -> bool {
        let failed_at = self.failed_at.load(Ordering::Relaxed);
        // A failure in the future was before the clock was set back: nobody knows how long before.
        failed_at > 0 && (0..DISTRUST_MS).contains(&(self.clock.now().timestamp_millis() - failed_at))
    }

    /// Releases the seats of a booking that is over, sold ones included; later, if the guard does not
    /// answer now.
    pub(crate) async fn release_ended(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) {
        let unmarked = self.guard.unmark_sold(show, seats, booking).await;
        let released = self.guard.release(show, seats, booking).await;
        if unmarked.is_err() || released.is_err() {
            self.queue_release(show, seats, booking);
        }
    }

    /// Unlocks seats that a hold did not get in the log; later, if the guard does not answer now: until
    /// then it would keep them from everybody.
    pub(crate) async fn unlock(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) {
        if self.guard.release(show, seats, booking).await.is_err() {
            self.queue_release(show, seats, booking);
        }
    }

    fn queue_release(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) {
        self.record_failure();
        let mut pending = self.pending_releases.lock();
        if pending.len() < MAX_PENDING_RELEASES {
            pending.push((show.clone(), seats.to_vec(), booking));
        }
    }

    /// Tries pending releases again until the guard fails again: a slow one, asked for all of them,
    /// would take hours.
    pub(crate) async fn retry_pending_releases(&self) {
        let mut pending = std::mem::take(&mut *self.pending_releases.lock());
        while !self.has_just_failed()
            && let Some((show, seats, booking)) = pending.pop()
        {
            self.release_ended(&show, &seats, booking).await;
        }
        let mut queued_meanwhile = self.pending_releases.lock();
        queued_meanwhile.append(&mut pending);
        queued_meanwhile.truncate(MAX_PENDING_RELEASES);
    }
}
