//! The guard of a single node: leases in memory, nothing to install.
//!
//! One mutex a show, held for the few lookups of one call and never across a wait: a call is
//! atomic over all its seats, and shows do not get in each other's way. What has run out is
//! dropped when it is met, and by a sweep whose cost is spread over the locks that made it
//! necessary, so memory follows the live locks, not the history.

mod table;

use async_trait::async_trait;
use lastseat_domain::ports::seat_guard::{Extend, GuardUnavailable, Lock, LockAny};
use lastseat_domain::ports::{Clock, SeatGuard};
use lastseat_domain::{BookingId, SeatId, ShowId};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use table::Table;

/// No sweep of the shows before this many were added; with more, when half of them are new.
const MIN_SHOWS_BETWEEN_SWEEPS: usize = 64;

/// A seat guard in the memory of this process.
///
/// Never unavailable. Gone with the process, which is safe: the log is the authority, and the
/// first booking after a restart is decided there.
pub struct InProcessGuard {
    clock: Arc<dyn Clock>,
    shows: RwLock<Shows>,
}

#[derive(Default)]
struct Shows {
    tables: HashMap<ShowId, Mutex<Table>>,
    /// Tables added since the last sweep.
    added: usize,
}

impl InProcessGuard {
    /// An empty guard.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, shows: RwLock::default() }
    }

    /// Drops whatever has run out, and the tables of shows where nothing is left. The guard does
    /// so by itself as it grows; call this to give memory back after a sale.
    pub fn sweep(&self) {
        let now = self.now_ms();
        // First one show at a time, beside the traffic; the lock on all of them is only held to
        // drop what is empty by then.
        for table in self.shows.read().tables.values() {
            table.lock().sweep(now);
        }
        let mut shows = self.shows.write();
        shows.tables.retain(|_, table| !table.get_mut().is_empty());
        shows.added = 0;
    }

    /// Entries in memory: live ones, and those that ran out and were not swept yet.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.shows.read().tables.values().map(|table| table.lock().len()).sum()
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    /// Runs `act` on the show's table, made if there is none.
    fn on<R>(&self, show: &ShowId, act: impl FnOnce(&mut Table) -> R) -> R {
        {
            let shows = self.shows.read();
            if let Some(table) = shows.tables.get(show) {
                return act(&mut table.lock());
            }
        }
        let (answer, due) = {
            let mut shows = self.shows.write();
            let answer = act(shows.tables.entry(show.clone()).or_default().get_mut());
            shows.added += 1;
            (answer, shows.added >= MIN_SHOWS_BETWEEN_SWEEPS.max(shows.tables.len() / 2))
        };
        if due {
            self.sweep();
        }
        answer
    }

    /// Runs `act` on the show's table if there is one.
    fn on_known<R>(&self, show: &ShowId, act: impl FnOnce(&mut Table) -> R) -> Option<R> {
        self.shows.read().tables.get(show).map(|table| act(&mut table.lock()))
    }
}

impl fmt::Debug for InProcessGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcessGuard").field("shows", &self.shows.read().tables.len()).finish_non_exhaustive()
    }
}

/// When a lease that starts now ends. At least a millisecond from now, so that a lease of nothing
/// does not mean no expiry in one guard and no lock in another.
fn until(now: i64, lease: Duration) -> i64 {
    now.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX).max(1))
}

#[async_trait]
impl SeatGuard for InProcessGuard {
    async fn lock(&self, show: &ShowId, seats: &[SeatId], owner: BookingId, lease: Duration) -> Result<Lock, GuardUnavailable> {
        let now = self.now_ms();
        Ok(self.on(show, |table| table.lock(seats, owner, now, until(now, lease))))
    }

    async fn lock_any(
        &self,
        show: &ShowId,
        candidates: &[SeatId],
        n: usize,
        owner: BookingId,
        lease: Duration,
    ) -> Result<LockAny, GuardUnavailable> {
        let now = self.now_ms();
        Ok(self.on(show, |table| table.lock_any(candidates, n, owner, now, until(now, lease))))
    }

    async fn extend(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        lease: Duration,
    ) -> Result<Extend, GuardUnavailable> {
        let now = self.now_ms();
        let answer = self.on_known(show, |table| table.extend(seats, owner, now, until(now, lease)));
        Ok(answer.unwrap_or(if seats.is_empty() { Extend::Extended } else { Extend::Lost { index: 0 } }))
    }

    async fn release(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        let now = self.now_ms();
        Ok(self.on_known(show, |table| table.remove(seats, owner, false, now)).unwrap_or(0))
    }

    async fn mark_sold(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        keep: Duration,
    ) -> Result<usize, GuardUnavailable> {
        let now = self.now_ms();
        Ok(self.on(show, |table| table.mark_sold(seats, owner, now, until(now, keep))))
    }

    async fn unmark_sold(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        let now = self.now_ms();
        Ok(self.on_known(show, |table| table.remove(seats, owner, true, now)).unwrap_or(0))
    }

    fn is_shared(&self) -> bool {
        false
    }
}
