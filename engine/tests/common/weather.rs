//! A world with weather: a log, a gateway and a guard whose answers take time, get lost, or do not
//! come, all by one seeded dice. Where the log has no appends across streams, an append falls apart
//! into its streams, which land one by one in any order.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, EventLog, Filter, LogFault, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use lastseat_domain::{BookingId, IntentId, Money, StreamName};
use lastseat_testkit::{FlakyGuard, GuardMood};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

use super::House;

/// SplitMix64: the same seed, the same throws.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<u64>>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    pub fn throw(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `n` - 1.
    pub fn below(&self, n: u64) -> u64 {
        self.throw() % n
    }

    pub fn percent(&self, p: u64) -> bool {
        self.below(100) < p
    }

    pub fn pick<T: Clone>(&self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()].clone()
    }
}

/// How bad it is, in percent of calls that fail. Shared by all wires; 0 is fine weather.
#[derive(Clone, Default)]
pub struct Storm(Arc<AtomicU64>);

impl Storm {
    pub fn set(&self, percent: u64) {
        self.0.store(percent, Ordering::SeqCst);
    }

    fn strikes(&self, dice: &Dice) -> bool {
        dice.percent(self.0.load(Ordering::SeqCst))
    }
}

async fn a_while(dice: &Dice, most_ms: u64) {
    tokio::time::sleep(Duration::from_millis(dice.below(most_ms))).await;
}

/// The house with weather; the flaky guard to set its mood.
pub fn exposed(house: &House, dice: &Dice, storm: &Storm) -> (House, Arc<FlakyGuard>) {
    let guard = Arc::new(FlakyGuard::new(house.guard.clone()));
    guard.set(GuardMood::Faithful);
    let (dice, storm) = (dice.clone(), storm.clone());
    let log = Arc::new(StormyLog { inner: house.log.clone(), dice: dice.clone(), storm: storm.clone(), news: Arc::default() });
    let payments = Arc::new(StormyGateway { inner: house.payments.clone(), dice, storm });
    (House { log, guard: guard.clone(), payments, ..house.clone() }, guard)
}

pub struct StormyLog {
    pub inner: Arc<dyn EventLog>,
    pub dice: Dice,
    pub storm: Storm,
    news: Arc<Notify>,
}

/// Appends, and tells those who follow.
async fn land_now(inner: &dyn EventLog, news: &Notify, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
    let outcomes = inner.append(writes).await;
    news.notify_waiters();
    outcomes
}

impl StormyLog {
    async fn land(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        a_while(&self.dice, 20).await;
        if self.inner.atomic_across_streams() {
            return land_now(&*self.inner, &self.news, writes).await;
        }
        let each = writes.into_iter().map(|write| async {
            a_while(&self.dice, 20).await;
            let outcome = land_now(&*self.inner, &self.news, vec![write]).await?;
            Ok(outcome[0])
        });
        futures::future::try_join_all(each).await
    }
}

#[async_trait]
impl EventLog for StormyLog {
    fn atomic_across_streams(&self) -> bool {
        self.inner.atomic_across_streams()
    }

    async fn append(&self, mut writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        let unknown = || Err(LogFault::OutcomeUnknown("stormy".to_owned()));
        if !self.storm.strikes(&self.dice) {
            return self.land(writes).await;
        }
        match self.dice.below(5) {
            0 => Err(LogFault::Unavailable("stormy".to_owned())),
            1 => unknown(),
            2 => {
                let _lost = self.land(writes).await;
                unknown()
            }
            // A part of it.
            3 => {
                if !self.inner.atomic_across_streams() {
                    writes.retain(|_| self.dice.percent(50));
                    if !writes.is_empty() {
                        let _lost = self.land(writes).await;
                    }
                }
                unknown()
            }
            // The connection is gone; what was on its way lands much later.
            _ => {
                let (inner, news, delay) = (self.inner.clone(), self.news.clone(), self.dice.below(30_000));
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(delay)).await;
                    land_now(&*inner, &news, writes).await
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
        a_while(&self.dice, 4).await;
        if self.storm.strikes(&self.dice) {
            return Err(LogFault::Unavailable("stormy".to_owned()));
        }
        let found = self.inner.read_stream(stream, from, direction, limit).await;
        a_while(&self.dice, 4).await;
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
    /// dice.
    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        let (inner, dice, storm, told_of) = (self.inner.clone(), self.dice.clone(), self.storm.clone(), self.news.clone());
        let look = move |(mut position, mut told, mut over): (Position, bool, bool)| {
            let (inner, dice, storm, filter, told_of) =
                (inner.clone(), dice.clone(), storm.clone(), filter.clone(), told_of.clone());
            async move {
                if over {
                    return None;
                }
                let mut news: Vec<Result<Delivery, LogFault>> = Vec::new();
                while news.is_empty() {
                    if told {
                        let _whichever_comes_first = tokio::time::timeout(Duration::from_secs(1), told_of.notified()).await;
                    }
                    a_while(&dice, 30).await;
                    if storm.strikes(&dice) && dice.percent(5) {
                        over = true;
                        news.push(Err(LogFault::Unavailable("stormy".to_owned())));
                        break;
                    }
                    let Ok(events) = inner.read_all(Some(position), Direction::Forwards, 64, &filter).await else { continue };
                    if let Some(last) = events.last() {
                        position = last.position;
                        told = false;
                    } else if !told {
                        told = true;
                        news.push(Ok(Delivery::CaughtUp(position)));
                    }
                    news.extend(events.into_iter().map(|event| Ok(Delivery::Event(event))));
                }
                Some((stream::iter(news), (position, told, over)))
            }
        };
        stream::unfold((from, false, false), look).flatten().boxed()
    }

    async fn head(&self) -> Result<Position, LogFault> {
        self.inner.head().await
    }
}

struct StormyGateway {
    inner: Arc<dyn PaymentGateway>,
    dice: Dice,
    storm: Storm,
}

impl StormyGateway {
    async fn call(&self, real: impl Future<Output = Result<Intent, GatewayFault>> + Send) -> Result<Intent, GatewayFault> {
        a_while(&self.dice, 100).await;
        if !self.storm.strikes(&self.dice) {
            let answer = real.await;
            a_while(&self.dice, 100).await;
            return answer;
        }
        match self.dice.below(3) {
            0 => Err(GatewayFault::Unavailable("stormy".to_owned())),
            1 => Err(GatewayFault::OutcomeUnknown("stormy".to_owned())),
            _ => {
                let _lost = real.await;
                a_while(&self.dice, 5_000).await;
                Err(GatewayFault::OutcomeUnknown("stormy".to_owned()))
            }
        }
    }
}

#[async_trait]
impl PaymentGateway for StormyGateway {
    async fn create(&self, booking: BookingId, amount: Money) -> Result<Intent, GatewayFault> {
        self.call(self.inner.create(booking, amount)).await
    }

    async fn confirm(&self, intent: &IntentId, booking: BookingId, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        self.call(self.inner.confirm(intent, booking, attempt, method)).await
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

    async fn refund(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.call(self.inner.refund(intent, booking)).await
    }
}
