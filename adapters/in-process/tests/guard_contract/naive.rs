//! The seat guard, as plainly as it can be written: a list that is searched from end to end. The
//! model that the real one is compared with, and, with a fault, the failing twin of the suite.

use async_trait::async_trait;
use lastseat_domain::ports::seat_guard::{Extend, GuardUnavailable, Lock, LockAny};
use lastseat_domain::ports::{Clock, SeatGuard};
use lastseat_domain::{BookingId, SeatId, ShowId};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// One rule broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    ReleasesOthers,
    ReleasesSold,
    ForgetsTheShow,
    NeverExpires,
    KeepsWhatItWonBeforeItLost,
    RefusesTheOwner,
    ShortensOnRepeat,
    ExtendsOthers,
    ExtendsTheFirstOnes,
    SellsOverALock,
    UnmarksOthers,
    LocksWhatIsSoldToTheOwner,
    GivesFewerThanAskedFor,
    CountsACandidateTwice,
    LooksBeforeItLeaps,
}

#[derive(Debug, Clone)]
struct Row {
    show: ShowId,
    seat: SeatId,
    owner: BookingId,
    until: i64,
    sold: bool,
}

pub struct NaiveGuard {
    clock: Arc<dyn Clock>,
    rows: Mutex<Vec<Row>>,
    fault: Option<Fault>,
}

impl NaiveGuard {
    pub fn new(clock: Arc<dyn Clock>, fault: Option<Fault>) -> Self {
        Self { clock, rows: Mutex::default(), fault }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn now(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    fn until(&self, lease: Duration) -> i64 {
        self.now() + i64::try_from(lease.as_millis()).unwrap().max(1)
    }

    fn find<'a>(&self, rows: &'a mut Vec<Row>, show: &ShowId, seat: &SeatId) -> Option<&'a mut Row> {
        let now = self.now();
        if !self.has(Fault::NeverExpires) {
            rows.retain(|row| row.until > now);
        }
        rows.iter_mut().find(|row| (self.has(Fault::ForgetsTheShow) || row.show == *show) && row.seat == *seat)
    }

    fn lease(&self, rows: &mut Vec<Row>, show: &ShowId, seat: &SeatId, owner: BookingId, until: i64) -> bool {
        let shortens = self.has(Fault::ShortensOnRepeat);
        if let Some(row) = self.find(rows, show, seat) {
            row.until = if shortens { until } else { row.until.max(until) };
            return false;
        }
        rows.push(Row { show: show.clone(), seat: seat.clone(), owner, until, sold: false });
        true
    }

    fn refusal(&self, rows: &mut Vec<Row>, show: &ShowId, index: usize, seat: &SeatId, owner: BookingId) -> Option<Lock> {
        let now = self.now();
        let row = self.find(rows, show, seat)?;
        let own = row.owner == owner && !self.has(Fault::RefusesTheOwner);
        if own && (!row.sold || self.has(Fault::LocksWhatIsSoldToTheOwner)) {
            return None;
        }
        let left = u64::try_from(row.until - now).unwrap_or(0);
        Some(Lock::Taken { index, lease_left: Duration::from_millis(left), sold: row.sold })
    }

    fn remove(&self, show: &ShowId, seats: &[SeatId], matches: impl Fn(&Row) -> bool) -> usize {
        let rows = &mut *self.rows.lock();
        let mut removed = 0;
        for seat in seats {
            if self.find(rows, show, seat).is_some_and(|row| matches(row)) {
                rows.retain(|row| !(row.show == *show && row.seat == *seat));
                removed += 1;
            }
        }
        removed
    }
}

#[async_trait]
impl SeatGuard for NaiveGuard {
    async fn lock(&self, show: &ShowId, seats: &[SeatId], owner: BookingId, lease: Duration) -> Result<Lock, GuardUnavailable> {
        let until = self.until(lease);
        for (index, seat) in seats.iter().enumerate() {
            let rows = &mut *self.rows.lock();
            if let Some(refusal) = self.refusal(rows, show, index, seat, owner) {
                return Ok(refusal);
            }
            if self.has(Fault::KeepsWhatItWonBeforeItLost) {
                self.lease(rows, show, seat, owner, until);
            }
        }
        if self.has(Fault::LooksBeforeItLeaps) {
            tokio::task::yield_now().await;
        }
        let rows = &mut *self.rows.lock();
        let fresh = seats.iter().filter(|seat| self.lease(rows, show, seat, owner, until)).count();
        if self.has(Fault::LooksBeforeItLeaps) {
            return Ok(Lock::Locked { fresh: seats.len(), already: 0 });
        }
        Ok(Lock::Locked { fresh, already: seats.len() - fresh })
    }

    async fn lock_any(
        &self,
        show: &ShowId,
        candidates: &[SeatId],
        n: usize,
        owner: BookingId,
        lease: Duration,
    ) -> Result<LockAny, GuardUnavailable> {
        let until = self.until(lease);
        let rows = &mut *self.rows.lock();
        let free: Vec<usize> = (0..candidates.len())
            .filter(|index| self.find(rows, show, &candidates[*index]).is_none())
            .filter(|index| self.has(Fault::CountsACandidateTwice) || !candidates[..*index].contains(&candidates[*index]))
            .take(n)
            .collect();
        if free.len() < n && !self.has(Fault::GivesFewerThanAskedFor) {
            return Ok(LockAny::NotEnough { free: free.len() });
        }
        for index in &free {
            self.lease(rows, show, &candidates[*index], owner, until);
        }
        Ok(LockAny::Locked(free))
    }

    async fn extend(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        lease: Duration,
    ) -> Result<Extend, GuardUnavailable> {
        let until = self.until(lease);
        let rows = &mut *self.rows.lock();
        let own = |row: &mut Row| (row.owner == owner || self.has(Fault::ExtendsOthers)) && !row.sold;
        for (index, seat) in seats.iter().enumerate() {
            if !self.find(rows, show, seat).is_some_and(own) {
                return Ok(Extend::Lost { index });
            }
            if self.has(Fault::ExtendsTheFirstOnes) {
                self.lease(rows, show, seat, owner, until);
            }
        }
        for seat in seats {
            self.lease(rows, show, seat, owner, until);
        }
        Ok(Extend::Extended)
    }

    async fn release(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        Ok(self.remove(show, seats, |row| {
            (row.owner == owner || self.has(Fault::ReleasesOthers)) && (!row.sold || self.has(Fault::ReleasesSold))
        }))
    }

    async fn mark_sold(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        keep: Duration,
    ) -> Result<usize, GuardUnavailable> {
        let until = self.until(keep);
        let rows = &mut *self.rows.lock();
        let mut marked = 0;
        for seat in seats {
            if self.find(rows, show, seat).is_some_and(|row| row.owner != owner) && !self.has(Fault::SellsOverALock) {
                continue;
            }
            self.lease(rows, show, seat, owner, until);
            let row = self.find(rows, show, seat).unwrap();
            (row.owner, row.sold) = (owner, true);
            marked += 1;
        }
        Ok(marked)
    }

    async fn unmark_sold(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        Ok(self.remove(show, seats, |row| (row.owner == owner || self.has(Fault::UnmarksOthers)) && row.sold))
    }
}
