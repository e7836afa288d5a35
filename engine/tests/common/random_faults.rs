//! A world with random faults: a log, a gateway and a guard whose answers take time, get lost, or do not
//! come, all by one seeded random. Where the log has no appends across streams, an append falls apart
//! into its streams, which land one by one in any order.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, EventLog, Filter, LogFault, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use lastseat_domain::ports::payments::{GatewayFault, Intent, PaymentOrder};
use lastseat_domain::{BookingId, IntentId, Money, StreamName};
use lastseat_testkit::{FaultyGuard, GuardFault};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

use super::TestBench;

/// SplitMix64: the same seed, the same throws.
#[derive(Clone)]
pub struct SeededRandom(Arc<Mutex<u64>>);

impl SeededRandom {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    pub fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `n` - 1.
    pub fn below(&self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn percent(&self, p: u64) -> bool {
        self.below(100) < p
    }

    pub fn pick<T: Clone>(&self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()].clone()
    }
}

/// How bad it is, in percent of calls that fail. Shared by all ports of a bench; 0 is none.
#[derive(Clone, Default)]
pub struct FaultRate(Arc<AtomicU64>);

impl FaultRate {
    pub fn set(&self, percent: u64) {
        self.0.store(percent, Ordering::SeqCst);
    }

    fn hits(&self, random: &SeededRandom) -> bool {
        random.percent(self.0.load(Ordering::SeqCst))
    }
}

async fn random_delay(random: &SeededRandom, most_ms: u64) {
    tokio::time::sleep(Duration::from_millis(random.below(most_ms))).await;
}

/// The bench with random faults, and its guard, whose faults are set by hand.
pub fn with_random_faults(bench: &TestBench, random: &SeededRandom, fault_rate: &FaultRate) -> (TestBench, Arc<FaultyGuard>) {
    let guard = Arc::new(FaultyGuard::new(bench.guard.clone()));
    guard.set(GuardFault::None);
    let (random, fault_rate) = (random.clone(), fault_rate.clone());
    let log = Arc::new(RandomFaultLog {
        inner: bench.log.clone(),
        random: random.clone(),
        fault_rate: fault_rate.clone(),
        news: Arc::default(),
    });
    let payments = Arc::new(RandomFaultGateway { inner: bench.payments.clone(), random, fault_rate });
    (TestBench { log, guard: guard.clone(), payments, ..bench.clone() }, guard)
}

pub struct RandomFaultLog {
    pub inner: Arc<dyn EventLog>,
    pub random: SeededRandom,
    pub fault_rate: FaultRate,
    news: Arc<Notify>,
}

/// Appends, and wakes those who follow.
async fn append_and_notify(inner: &dyn EventLog, news: &Notify, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
    let outcomes = inner.append(writes).await;
    news.notify_waiters();
    outcomes
}

impl RandomFaultLog {
    async fn append_later(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        random_delay(&self.random, 20).await;
        if self.inner.atomic_across_streams() {
            return append_and_notify(&*self.inner, &self.news, writes).await;
        }
        let each = writes.into_iter().map(|write| async {
            random_delay(&self.random, 20).await;
            let outcome = append_and_notify(&*self.inner, &self.news, vec![write]).await?;
            Ok(outcome[0])
        });
        futures::future::try_join_all(each).await
    }
}

#[async_trait]
impl EventLog for RandomFaultLog {
    fn atomic_across_streams(&self) -> bool {
        self.inner.atomic_across_streams()
    }

    async fn append(&self, mut writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        let unknown = || Err(LogFault::OutcomeUnknown("injected fault".to_owned()));
        if !self.fault_rate.hits(&self.random) {
            return self.append_later(writes).await;
        }
        match self.random.below(5) {
            0 => Err(LogFault::Unavailable("injected fault".to_owned())),
            1 => unknown(),
            2 => {
                let _lost = self.append_later(writes).await;
                unknown()
            }
            // A part of it.
            3 => {
                if !self.inner.atomic_across_streams() {
                    writes.retain(|_| self.random.percent(50));
                    if !writes.is_empty() {
                        let _lost = self.append_later(writes).await;
                    }
                }
                unknown()
            }
            // The connection is gone; what was on its way lands much later.
            _ => {
                let (inner, news, delay) = (self.inner.clone(), self.news.clone(), self.random.below(30_000));
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(delay)).await;
                    append_and_notify(&*inner, &news, writes).await
                });
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
        random_delay(&self.random, 4).await;
        if self.fault_rate.hits(&self.random) {
            return Err(LogFault::Unavailable("injected fault".to_owned()));
        }
        let found = self.inner.read_stream(stream, from, direction, limit).await;
        random_delay(&self.random, 4).await;
        found
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.inner.read_all(from, direction, limit, filter).await
    }

    /// Looks a few milliseconds after the news, or once a second. Not the log's own subscription:
    /// several that wait for the same news are woken by tokio's watch channel in an order of its own
    /// random.
    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        let (inner, random, fault_rate, told_of) =
            (self.inner.clone(), self.random.clone(), self.fault_rate.clone(), self.news.clone());
        let look = move |(mut position, mut caught_up, mut over): (Position, bool, bool)| {
            let (inner, random, fault_rate, filter, told_of) =
                (inner.clone(), random.clone(), fault_rate.clone(), filter.clone(), told_of.clone());
            async move {
                if over {
                    return None;
                }
                let mut news: Vec<Result<Delivery, LogFault>> = Vec::new();
                while news.is_empty() {
                    if caught_up {
                        let _whichever_comes_first = tokio::time::timeout(Duration::from_secs(1), told_of.notified()).await;
                    }
                    random_delay(&random, 30).await;
                    if fault_rate.hits(&random) && random.percent(5) {
                        over = true;
                        news.push(Err(LogFault::Unavailable("injected fault".to_owned())));
                        break;
                    }
                    let Ok(events) = inner.read_all(Some(position), Direction::Forwards, 64, &filter).await else { continue };
                    if let Some(last) = events.last() {
                        position = last.position;
                        caught_up = false;
                    } else if !caught_up {
                        caught_up = true;
                        news.push(Ok(Delivery::CaughtUp(position)));
                    }
                    news.extend(events.into_iter().map(|event| Ok(Delivery::Event(event))));
                }
                Some((stream::iter(news), (position, caught_up, over)))
            }
        };
        stream::unfold((from, false, false), look).flatten().boxed()
    }

    async fn head(&self) -> Result<Position, LogFault> {
        self.inner.head().await
    }
}

struct RandomFaultGateway {
    inner: Arc<dyn PaymentGateway>,
    random: SeededRandom,
    fault_rate: FaultRate,
}

impl RandomFaultGateway {
    async fn call(&self, real: impl Future<Output = Result<Intent, GatewayFault>> + Send) -> Result<Intent, GatewayFault> {
        random_delay(&self.random, 100).await;
        if !self.fault_rate.hits(&self.random) {
            let answer = real.await;
            random_delay(&self.random, 100).await;
            return answer;
        }
        match self.random.below(3) {
            0 => Err(GatewayFault::Unavailable("injected fault".to_owned())),
            1 => Err(GatewayFault::OutcomeUnknown("injected fault".to_owned())),
            _ => {
                let _lost = real.await;
                random_delay(&self.random, 5_000).await;
                Err(GatewayFault::OutcomeUnknown("injected fault".to_owned()))
            }
        }
    }
}

#[async_trait]
impl PaymentGateway for RandomFaultGateway {
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
