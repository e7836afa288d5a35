//! What lies between a node and the world: plan that can be cut at any call. After the cut the
//! node gets no answer from anything ever again, and nothing that it asks for arrives: a power cut,
//! as the world sees it.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, EventLog, Filter, LogFault, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use lastseat_domain::ports::payments::{GatewayFault, Intent, PaymentOrder};
use lastseat_domain::ports::seat_guard::{Extend, GuardUnavailable, Lock, LockAny};
use lastseat_domain::ports::{PaymentGateway, SeatGuard};
use lastseat_domain::{BookingId, IntentId, Money, SeatId, ShowId, StreamName};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

use super::TestBench;

/// The power of one node.
#[derive(Default)]
pub struct Power {
    out: AtomicBool,
    went_out: Notify,
}

impl Power {
    pub fn cut(&self) {
        self.out.store(true, Ordering::SeqCst);
        self.went_out.notify_waiters();
    }

    pub fn is_out(&self) -> bool {
        self.out.load(Ordering::SeqCst)
    }

    /// Completes at the cut.
    pub async fn went_out(&self) {
        loop {
            let notified = self.went_out.notified();
            if self.is_out() {
                return;
            }
            notified.await;
        }
    }

    /// Completes at once while there is power, and never afterwards.
    async fn needed(&self) {
        if self.is_out() {
            std::future::pending().await
        }
    }

    async fn cut_here(&self) -> ! {
        self.cut();
        std::future::pending().await
    }
}

/// What becomes of one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendFate {
    /// Never arrives; the power is out.
    CutBefore,
    /// Lands; the power is out before the answer.
    CutAfter,
    /// Only the writes of this bit mask land; the power is out. On an atomic log: as `CutBefore`.
    CutSome(u32),
    /// The power is out; the append was on its way and lands so many seconds later.
    CutLate(u64),
    /// Takes so many seconds to arrive.
    Slow(u64),
    /// The log's client panics before it sends anything.
    Panics,
    /// It panics after the append.
    PanicsAfter,
    /// Answered so, and nothing done.
    Unavailable,
    RequestLost,
    /// Done, and answered `OutcomeUnknown`.
    AnswerLost,
    /// Only these writes land; answered `OutcomeUnknown`.
    SomeAnswerLost(u32),
}

/// What becomes of one call of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFate {
    CutBefore,
    CutAfter,
    Panics,
    PanicsAfter,
    Unavailable,
    RequestLost,
    AnswerLost,
}

/// One node's plan.
pub struct FaultPlan {
    pub power: Power,
    pub appends: AtomicU64,
    /// Streams that they wrote to. A log without appends across streams makes an append of each.
    pub stream_writes: AtomicU64,
    pub calls: AtomicU64,
    /// Reads of single streams.
    pub reads: AtomicU64,
    append_fates: Mutex<BTreeMap<u64, AppendFate>>,
    call_fates: Mutex<BTreeMap<u64, CallFate>>,
    /// Reads that panic yet.
    reads_to_panic: AtomicU64,
}

impl FaultPlan {
    /// FaultPlan of a node to the bench's world, and the bench as that node sees it.
    pub fn around(bench: &TestBench) -> (Arc<Self>, TestBench) {
        let plan = Arc::new(Self {
            power: Power::default(),
            appends: AtomicU64::new(0),
            stream_writes: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            append_fates: Mutex::default(),
            call_fates: Mutex::default(),
            reads_to_panic: AtomicU64::new(0),
        });
        let end = TestBench {
            log: Arc::new(FaultyLog { plan: plan.clone(), inner: bench.log.clone() }),
            guard: Arc::new(FaultyGuardPort { plan: plan.clone(), inner: bench.guard.clone() }),
            payments: Arc::new(FaultyGateway { plan: plan.clone(), inner: bench.payments.clone() }),
            ..bench.clone()
        };
        (plan, end)
    }

