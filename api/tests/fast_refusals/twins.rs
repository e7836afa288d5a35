//! Servers that agree: the time stands still, ids are counted.

use crate::requests::Sent;
use chrono::{DateTime, TimeDelta};
use futures::FutureExt;
use futures::future::BoxFuture;
use lastseat::app::{App, AppParts};
use lastseat::auth::{Auth, Role, challenge_secret};
use lastseat::challenges::{ChallengeRules, Challenges};
use lastseat::cors::{Cors, WebOrigin};
use lastseat::deliveries::Deliveries;
use lastseat::limits::{GuestRules, Limits, Proxies, ProxyHeader, Quotas};
use lastseat::routes::bookings::fast_refusal::FastRefusals;
use lastseat::server::{self, Shortcut};
use lastseat::tickets::TicketKey;
use lastseat::{metrics::Metrics, routes};
use lastseat_domain::ports::{Clock, EventLog, Ids};
use lastseat_domain::{BuyerId, Quota, Timestamp};
use lastseat_engine::{BoxOffice, Ports, Settings};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::{InProcessGuard, InProcessLimiter};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_projections::ReadModel;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Makes a shortcut for an app, whose limits can be changed.
pub type MakeShortcut = fn(&Made) -> Arc<dyn Shortcut>;

/// An app, and how to make another like it.
pub struct Made {
    pub app: App,
    remake: Arc<dyn Fn(Limits) -> App + Send + Sync>,
}

pub fn usual(made: &Made) -> Arc<dyn Shortcut> {
    FastRefusals::shortcut(&made.app)
}

pub fn app_without_limits(made: &Made) -> Made {
    let none = Quotas { caller: None, guests: GuestRules::OFF, ..Quotas::default() };
    let app =
        (made.remake)(Limits::new(none, Proxies::default(), Arc::new(InProcessLimiter::new(Arc::new(Stopped::default()))), None));
    Made { app, remake: Arc::clone(&made.remake) }
}

/// Moves only when a test moves it, and lets nobody wait.
#[derive(Clone)]
struct Stopped(Arc<AtomicI64>);

impl Default for Stopped {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(1_893_456_000_000)))
    }
}

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn sleep_until(&self, _: Timestamp) -> BoxFuture<'static, ()> {
        futures::future::pending().boxed()
    }
}

struct Counted(AtomicU64);

impl Ids for Counted {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(self.0.fetch_add(1, Ordering::SeqCst).into())
    }
}

/// What a connection was answered.
pub struct Answers {
    pub text: String,
    /// The server closed it with bytes unread, so that the last answers can be lost on their way.
    pub was_reset: bool,
}

impl Answers {
    /// Whether both can be the same answers.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.certain(), other.certain());
        let is_cut = |cut: &Self, text: &str, whole: &str| cut.was_reset && whole.starts_with(text);
        ours == theirs || is_cut(self, ours, theirs) || is_cut(other, theirs, ours)
    }

    /// All but the answer to what is no request: whether it arrives before the connection ends is a matter of time.
    fn certain(&self) -> &str {
        let last = self.text.rfind("HTTP/1.1 400 Bad Request").filter(|at| self.text[*at..].contains("malformed_request"));
        last.map_or(&self.text, |at| &self.text[..at])
    }
}

/// A line of an answer without what no two servers can have in common: the time, and an id that the server has made.
pub fn comparable(line: &str) -> Option<&str> {
    let is_made = |id: &str| {
        let is_hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
        id.split_once('-').is_some_and(|(process, number)| process.len() == 8 && is_hex(process) && is_hex(number))
    };
    match line.split_once(": ") {
        Some(("date", _)) => None,
        Some(("x-request-id", id)) if is_made(id) => Some("x-request-id: made"),
        _ => Some(line),
    }
}

/// One of the two.
pub struct Twin {
    pub addr: SocketAddr,
    clock: Stopped,
    box_office: BoxOffice,
    read_model: ReadModel,
    log: Arc<SqliteLog>,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
    _dir: tempfile::TempDir,
}

/// The origin whose pages may call.
pub const SHOP: &str = "https://shop.example";

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn limits(clock: &Stopped) -> Limits {
    let quotas =
        Quotas { caller: Quota::new(3, 3).ok(), address: Quota::new(6, 4).ok(), guests: GuestRules::OFF, ..Quotas::default() };
    let proxies = Proxies { trusted: vec!["127.0.0.1".parse().unwrap()], header: ProxyHeader::XForwardedFor };
    Limits::new(quotas, proxies, Arc::new(InProcessLimiter::new(Arc::new(clock.clone()))), None)
}

