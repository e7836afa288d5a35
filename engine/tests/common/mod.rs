//! A box office on adapters in memory, in virtual time: an hour of waiting takes no time.
#![allow(dead_code, reason = "every test file uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

pub mod batches;
pub mod checker;
pub mod fault_injection;
pub mod random_faults;
pub mod slow_guard;

use futures::FutureExt;
use futures::future::BoxFuture;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::Reward;
use lastseat_domain::event::{Fees, ShowDetails, ShowScheduled, SingleSeats, Tender};
use lastseat_domain::plan::Category;
use lastseat_domain::plan::{Area, Row};
use lastseat_domain::ports::event_log::{Direction, Filter};
use lastseat_domain::ports::{Clock, EventLog, Ids, PaymentGateway, SeatGuard};
use lastseat_domain::show::ShowChanges;
use lastseat_domain::{AreaId, BookingId, BuyerId, CategoryId, Currency, Envelope, SeatId, ShowId, Timestamp, codec};
use lastseat_engine::{
    BoxOffice, CommandError, ExchangeRequest, Hold, HoldRequest, Paid, PartialRefundRequest, PayRequest, PayWith, Ports,
    SeatSelection, Settings, Snapshot, SnapshotDoubt,
};
use lastseat_in_process::FreeOfCharge;
use lastseat_in_process::InProcessGuard;
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_testkit::{MemoryLog, PlainCodes};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// Virtual time: tokio's, which a paused runtime moves on whenever nothing else is to be done.
#[derive(Clone)]
pub struct VirtualClock(tokio::time::Instant);

impl VirtualClock {
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let start = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
        start + chrono::TimeDelta::from_std(self.0.elapsed()).unwrap()
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        tokio::time::sleep((deadline - self.now()).to_std().unwrap_or_default()).boxed()
    }
}

/// The clock of a node that is ahead of the others', or late.
pub struct ShiftedClock {
    pub clock: Arc<dyn Clock>,
    pub ahead: chrono::TimeDelta,
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        self.clock.now() + self.ahead
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(deadline - self.ahead)
    }
}

/// Ids 1, 2, 3, …
#[derive(Default)]
pub struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }
}

/// The adapters of a test; several box offices may share them, as nodes do.
#[derive(Clone)]
pub struct TestBench {
    pub log: Arc<dyn EventLog>,
    pub guard: Arc<dyn SeatGuard>,
    pub payments: Arc<dyn PaymentGateway>,
    pub sandbox: Arc<SandboxGateway>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<CountedIds>,
}

impl TestBench {
    /// `atomic`: as the embedded log; otherwise as EventStoreDB.
    pub fn new(atomic: bool) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::start());
        let sandbox = Arc::new(SandboxGateway::in_memory(clock.clone()));
        Self {
            log: Arc::new(MemoryLog::new(clock.clone(), atomic)),
            guard: Arc::new(InProcessGuard::new(clock.clone())),
            payments: sandbox.clone(),
            sandbox,
            clock,
            ids: Arc::default(),
        }
    }

    pub async fn node(&self) -> BoxOffice {
        self.node_with(test_settings()).await
    }

    pub async fn node_with(&self, settings: Settings) -> BoxOffice {
        BoxOffice::open(self.ports(), settings).await.expect("the log can be read")
    }

    /// A node that starts from a snapshot. The error says why its log does not confirm it.
    pub async fn node_from(&self, snapshot: &Snapshot) -> Result<BoxOffice, SnapshotDoubt> {
        let checked = snapshot.clone().check(&*self.log).await?;
        Ok(BoxOffice::open_from(self.ports(), test_settings(), Some(checked)).await.expect("the log can be read"))
    }

    pub fn ports(&self) -> Ports {
        Ports {
            log: self.log.clone(),
            guard: self.guard.clone(),
            payments: Arc::new(FreeOfCharge::in_front_of(self.payments.clone())),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            vouchers: Arc::new(PlainCodes),
        }
    }

    /// A box office with the test show on sale.
    pub async fn open(&self) -> BoxOffice {
        let office = self.node().await;
        office.schedule_show(test_show(), "admin").await.expect("the show is valid");
        office
    }

    pub fn new_booking(&self) -> BookingId {
        BookingId(self.ids.uuid())
    }

    /// Every event of the log.
    pub async fn history(&self) -> Vec<Envelope> {
        let events = self.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.expect("the log can be read");
        events.iter().filter_map(|e| codec::decode(e).expect("every event can be read").as_deref().cloned()).collect()
    }

    /// Names of the events of a booking's stream.
    pub async fn story(&self, booking: BookingId) -> Vec<&'static str> {
        let history = self.history().await;
        history.iter().filter(|e| e.stream.as_booking() == Some(booking)).map(|e| e.event.name()).collect()
    }

    /// Minor units that the gateway has taken and not returned.
    pub fn taken(&self) -> i64 {
        self.sandbox.intents().iter().map(|i| i.kept()).sum()
    }
}

/// Actors are passivated after five seconds.
pub fn test_settings() -> Settings {
    Settings { passivate_after: Duration::from_secs(5), ..Settings::default() }
}

