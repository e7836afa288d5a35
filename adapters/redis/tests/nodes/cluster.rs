//! Several nodes over one log, one gateway and one show; each has a connection of its own to Redis.

use lastseat_domain::event::{Fees, ShowDetails, ShowScheduled, SingleSeats};
use lastseat_domain::plan::Category;
use lastseat_domain::plan::{Area, Row};
use lastseat_domain::ports::{Clock, EventLog, Ids};
use lastseat_domain::{AreaId, BookingId, CategoryId, Currency, ShowId};
use lastseat_engine::{BoxOffice, Ports, Settings};
use lastseat_event_log_eventstore::EventStoreLog;
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_eventstore_server::ServerSettings;
use lastseat_in_process::{SystemClock, TimeOrderedIds};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_redis::{Redis, RedisGuard, RedisOptions};
use lastseat_testkit::AbsentGuard;
use lastseat_testkit::MemoryLog;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Upper bound of every wait, on the slowest machine.
pub const SOON: Duration = Duration::from_secs(60);
/// Hold time in tests where holds expire.
pub const SHORT_HOLD: u32 = 3;
/// A lease is that much longer than its hold.
pub const LEASE_MARGIN_SECONDS: u32 = 45;

/// The event logs that the nodes are tested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// SQLite: one append is one transaction.
    Sqlite,
    /// In memory, without appends across streams, as a cluster's log.
    Memory,
    /// SQLite served by our EventStoreDB-protocol server; each node has a client of its own, as with a real cluster.
    Server,
}

/// What the nodes of a test share.
pub struct TestCluster {
    pub log: Arc<dyn EventLog>,
    pub sandbox: Arc<SandboxGateway>,
    pub clock: Arc<dyn Clock>,
    /// Where nodes reach the log, if not in this process.
    log_address: Option<String>,
    _shut: DropGuard,
    _dir: TempDir,
}

impl TestCluster {
    /// With a show on sale: `floor` of that many units at 2,000, seats at 5,000.
    pub async fn open(kind: LogKind, floor: u32, hold_seconds: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let log: Arc<dyn EventLog> = match kind {
            LogKind::Sqlite | LogKind::Server => Arc::new(SqliteLog::open(dir.path().join("log.db"), clock.clone()).unwrap()),
            LogKind::Memory => Arc::new(MemoryLog::new(clock.clone(), false)),
        };
        let sandbox = Arc::new(SandboxGateway::in_memory(clock.clone()));
        let shut = CancellationToken::new();
        let log_address = if kind == LogKind::Server { Some(serve_log(&log, &clock, &shut).await) } else { None };
        let cluster = Self { log, sandbox, clock, log_address, _shut: shut.drop_guard(), _dir: dir };
        let office = cluster.node_with(cluster.log_of_a_node(), Arc::new(AbsentGuard)).await;
        office.schedule_show(on_sale(floor, hold_seconds), "admin").await.expect("the show is valid");
        office.drain(Duration::from_secs(5)).await;
        cluster
    }

    /// That many nodes, each with a connection of its own to Redis at `url`.
    pub async fn nodes(&self, count: usize, url: &str) -> Vec<BoxOffice> {
        self.nodes_with(count, url, RedisOptions::default()).await
    }

    /// The same with long time-outs: all nodes and buyers share the machine here, and a Redis that works
    /// should not look as if it did not.
    pub async fn patient_nodes(&self, count: usize, url: &str) -> Vec<BoxOffice> {
        let options = RedisOptions { response_timeout: Duration::from_secs(10), ..RedisOptions::default() };
        self.nodes_with(count, url, options).await
    }

    async fn nodes_with(&self, count: usize, url: &str, options: RedisOptions) -> Vec<BoxOffice> {
        let mut nodes = Vec::new();
        for _ in 0..count {
            nodes.extend(self.nodes_over(&self.log_of_a_node(), 1, url, options.clone()).await);
        }
        nodes
    }

    /// The log as a node reaches it.
    fn log_of_a_node(&self) -> Arc<dyn EventLog> {
        match &self.log_address {
            Some(address) => Arc::new(EventStoreLog::open(address, lastseat_event_log_eventstore::Options::default()).unwrap()),
            None => self.log.clone(),
        }
    }

    /// The same over another view of the log.
    pub async fn nodes_over(&self, log: &Arc<dyn EventLog>, count: usize, url: &str, options: RedisOptions) -> Vec<BoxOffice> {
        let mut nodes = Vec::new();
        for _ in 0..count {
            let redis = Redis::open(url, options.clone()).unwrap();
            nodes.push(self.node_with(log.clone(), Arc::new(RedisGuard::new(redis))).await);
        }
        nodes
    }

    async fn node_with(&self, log: Arc<dyn EventLog>, guard: Arc<dyn lastseat_domain::ports::SeatGuard>) -> BoxOffice {
        let (payments, clock) = (self.sandbox.clone(), self.clock.clone());
        let ids = Arc::new(TimeOrderedIds::new(clock.clone()));
        let vouchers = Arc::new(lastseat_testkit::PlainCodes);
        let ports = Ports { log, guard, payments, clock, ids, vouchers };
        let settings =
            Settings { settle_after: Duration::from_secs(2), passivate_after: Duration::from_secs(1), ..Settings::default() };
        BoxOffice::open(ports, settings).await.expect("the log can be read")
    }
}

/// Serves a log to clients of this process and returns its address.
async fn serve_log(log: &Arc<dyn EventLog>, clock: &Arc<dyn Clock>, shut: &CancellationToken) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let settings = ServerSettings { write: true, ..ServerSettings::new(clock.clone()) };
    tokio::spawn(lastseat_eventstore_server::serve(listener, log.clone(), settings, shut.clone()));
    format!("esdb://{at}?tls=false")
}

pub fn show() -> ShowId {
    ShowId::new("test").unwrap()
}

pub fn floor_area() -> AreaId {
    AreaId::new("floor").unwrap()
}

pub fn new_booking() -> BookingId {
    BookingId(TimeOrderedIds::new(Arc::new(SystemClock)).uuid())
}

fn on_sale(floor: u32, hold_seconds: u32) -> ShowScheduled {
    let (seated, standing) = (CategoryId::new("stalls").unwrap(), CategoryId::new("floor").unwrap());
    let row = Row { row: "A".to_owned(), seats: 20, gaps_after: vec![] };
    ShowScheduled {
        show: show(),
        title: "A show".to_owned(),
        details: ShowDetails::default(),
        fees: Fees::default(),
        currency: Currency::new("EUR").unwrap(),
        categories: vec![Category::new(seated.clone(), 5000), Category::new(standing.clone(), 2000)],
        areas: vec![
            Area { area: AreaId::new("stalls").unwrap(), category: seated, rows: vec![row], own_rows: false, capacity: None },
            Area { area: floor_area(), category: standing, rows: vec![], own_rows: false, capacity: Some(floor) },
        ],
        plan: None,
        max_seats_per_booking: 6,
        max_seats_per_buyer: None,
        guests: true,
        guest_challenge: false,
        single_seats: SingleSeats::Allow,
        vouchers_return: false,
        hold_seconds,
        sale_opens_at: None,
        sale_closes_at: None,
        rewards: vec![],
    }
}
