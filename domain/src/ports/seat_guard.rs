//! The seat guard: an expiring lock on each seat that keeps losers away from the log.
//!
//! It is a filter, never an authority: it may be flushed, fail over or lie, and no seat is sold
//! twice for it. So "unavailable" is neither "free" nor "taken".

use crate::ids::{BookingId, SeatId, ShowId};
use async_trait::async_trait;
use std::time::Duration;

/// The guard can't be asked. Go on without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the seat guard is unavailable: {0}")]
pub struct GuardUnavailable(pub String);

/// Answer to [`SeatGuard::lock`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    /// All seats are the owner's.
    Locked {
        /// Seats locked by this call.
        fresh: usize,
        /// Seats the owner had before; their lease was not shortened.
        already: usize,
    },
    /// At least one seat is another's; nothing was written.
    Taken {
        /// Index of the first such seat in the request.
        index: usize,
        /// What is left of its lease.
        lease_left: Duration,
        /// Whether it is marked as sold.
        sold: bool,
    },
}

/// Answer to [`SeatGuard::lock_any`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockAny {
    /// Exactly as many as asked for, as indexes into the candidates, ascending.
    Locked(Vec<usize>),
    /// Fewer candidates than asked for are free; nothing was written.
    NotEnough {
        /// How many are.
        free: usize,
    },
}

/// Answer to [`SeatGuard::extend`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extend {
    /// The owner has all of them for the new lease, or for longer.
    Extended,
    /// The owner does not have this one; nothing was extended.
    Lost {
        /// Its index in the request.
        index: usize,
    },
}

/// Expiring locks on seats. All of one call belong to one show. Owners are bookings.
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

    /// Prolongs the owner's locks; never shortens one.
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

    /// Releases those of `seats` that are the owner's, sold ones excepted; says how many.
    ///
    /// # Errors
    /// [`GuardUnavailable`].
    async fn release(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable>;

    /// Marks those of `seats` as sold that are the owner's or nobody's, for `keep`; says how many.
    /// A sold seat is refused without asking the log.
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

    /// Frees those of `seats` that were sold to the owner; says how many.
    ///
    /// # Errors
    /// [`GuardUnavailable`].
    async fn unmark_sold(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable>;

    /// Why it can't be asked just now, as far as it knows without asking: for operators, who should
    /// hear of it when nobody buys, too. `None` promises nothing.
    fn trouble(&self) -> Option<String> {
        None
    }
}