/// Rows A and B of 10 at 5,000 each; `floor` of 20 at 2,000. Holds last ten minutes.
pub fn test_show() -> ShowScheduled {
    let (seated, standing) = (CategoryId::new("stalls").unwrap(), CategoryId::new("floor").unwrap());
    let row = |row: &str| Row { row: row.to_owned(), seats: 10, gaps_after: vec![] };
    ShowScheduled {
        show: show(),
        title: "A show".to_owned(),
        details: ShowDetails::default(),
        fees: Fees::default(),
        currency: Currency::new("EUR").unwrap(),
        categories: vec![Category::new(seated.clone(), 5000), Category::new(standing.clone(), 2000)],
        areas: vec![
            Area {
                area: AreaId::new("stalls").unwrap(),
                category: seated,
                rows: vec![row("A"), row("B")],
                own_rows: false,
                capacity: None,
            },
            Area { area: AreaId::new("floor").unwrap(), category: standing, rows: vec![], own_rows: false, capacity: Some(20) },
        ],
        plan: None,
        max_seats_per_booking: 6,
        max_seats_per_buyer: Some(8),
        guests: true,
        guest_challenge: false,
        single_seats: SingleSeats::Allow,
        vouchers_return: false,
        hold_seconds: 600,
        sale_opens_at: None,
        sale_closes_at: None,
        rewards: vec![Reward { reward: "A drink".to_owned(), weight: 1, discount: None }],
    }
}

pub fn show() -> ShowId {
    ShowId::new("test").unwrap()
}

/// Twice the prices, a third row, and ten more places on the floor.
pub fn larger_and_dearer() -> ShowChanges {
    let mut areas = test_show().areas;
    areas[0].rows.push(Row { row: "C".to_owned(), seats: 10, gaps_after: vec![] });
    areas[1].capacity = Some(30);
    ShowChanges { categories: Some(prices(10_000, 4_000)), areas: Some(areas), ..ShowChanges::default() }
}

/// The show's categories with these prices.
pub fn prices(stalls: i64, floor: i64) -> Vec<Category> {
    let category = |name: &str, price| Category::new(CategoryId::new(name).unwrap(), price);
    vec![category("stalls", stalls), category("floor", floor)]
}

pub fn seats(labels: &[&str]) -> SeatSelection {
    SeatSelection::Seats(labels.iter().map(|l| SeatId::new(l).unwrap()).collect())
}

pub fn floor(quantity: u32) -> SeatSelection {
    SeatSelection::Any { area: AreaId::new("floor").unwrap(), quantity }
}

pub fn best(quantity: u32) -> SeatSelection {
    SeatSelection::BestAvailable { category: CategoryId::new("stalls").unwrap(), quantity }
}

/// A hold by a guest.
pub async fn hold(bench: &TestBench, office: &BoxOffice, selection: SeatSelection) -> Result<Hold, CommandError> {
    let booking = bench.new_booking();
    office.hold(HoldRequest::new(booking, show(), selection, BuyerId::guest(booking))).await
}

/// A hold by a buyer with an account.
pub async fn hold_as(bench: &TestBench, office: &BoxOffice, buyer: &str, selection: SeatSelection) -> Result<Hold, CommandError> {
    let request = HoldRequest::new(bench.new_booking(), show(), selection, BuyerId::new(buyer).unwrap());
    office.hold(request).await
}

pub async fn pay(office: &BoxOffice, booking: &Booking, method: &str) -> Result<Paid, CommandError> {
    office
        .pay(
            booking.id,
            PayRequest { pay_with: Some(method.to_owned()).into(), return_url: None, fingerprint: None, origin: "buyer".into() },
        )
        .await
}

/// Staff move a sold booking to other seats, each at its first price.
pub async fn exchange(office: &BoxOffice, booking: BookingId, leaves: &[&str], takes: &[&str]) -> Result<Booking, CommandError> {
    let seat = |label: &&str| SeatId::new(label).unwrap();
    let takes = takes.iter().map(|label| (seat(label), None)).collect();
    office.exchange(booking, ExchangeRequest { leaves: leaves.iter().map(seat).collect(), takes, origin: "stan".into() }).await
}

/// Staff take the payment at the till.
pub async fn pay_at_till(office: &BoxOffice, booking: BookingId, tender: Tender) -> Result<Paid, CommandError> {
    let origin = "stan".into();
    office.pay(booking, PayRequest { pay_with: PayWith::AtTill(tender), return_url: None, fingerprint: None, origin }).await
}

/// A refund of these seats, or of an amount.
pub async fn refund_part(
    office: &BoxOffice,
    booking: BookingId,
    labels: &[&str],
    amount: Option<i64>,
) -> Result<Booking, CommandError> {
    let seats = labels.iter().map(|l| SeatId::new(l).unwrap()).collect();
    office.refund_part(booking, PartialRefundRequest { seats, amount, origin: "staff".into() }).await
}

/// The code of a rejection; panics at anything else.
pub fn code<T: std::fmt::Debug>(result: Result<T, CommandError>) -> &'static str {
    match result {
        Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection)) => rejection.code(),
        other => panic!("a rejection was expected, not {other:?}"),
    }
}

/// Lets reactors work for a while of virtual time.
pub async fn later(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Does all jobs, as many at a time as there are cores: each is a history of its own, on one thread. A panic in one fails the test.
pub fn on_all_cores<Job: Sync, Outcome: Send>(jobs: &[Job], work: impl Fn(&Job) -> Outcome + Sync) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let work_off = || {
        let mut outcomes = Vec::new();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            outcomes.push(work(job));
        }
        outcomes
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work_off)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
