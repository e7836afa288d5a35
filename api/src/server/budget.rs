//! One budget for what all connections keep in memory: answers that clients don't read, and requests
//! that arrive slowly.
//!
//! A connection is charged while it waits for its client, so a request that is read and answered at
//! once costs nothing here. When the budget is full, the connection that has kept its client's bytes
//! longest is closed: first a seat stream, whose reader resumes by itself, then another answer, then a
//! request that is not complete.
//!
//! Not counted: the 8 to 16 kB that each connection needs to read and write at all, the buffers of the
//! system, and what the commands themselves need, which is limited by admission.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;
use tokio::sync::Notify;

/// Most bytes that a command keeps of its body.
const LARGEST_BODY: usize = 1 << 20;

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
    is_stream: AtomicBool,
    /// Whether anything is charged. Most connections never are.
    is_charged: AtomicBool,
    /// When that began, in microseconds of the budget's time.
    since: AtomicU64,
    charge: Mutex<Charge>,
    close: Notify,
}

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
            is_stream: AtomicBool::new(false),
            is_charged: AtomicBool::new(false),
            since: AtomicU64::new(0),
            charge: Mutex::default(),
            close: Notify::new(),
        })
    }

    /// Closes the slowest connections until the budget is kept.
    fn relieve(&self) {
        let mut one_closed = false;
        loop {
            let used = self.used.load(Relaxed);
            // What is shared is freed only when its last reader has gone: one at a time.
            if used <= self.max && (one_closed || self.used() <= self.max) {
                return;
            }
            let mut charged = self.charged.lock();
            let slowest = charged.values().min_by_key(|ledger| (ledger.patience(), ledger.id)).cloned();
            let Some(slowest) = slowest else { return };
            charged.remove(&slowest.id);
            drop(charged);
            let mut charge = slowest.charge.lock();
            charge.is_closed = true;
            self.used.fetch_sub(std::mem::take(&mut charge.bytes), Relaxed);
            drop(charge);
            self.closed.fetch_add(1, Relaxed);
            slowest.close.notify_one();
            one_closed = true;
        }
    }
}

impl Ledger {
    /// Bytes of a request have arrived.
    pub(super) fn received(&self, bytes: usize) {
        self.head.fetch_add(bytes, Relaxed);
    }

    /// A request begins: its headers are complete.
    pub(super) fn begin(&self) {
        self.head.store(0, Relaxed);
        self.body.store(0, Relaxed);
        self.is_stream.store(false, Relaxed);
        self.settle_down();
    }

    /// A part of the request's body was handed to the command, which keeps it.
    pub(super) fn handed_in(&self, bytes: usize) {
        self.head.store(0, Relaxed);
        let body = self.body.load(Relaxed).saturating_add(bytes);
        self.body.store(body.min(LARGEST_BODY), Relaxed);
    }

    /// The answer begins, so that the command has done with the body.
    pub(super) fn answer(&self, is_stream: bool) {
        self.body.store(0, Relaxed);
        self.is_stream.store(is_stream, Relaxed);
        self.settle_down();
    }

    /// A part of the answer is ready to be sent, and so many bytes follow it.
    pub(super) fn handed_out(&self, bytes: usize, waiting: usize) {
        self.unsent.fetch_add(bytes, Relaxed);
        self.waiting.store(waiting, Relaxed);
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

    /// Charges what is kept, because the connection waits for its client now, and closes the slowest if
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
    pub(super) fn end(&self) {
        for part in [&self.head, &self.body, &self.unsent, &self.waiting] {
            part.store(0, Relaxed);
        }
        self.settle_down();
    }

    /// The lowest is closed first.
    fn patience(&self) -> (u8, u64) {
        let sends = self.unsent.load(Relaxed) > 0;
        let kind = match (sends, self.is_stream.load(Relaxed)) {
            (true, true) => 0,
            (true, false) => 1,
            (false, _) => 2,
        };
        (kind, self.since.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(max: usize) -> (Arc<Budget>, Arc<AtomicUsize>) {
        let shared = Arc::new(AtomicUsize::new(0));
        (Budget::new(max, Arc::clone(&shared)), shared)
    }

    fn slow_reader(budget: &Arc<Budget>, bytes: usize, is_stream: bool) -> Arc<Ledger> {
        let ledger = budget.open();
        ledger.begin();
        ledger.answer(is_stream);
        ledger.handed_out(bytes, 0);
        ledger.wait();
        ledger
    }

    fn is_closed(ledger: &Ledger) -> bool {
        ledger.charge.lock().is_closed
    }

    #[test]
    fn who_is_read_at_once_is_not_charged() {
        let (budget, _) = budget(100);
        let ledger = budget.open();
        for _ in 0..10 {
            ledger.received(90);
            ledger.begin();
            ledger.answer(false);
            ledger.handed_out(90, 0);
            ledger.left(0);
            ledger.wait();
        }
        assert_eq!((budget.used(), budget.closed()), (0, 0));
    }

    #[test]
    fn a_full_budget_closes_the_slowest_stream_first() {
        let (budget, _) = budget(100);
        let request = budget.open();
        request.received(20);
        request.wait();
        let answer = slow_reader(&budget, 30, false);
        let (first, second) = (slow_reader(&budget, 20, true), slow_reader(&budget, 20, true));
        assert_eq!(budget.used(), 90);
        let third = slow_reader(&budget, 25, true);
        assert_eq!([&first, &second, &third, &answer, &request].map(|l| is_closed(l)), [true, false, false, false, false]);
        assert_eq!((budget.used(), budget.closed()), (95, 1));
        // What has gone on is not the slowest any more.
        second.left(0);
        second.handed_out(20, 0);
        second.wait();
        slow_reader(&budget, 10, true);
        assert_eq!([&second, &third].map(|l| is_closed(l)), [false, true]);
        // Without streams, answers are next, and then requests.
        let large = budget.open();
        large.received(100);
        large.wait();
        assert!(is_closed(&answer) && is_closed(&second) && is_closed(&request) && !is_closed(&large));
        assert_eq!(budget.used(), 100);
        large.end();
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn shared_bytes_cost_one_connection_at_a_time() {
        let (budget, shared) = budget(100);
        let readers = [slow_reader(&budget, 10, false), slow_reader(&budget, 10, false), slow_reader(&budget, 10, false)];
        shared.store(200, Relaxed);
        let next = slow_reader(&budget, 10, false);
        assert_eq!(readers.iter().filter(|reader| is_closed(reader)).count(), 1);
        assert!(!is_closed(&next));
        shared.store(0, Relaxed);
        assert_eq!(budget.used(), 30);
    }

    #[test]
    fn a_connection_that_was_closed_is_charged_no_more() {
        let (budget, _) = budget(10);
        let reader = slow_reader(&budget, 20, true);
        assert!(is_closed(&reader));
        reader.handed_out(20, 0);
        reader.wait();
        reader.end();
        assert_eq!((budget.used(), budget.closed()), (0, 1));
    }
}
