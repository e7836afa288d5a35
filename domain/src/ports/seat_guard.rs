//! The port of the seat guard: expiring locks on seats that keep losing requests away from the log.
//!
//! It is a filter, not an authority: it may be flushed, fail over or answer wrongly, and still no seat is
//! sold twice. "Unavailable" is neither "free" nor "taken".

use crate::ids::{BookingId, SeatId, ShowId};
use async_trait::async_trait;
use std::time::Duration;

/// The guard can't be reached. The caller goes on without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the seat guard is unavailable: {0}")]
pub struct GuardUnavailable(pub String);

/// Answer to [`SeatGuard::lock`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    /// The owner has all seats.
    Locked {
        /// Seats locked by this call.
        fresh: usize,
        /// Seats the owner had before; their lease was not shortened.
        already: usize,
    },
    /// Another owner has at least one seat; nothing was written.
    Taken {
        /// Index of the first such seat in the request.
        index: usize,
        /// Remaining time of its lease.
        lease_left: Duration,
        /// Whether it is marked as sold.
        sold: bool,
    },
}

/// Answer to [`SeatGuard::lock_any`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockAny {
    /// As many as requested: indexes into the candidates, ascending.
    Locked(Vec<usize>),
    /// Fewer candidates are free than requested; nothing was written.
    NotEnough {
        /// How many are free.
        free: usize,
    },
}

/// Answer to [`SeatGuard::extend`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extend {
    /// The owner has all seats for the new lease, or for longer.
    Extended,
    /// The owner doesn't have this seat; nothing was extended.
    Lost {
        /// Its index in the request.
        index: usize,
    },
}

/// Expiring locks on seats. All seats of one call belong to one show. Owners are bookings.
#[async_trait]
pub trait SeatGuard: Send + Sync + 'static {
    /// Locks all of `seats`, or none.
    ///
    /// # Errors
    /// [`GuardUnavailable`].
    async fn lock(&self, show: &ShowId, seats: &[SeatId], owner: BookingId, lease: Duration) -> Result<Lock, GuardUnavailable>;

    /// Locks the first `n` free ones of `candidates`, or none.
    ///
    /// # Errors
    /// [`GuardUnavailable`].
    async fn lock_any(
        &self,
        show: &ShowId,
        candidates: &[SeatId],
        n: usize,
        owner: BookingId,
        lease: Duration,
    ) -> Result<LockAny, GuardUnavailable>;

    /// Extends the owner's locks; never shortens one.
    ///
    /// # Errors
    /// [`GuardUnavailable`].
    async fn extend(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        lease: Duration,
    ) -> Result<Extend, GuardUnavailable>;

    /// Releases those of `seats` that the owner has, except sold ones; returns how many.
    ///
    /// # Errors
    /// [`GuardUnavailable`].
    async fn release(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable>;

    /// Marks those of `seats` as sold that are free or belong to the owner, for `keep`; returns how many.
    /// A sold seat is refused without reading the log.
    ///
    /// # Errors
    /// [`GuardUnavailable`].
    async fn mark_sold(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        keep: Duration,
    ) -> Result<usize, GuardUnavailable>;

    /// Frees those of `seats` that were sold to the owner; returns how many.
    ///
    /// # Errors
    /// [`GuardUnavailable`].
    async fn unmark_sold(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable>;

    /// Whether other nodes use it as well. A node knows by itself what it has sold; a guard of its own need not keep that.
    fn is_shared(&self) -> bool {
        true
    }

    /// Why the guard is unavailable, as far as the adapter knows without a call. For operators, who need
    /// to know it while nobody buys. `None` doesn't promise that the next call succeeds.
    fn trouble(&self) -> Option<String> {
        None
    }
}
