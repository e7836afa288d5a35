//! One budget for what all connections keep in memory: answers that clients don't read, and requests
//! that arrive slowly.
//!
//! A connection is charged while it waits for its client, so a request that is read and answered at
//! once costs nothing here. When the budget is full, the connection that keeps most is closed, whatever
//! it does, so that nobody can use up the budget at the cost of others. Where the bodies that answers
//! share are what is too much, it is a reader of such a body: another connection would free nothing.
//!
//! Not counted: the 8 to 16 kB that a connection needs while a request is on its way, the buffers of the
//! system, and what the commands themselves need, which is limited by admission.

use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;
use tokio::sync::Notify;

/// Most bytes that a command keeps of its body.
const LARGEST_BODY: usize = crate::body::PLAN;

pub struct Budget {
    max: usize,
    /// Sum of the charges.
    used: AtomicUsize,
    /// Bytes that answers share and that nothing but answers keeps.
    shared: Arc<AtomicUsize>,
    charged: Mutex<HashMap<u64, Arc<Ledger>>>,
    start: Instant,
    next: AtomicU64,
    closed: AtomicU64,
}

/// What one connection keeps. Changed by its own task only, read by others.
pub struct Ledger {
    id: u64,
    budget: Arc<Budget>,
    /// Bytes of a request that has not begun: half of its headers.
    head: AtomicUsize,
    /// Bytes of the body of the current request.
    body: AtomicUsize,
    /// Bytes of answers that the system has not taken.
    unsent: AtomicUsize,
    /// Bytes of an answer that follow those.
    waiting: AtomicUsize,
    /// Whether the body of the current request is dropped as it arrives.
    is_dropped: AtomicBool,
    /// Bytes of the body that the answer shares with others. Not charged to the connection.
    shared: AtomicUsize,
    /// Whether anything is charged. Most connections never are.
    is_charged: AtomicBool,
    /// When that began, in microseconds of the budget's time.
    since: AtomicU64,
    charge: Mutex<Charge>,
    close: Notify,
}

/// A connection's ledger, which ends with the connection.
pub(super) struct OpenLedger(pub(super) Arc<Ledger>);

/// Sum of the four parts when it was last counted.
#[derive(Default)]
struct Charge {
    bytes: usize,
    /// The connection is being closed and is charged no more.
    is_closed: bool,
}

impl Budget {
    /// Closes connections while they keep more than `max` bytes. `shared` are bytes that many answers
    /// have in common.
    #[must_use]
    pub fn new(max: usize, shared: Arc<AtomicUsize>) -> Arc<Self> {
        let (used, next, closed) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { max, used, shared, charged: Mutex::default(), start: Instant::now(), next, closed })
    }

    /// Bytes that are kept for slow clients.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Relaxed) + self.shared.load(Relaxed)
    }

    /// Connections that were closed because the budget was full.
    #[must_use]
    pub fn closed(&self) -> u64 {
        self.closed.load(Relaxed)
    }

    /// The ledger of a new connection.
    pub(super) fn open(self: &Arc<Self>) -> Arc<Ledger> {
        Arc::new(Ledger {
            id: self.next.fetch_add(1, Relaxed),
            budget: Arc::clone(self),
            head: AtomicUsize::new(0),
            body: AtomicUsize::new(0),
            unsent: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            is_dropped: AtomicBool::new(false),
            shared: AtomicUsize::new(0),
            is_charged: AtomicBool::new(false),
            since: AtomicU64::new(0),
            charge: Mutex::default(),
            close: Notify::new(),
        })
    }

    /// Closes connections until the budget is kept.
    fn relieve(&self) {
        let mut one_closed = false;
        loop {
            let used = self.used.load(Relaxed);
            // What is shared is freed only when its last reader has gone: one at a time.
            if used <= self.max && (one_closed || self.used() <= self.max) {
                return;
            }
            let mut charged = self.charged.lock();
            let next = if used > self.max {
                charged.values().min_by_key(|ledger| (Reverse(ledger.charge.lock().bytes), ledger.age())).cloned()
            } else {
                let readers = charged.values().filter(|ledger| ledger.shared.load(Relaxed) > 0);
                // Snapshots of one show have about the same size: the older one is superseded.
                readers.min_by_key(|ledger| (Reverse(ledger.shared.load(Relaxed).checked_ilog2()), ledger.age())).cloned()
            };
            let Some(next) = next else { return };
            charged.remove(&next.id);
            drop(charged);
            let mut charge = next.charge.lock();
            charge.is_closed = true;
            self.used.fetch_sub(std::mem::take(&mut charge.bytes), Relaxed);
            drop(charge);
            self.closed.fetch_add(1, Relaxed);
            next.close.notify_one();
            one_closed = true;
        }
    }
}