    /// The `nth` append from now, from 0.
    pub fn append(&self, nth: u64, fate: AppendFate) {
        self.append_fates.lock().unwrap().insert(self.appends.load(Ordering::SeqCst) + nth, fate);
    }

    /// The `nth` call of the gateway from now, from 0.
    pub fn call(&self, nth: u64, fate: CallFate) {
        self.call_fates.lock().unwrap().insert(self.calls.load(Ordering::SeqCst) + nth, fate);
    }

    /// The next reads of a single stream panic.
    pub fn panic_at_reads(&self, reads: u64) {
        self.reads_to_panic.store(reads, Ordering::SeqCst);
    }

    /// Whether everything that was planned has happened.
    pub fn all_struck(&self) -> bool {
        self.append_fates.lock().unwrap().is_empty() && self.call_fates.lock().unwrap().is_empty()
    }
}

struct FaultyLog {
    plan: Arc<FaultPlan>,
    inner: Arc<dyn EventLog>,
}

/// Those writes whose bit is set.
fn some_of(writes: Vec<StreamWrite>, mask: u32) -> Vec<StreamWrite> {
    let lands = |i: u32| mask.checked_shr(i).is_some_and(|rest| rest & 1 == 1);
    (0..).zip(writes).filter(|(i, _)| lands(*i)).map(|(_, w)| w).collect()
}

impl FaultyLog {
    async fn append_some(&self, writes: Vec<StreamWrite>, mask: u32) {
        let writes = some_of(writes, mask);
        if !self.inner.atomic_across_streams() && !writes.is_empty() {
            let _lost = self.inner.append(writes).await;
        }
    }
}

#[async_trait]
impl EventLog for FaultyLog {
    fn atomic_across_streams(&self) -> bool {
        self.inner.atomic_across_streams()
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        let power = &self.plan.power;
        power.needed().await;
        let nth = self.plan.appends.fetch_add(1, Ordering::SeqCst);
        self.plan.stream_writes.fetch_add(writes.len() as u64, Ordering::SeqCst);
        let fate = self.plan.append_fates.lock().unwrap().remove(&nth);
        let unknown = || Err(LogFault::OutcomeUnknown("instructed to lose the answer".to_owned()));
        match fate {
            None => {
                let answer = self.inner.append(writes).await;
                power.needed().await;
                answer
            }
            Some(AppendFate::CutBefore) => power.cut_here().await,
            Some(AppendFate::CutAfter) => {
                let _lost = self.inner.append(writes).await;
                power.cut_here().await
            }
            Some(AppendFate::CutSome(mask)) => {
                self.append_some(writes, mask).await;
                power.cut_here().await
            }
            Some(AppendFate::CutLate(seconds)) => {
                let inner = self.inner.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                    inner.append(writes).await
                });
                power.cut_here().await
            }
            Some(AppendFate::Slow(seconds)) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                self.inner.append(writes).await
            }
            Some(AppendFate::Panics) => panic!("instructed to panic before an append"),
            Some(AppendFate::PanicsAfter) => {
                let _lost = self.inner.append(writes).await;
                panic!("instructed to panic after an append")
            }
            Some(AppendFate::Unavailable) => Err(LogFault::Unavailable("instructed to be down".to_owned())),
            Some(AppendFate::RequestLost) => unknown(),
            Some(AppendFate::AnswerLost) => {
                let _lost = self.inner.append(writes).await;
                unknown()
            }
            Some(AppendFate::SomeAnswerLost(mask)) => {
                self.append_some(writes, mask).await;
                unknown()
            }
        }
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.plan.power.needed().await;
        self.plan.reads.fetch_add(1, Ordering::SeqCst);
        let left = &self.plan.reads_to_panic;
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            panic!("instructed to panic at a read");
        }
        self.inner.read_stream(stream, from, direction, limit).await
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.plan.power.needed().await;
        self.inner.read_all(from, direction, limit, filter).await
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        let plan = self.plan.clone();
        let deliver = move |delivery| {
            let plan = plan.clone();
            async move {
                plan.power.needed().await;
                delivery
            }
        };
        self.inner.subscribe(from, filter).then(deliver).boxed()
    }

    async fn head(&self) -> Result<Position, LogFault> {
        self.plan.power.needed().await;
        self.inner.head().await
    }
}

