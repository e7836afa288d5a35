//! Who may append, and when: no more appends are in flight than the store answers in time.
//!
//! An append waits for a permit, in the order in which they come. New work waits before that ([`AppendPermits::wait_for`]), and goes
//! on only while there are permits to be had: what was begun, such as a payment, never waits for what may still be refused.

use crate::append_limit::AppendLimit;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// How long new work waits.
const PATIENCE: Duration = Duration::from_secs(3);
/// When it should come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Time in which new work has surely made its first appends. What is expected for longer is forgotten: it was refused, or hung up.
const WINDOW: Duration = Duration::from_millis(20);

pub(crate) struct AppendPermits {
    /// Those not taken.
    permits: Semaphore,
    limit: Mutex<Limit>,
    waiting: AtomicUsize,
    /// Appends of new work that was let in lately and has not made them yet. They are as good as taken.
    expected: AtomicUsize,
    /// A permit was given back.
    returned: Notify,
    /// New work waits for this, first come, first served. Since when appends are expected.
    queue: tokio::sync::Mutex<Instant>,
}

struct Limit {
    rule: AppendLimit,
    /// Permits that exist.
    permits: usize,
    /// Permits too many, which end when they are given back.
    surplus: usize,
}

/// The right to have one append in flight, until it is dropped.
pub(crate) struct AppendPermit<'a> {
    all: &'a AppendPermits,
    permit: Option<SemaphorePermit<'a>>,
}

impl AppendPermits {
    pub(crate) fn new() -> Self {
        let rule = AppendLimit::new();
        let permits = rule.get();
        Self {
            permits: Semaphore::new(permits),
            limit: Mutex::new(Limit { rule, permits, surplus: 0 }),
            waiting: AtomicUsize::new(0),
            expected: AtomicUsize::new(0),
            returned: Notify::new(),
            queue: tokio::sync::Mutex::new(Instant::now()),
        }
    }

    /// Waits for a permit.
    pub(crate) async fn take(&self) -> AppendPermit<'_> {
        let _waiting = Waiting::count(&self.waiting);
        // Never closed.
        let permit = self.permits.acquire().await.ok();
        self.made_one();
        AppendPermit { all: self, permit }
    }

    /// Waits until new work with so many appends can begin. What has more of them than there are permits can, once none is taken.
    ///
    /// # Errors
    /// It could not in time: when to ask again.
    pub(crate) async fn wait_for(&self, appends: usize) -> Result<(), Duration> {
        let in_queue = async {
            let mut since = self.queue.lock().await;
            loop {
                let returned = self.returned.notified();
                let now = Instant::now();
                if now.saturating_duration_since(*since) >= WINDOW {
                    *since = now;
                    self.expected.store(0, Ordering::Relaxed);
                }
                // Permits are left only if no append waits for one. Read after `expected`: an append that is made in between
                // counts twice, which lets in less.
                let expected = self.expected.load(Ordering::Acquire);
                let needed = appends.min(self.in_flight().0);
                if expected + needed <= self.permits.available_permits() {
                    self.expected.fetch_add(needed, Ordering::Relaxed);
                    return;
                }
                tokio::select! {
                    () = returned => {}
                    () = tokio::time::sleep_until(*since + WINDOW) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, in_queue).await.map_err(|_| RETRY_AFTER)
    }

    /// Most appends in flight, and how many are.
    pub(crate) fn in_flight(&self) -> (usize, usize) {
        let limit = self.limit.lock();
        (limit.permits, self.taken(&limit))
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// One of the appends that are expected has its permit, if any is expected.
    fn made_one(&self) {
        // Released after the permit was taken: who reads the lower number finds one permit less.
        let _none = self.expected.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |expected| expected.checked_sub(1));
    }

    fn taken(&self, limit: &Limit) -> usize {
        (limit.permits + limit.surplus).saturating_sub(self.permits.available_permits())
    }

    /// An append sent at `sent` was answered.
    pub(crate) fn answered(&self, sent: Instant) {
        let mut limit = self.limit.lock();
        let in_flight = self.taken(&limit);
        limit.rule.answered(sent, Instant::now(), in_flight);
        self.adjust(&mut limit);
    }

    /// An append sent at `sent` was not answered.
    pub(crate) fn unanswered(&self, sent: Instant) {
        let mut limit = self.limit.lock();
        limit.rule.too_slow(sent, Instant::now());
        self.adjust(&mut limit);
    }

    fn adjust(&self, limit: &mut Limit) {
        let target = limit.rule.get();
        if target > limit.permits {
            let more = target - limit.permits;
            let kept = more.min(limit.surplus);
            limit.surplus -= kept;
            self.permits.add_permits(more - kept);
        } else {
            let fewer = limit.permits - target;
            limit.surplus += fewer - self.permits.forget_permits(fewer);
        }
        limit.permits = target;
    }
}

impl Drop for AppendPermit<'_> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut limit = self.all.limit.lock();
        if limit.surplus > 0 {
            limit.surplus -= 1;
            permit.forget();
        } else {
            drop(permit);
        }
        drop(limit);
        self.all.returned.notify_one();
    }
}

/// Counts a waiting append until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn count(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