impl Ledger {
    /// Bytes of a request have arrived.
    pub(super) fn received(&self, bytes: usize) {
        self.head.fetch_add(bytes, Relaxed);
    }

    /// So many bytes of the next request are kept while this one is answered.
    pub(super) fn holds(self: &Arc<Self>, bytes: usize) {
        self.head.store(bytes, Relaxed);
        self.wait();
    }

    /// A request begins: its headers are complete.
    pub(super) fn begin(&self) {
        self.head.store(0, Relaxed);
        self.body.store(0, Relaxed);
        self.is_dropped.store(false, Relaxed);
        self.settle_down();
    }

    /// A part of the request's body was handed to the command, which keeps it unless it said otherwise.
    pub(super) fn handed_in(&self, bytes: usize) {
        self.head.store(0, Relaxed);
        if self.is_dropped.load(Relaxed) {
            return;
        }
        let body = self.body.load(Relaxed).saturating_add(bytes);
        self.body.store(body.min(LARGEST_BODY), Relaxed);
    }

    /// The command keeps nothing of the body, neither what it has nor what follows.
    pub(super) fn drop_body(&self) {
        self.is_dropped.store(true, Relaxed);
        self.body.store(0, Relaxed);
        self.settle_down();
    }

    /// The answer begins, so that the command has done with the body.
    pub(super) fn answer(&self) {
        self.body.store(0, Relaxed);
        self.settle_down();
    }

    /// A part of the answer is ready to be sent, and so many bytes follow it. `shared` is the size of the
    /// body that it shares with other answers, as long as it needs that.
    pub(super) fn handed_out(&self, bytes: usize, waiting: usize, shared: usize) {
        self.unsent.fetch_add(bytes, Relaxed);
        self.waiting.store(waiting, Relaxed);
        self.shared.store(shared, Relaxed);
    }

    /// The system has not taken so many bytes yet.
    pub(super) fn left(&self, bytes: usize) {
        self.unsent.store(bytes, Relaxed);
        self.settle_down();
    }

    /// Whether bytes of an answer are on their way to the system.
    pub(super) fn is_answering(&self) -> bool {
        self.unsent.load(Relaxed) > 0
    }

    /// Charges what is kept, because the connection waits for its client now, and closes connections if
    /// that is too much.
    pub(super) fn wait(self: &Arc<Self>) {
        let (before, kept) = self.settle();
        if before == 0 && kept > 0 {
            self.since.store(u64::try_from(self.budget.start.elapsed().as_micros()).unwrap_or(u64::MAX), Relaxed);
            self.budget.charged.lock().insert(self.id, Arc::clone(self));
        }
        if kept > before && self.budget.used() > self.budget.max {
            self.budget.relieve();
        }
    }

    /// Charges less, if the connection was charged before.
    fn settle_down(&self) {
        if self.is_charged.load(Relaxed) {
            self.settle();
        }
    }

    /// The charge before and after.
    fn settle(&self) -> (usize, usize) {
        let kept = [&self.head, &self.body, &self.unsent, &self.waiting].map(|part| part.load(Relaxed)).iter().sum::<usize>();
        let mut charge = self.charge.lock();
        if charge.is_closed {
            return (0, 0);
        }
        let before = std::mem::replace(&mut charge.bytes, kept);
        let used = &self.budget.used;
        if kept > before {
            used.fetch_add(kept - before, Relaxed)
        } else {
            used.fetch_sub(before - kept, Relaxed)
        };
        drop(charge);
        self.is_charged.store(kept > 0, Relaxed);
        if kept == 0 && before > 0 {
            self.budget.charged.lock().remove(&self.id);
        }
        (before, kept)
    }

    /// Completes when the connection has to be closed.
    pub(super) async fn closed(&self) {
        self.close.notified().await;
    }

    /// The connection has ended.
    fn end(&self) {
        for part in [&self.head, &self.body, &self.unsent, &self.waiting] {
            part.store(0, Relaxed);
        }
        self.settle_down();
    }

    /// The lowest has waited longest.
    fn age(&self) -> (u64, u64) {
        (self.since.load(Relaxed), self.id)
    }
}

impl Deref for OpenLedger {
    type Target = Arc<Ledger>;

    fn deref(&self) -> &Arc<Ledger> {
        &self.0
    }
}

impl Drop for OpenLedger {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests;