struct FaultyGateway {
    plan: Arc<FaultPlan>,
    inner: Arc<dyn PaymentGateway>,
}

impl FaultyGateway {
    async fn call(&self, real: impl Future<Output = Result<Intent, GatewayFault>> + Send) -> Result<Intent, GatewayFault> {
        let power = &self.plan.power;
        power.needed().await;
        let nth = self.plan.calls.fetch_add(1, Ordering::SeqCst);
        let fate = self.plan.call_fates.lock().unwrap().remove(&nth);
        let unknown = || Err(GatewayFault::OutcomeUnknown("instructed to lose the answer".to_owned()));
        match fate {
            None => {
                let answer = real.await;
                power.needed().await;
                answer
            }
            Some(CallFate::CutBefore) => power.cut_here().await,
            Some(CallFate::CutAfter) => {
                let _lost = real.await;
                power.cut_here().await
            }
            Some(CallFate::Panics) => panic!("instructed to panic before a call of the gateway"),
            Some(CallFate::PanicsAfter) => {
                let _lost = real.await;
                panic!("instructed to panic after a call of the gateway")
            }
            Some(CallFate::Unavailable) => Err(GatewayFault::Unavailable("instructed to be down".to_owned())),
            Some(CallFate::RequestLost) => unknown(),
            Some(CallFate::AnswerLost) => {
                let _lost = real.await;
                unknown()
            }
        }
    }
}

#[async_trait]
impl PaymentGateway for FaultyGateway {
    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        self.call(self.inner.create(order)).await
    }

    async fn confirm(&self, intent: &IntentId, booking: BookingId, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        self.call(self.inner.confirm(intent, booking, attempt, method)).await
    }

    async fn confirm_returning_to(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        method: &str,
        return_url: &str,
    ) -> Result<Intent, GatewayFault> {
        self.call(self.inner.confirm_returning_to(intent, booking, attempt, method, return_url)).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.call(self.inner.retrieve(intent)).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.call(self.inner.capture(intent, booking)).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.call(self.inner.cancel(intent, booking)).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        self.call(self.inner.refund(intent, booking, number, amount)).await
    }
}

struct FaultyGuardPort {
    plan: Arc<FaultPlan>,
    inner: Arc<dyn SeatGuard>,
}

#[async_trait]
impl SeatGuard for FaultyGuardPort {
    async fn lock(&self, show: &ShowId, seats: &[SeatId], owner: BookingId, lease: Duration) -> Result<Lock, GuardUnavailable> {
        self.plan.power.needed().await;
        self.inner.lock(show, seats, owner, lease).await
    }

    async fn lock_any(
        &self,
        show: &ShowId,
        candidates: &[SeatId],
        n: usize,
        owner: BookingId,
        lease: Duration,
    ) -> Result<LockAny, GuardUnavailable> {
        self.plan.power.needed().await;
        self.inner.lock_any(show, candidates, n, owner, lease).await
    }

    async fn extend(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        lease: Duration,
    ) -> Result<Extend, GuardUnavailable> {
        self.plan.power.needed().await;
        self.inner.extend(show, seats, owner, lease).await
    }

    async fn release(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        self.plan.power.needed().await;
        self.inner.release(show, seats, owner).await
    }

    async fn mark_sold(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        owner: BookingId,
        keep: Duration,
    ) -> Result<usize, GuardUnavailable> {
        self.plan.power.needed().await;
        self.inner.mark_sold(show, seats, owner, keep).await
    }

    async fn unmark_sold(&self, show: &ShowId, seats: &[SeatId], owner: BookingId) -> Result<usize, GuardUnavailable> {
        self.plan.power.needed().await;
        self.inner.unmark_sold(show, seats, owner).await
    }
}