impl Twin {
    pub async fn start(shortcut: Option<MakeShortcut>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (stopped, metrics) = (Stopped::default(), Arc::<Metrics>::default());
        let clock: Arc<dyn Clock> = Arc::new(stopped.clone());
        let ids: Arc<dyn Ids> = Arc::new(Counted(AtomicU64::new(1)));
        let log = Arc::new(SqliteLog::open(dir.path().join("events.db"), Arc::clone(&clock)).unwrap());
        let port = || Arc::clone(&log) as Arc<dyn EventLog>;
        let ports = Ports {
            log: port(),
            guard: Arc::new(InProcessGuard::new(Arc::clone(&clock))),
            payments: Arc::new(SandboxGateway::in_memory(Arc::clone(&clock))),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            vouchers: Arc::new(lastseat_testkit::PlainCodes),
        };
        let box_office = BoxOffice::open(ports, Settings::default()).await.unwrap();
        let read_model = ReadModel::open(port(), Arc::clone(&clock), None).await.unwrap();
        let stop = CancellationToken::new();
        let buffers = server::Budget::new(256 << 20, read_model.superseded_bytes());
        let capacity = Arc::new(server::Capacity::new(100));
        let remake = {
            let (office, model, drain, log) = (box_office.clone(), read_model.clone(), stop.clone(), port());
            let (buffers, capacity) = (Arc::clone(&buffers), Arc::clone(&capacity));
            move |limits| {
                App::new(AppParts {
                    box_office: office.clone(),
                    read_model: model.clone(),
                    log: Arc::clone(&log),
                    clock: Arc::clone(&clock),
                    ids: Arc::clone(&ids),
                    auth: Auth::new(SECRET),
                    accounts: None,
                    tickets: Arc::new(TicketKey::new(&[7; 32]).unwrap()),
                    limits,
                    verification_memory: 1,
                    metrics_of_shows: false,
                    challenges: Challenges::new(ChallengeRules::default(), challenge_secret(SECRET)),
                    guests: true,
                    public_url: None,
                    cors: Cors::of(&WebOrigin::list(SHOP).unwrap()),
                    bank: None,
                    stripe: false,
                    webhooks: None,
                    deliveries: Deliveries::default(),
                    metrics: Arc::clone(&metrics),
                    reports_ended: CancellationToken::new(),
                    publishable_key: None,
                    buffers: Arc::clone(&buffers),
                    capacity: Arc::clone(&capacity),
                    drain: drain.clone(),
                })
            }
        };
        let made = Made { app: remake(limits(&stopped)), remake: Arc::new(remake) };
        let shortcut = shortcut.map(|make| make(&made));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = routes::router(made.app);
        let serving =
            tokio::spawn(server::serve(listener, router, shortcut, buffers, capacity, stop.clone(), Duration::from_secs(2)));
        let twin = Self { addr, clock: stopped, box_office, read_model, log, stop, serving, _dir: dir };
        twin.open_the_sale().await;
        twin
    }

    /// Seats 1 to 9 of row A are taken.
    async fn open_the_sale(&self) {
        let rows: Vec<_> = ["A", "B", "C", "D"].iter().map(|row| serde_json::json!({"row": row, "seats": 99})).collect();
        let show = serde_json::json!({
            "id": "gala", "title": "Gala", "currency": "EUR", "hold_seconds": 3600,
            "categories": [{"category": "stalls", "price_types": [
                {"price_type": "adult", "price": 100}, {"price_type": "child", "price": 50}]}],
            "single_seats": "refuse",
            "areas": [
                {"area": "parquet", "category": "stalls", "rows": rows},
                {"area": "floor", "category": "stalls", "capacity": 20}],
        });
        let admin = format!("authorization: Bearer {}\r\n", self.tokens()[3]);
        let answer = self.exchange("/v1/shows", &admin, &show.to_string()).await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        for seat in 1..10 {
            // From an address of its own, because of the limits.
            let from = format!("x-forwarded-for: 198.51.100.{seat}\r\n");
            let answer = self.exchange("/v1/shows/gala/bookings", &from, &format!("{{\"seats\":[\"A-{seat}\"]}}")).await;
            assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        }
    }

    async fn exchange(&self, path: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        self.talk(&Sent { pieces: vec![request.into_bytes()] }).await.text
    }

    /// Of a buyer, another, an auditor and an admin.
    pub fn tokens(&self) -> Vec<String> {
        let auth = Auth::new(SECRET);
        let day = Duration::from_secs(86_400);
        [("anna", Role::Buyer), ("bob", Role::Buyer), ("audrey", Role::Auditor), ("root", Role::Admin)]
            .map(|(name, role)| auth.mint(&BuyerId::new(name).unwrap(), role, day, &Stopped::default()))
            .into()
    }

    /// Sends the pieces one by one and returns everything that comes until the server closes.
    pub async fn talk(&self, sent: &Sent) -> Answers {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut read, mut write) = stream.into_split();
        let writing = async {
            for piece in &sent.pieces {
                // The server may close before it has everything.
                let _ = write.write_all(piece).await;
                tokio::time::sleep(Duration::from_micros(300)).await;
            }
        };
        let reading = async {
            let mut all = Vec::new();
            let ended =
                tokio::time::timeout(Duration::from_secs(20), read.read_to_end(&mut all)).await.expect("the server closes");
            (String::from_utf8_lossy(&all).into_owned(), ended.is_err())
        };
        let ((), (text, was_reset)) = tokio::join!(writing, reading);
        let text = text.lines().filter_map(comparable).collect::<Vec<_>>().join("\n");
        Answers { text, was_reset }
    }

    pub fn pass_a_second(&self) {
        self.clock.0.fetch_add(TimeDelta::seconds(1).num_milliseconds(), Ordering::SeqCst);
    }

    async fn metrics(&self) -> String {
        self.talk(&Sent { pieces: vec![b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_vec()] }).await.text
    }

    /// What commands were counted as.
    pub async fn counted(&self) -> String {
        let of = [
            "lastseat_commands_total",
            "lastseat_refusals_total",
            "lastseat_rate_limited_total",
            "lastseat_idempotent_replays_total",
            "lastseat_command_seconds_count",
        ];
        let text = self.metrics().await;
        let mut lines: Vec<_> = text.lines().filter(|line| of.iter().any(|name| line.starts_with(name))).collect();
        // The series of a metric come in any order.
        lines.sort_unstable();
        lines.join("\n")
    }

    pub async fn answered_fast(&self) -> u64 {
        self.metric("lastseat_fast_refusals_total").await
    }

    /// Bytes of answers that the system has not taken.
    pub async fn kept_for_clients(&self) -> u64 {
        self.metric("lastseat_connection_bytes").await
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = self.metrics().await;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()).unwrap()
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
        self.box_office.drain(Duration::from_secs(2)).await;
        self.read_model.stop().await;
        self.log.close().await.unwrap();
    }
}
