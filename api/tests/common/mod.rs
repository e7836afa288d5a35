//! A whole server in a directory of its own, and a small client.
#![allow(dead_code, reason = "every test file uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use lastseat::accounts::{Accounts, Post};
use lastseat::app::{App, AppParts, BankAuthentication};
use lastseat::auth::{Auth, Role, VoucherKeys, challenge_secret};
use lastseat::challenges::{ChallengeRules, Challenges};
use lastseat::cors::{Cors, WebOrigin};
use lastseat::deliveries::Deliveries;
use lastseat::limits::{GuestRules, Limits, Proxies, Quotas};
use lastseat::metrics::Metrics;
use lastseat::outbox::Outbox;
use lastseat::routes::bookings::fast_refusal::FastRefusals;
use lastseat::tickets::TicketKey;
use lastseat::{routes, server};
use lastseat_domain::ports::{Clock, EventLog, Ids};
use lastseat_domain::{BuyerId, EndpointId, IntentId};
use lastseat_engine::{BoxOffice, Ports, Settings};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::FreeOfCharge;
use lastseat_in_process::InProcessGuard;
use lastseat_in_process::InProcessLimiter;
use lastseat_in_process::{SystemClock, TimeOrderedIds};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_projections::ReadModel;
use lastseat_sqlite_accounts::SqliteAccounts;
use lastseat_testkit::mailer::MemoryMailer;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A server that runs.
pub struct TestServer {
    pub addr: SocketAddr,
    pub auth: Auth,
    pub accounts: Accounts,
    pub mails: Arc<MemoryMailer>,
    pub log: Arc<SqliteLog>,
    pub box_office: BoxOffice,
    pub read_model: ReadModel,
    pub sandbox: Arc<SandboxGateway>,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

struct Bank(Arc<SandboxGateway>);

#[async_trait]
impl BankAuthentication for Bank {
    async fn authenticate(&self, intent: &IntentId, success: bool) -> Result<lastseat_domain::BookingId, String> {
        let intent = self.0.authenticate(intent, success).await.map_err(|error| error.to_string())?;
        intent.booking.ok_or_else(|| "the sandbox's intents name a booking".to_owned())
    }
}

/// Starts a server on what lies in `dir`, with a show `demo`: rows A to C of 10, a floor of 20.
pub async fn start_for_test(dir: &Path) -> TestServer {
    start_with(dir, true).await
}

pub async fn start_with(dir: &Path, guests: bool) -> TestServer {
    let local = Arc::new(InProcessLimiter::new(Arc::new(SystemClock)));
    start_limited(dir, guests, Limits::new(Quotas::default(), Proxies::default(), local, None)).await
}

pub async fn start_limited(dir: &Path, guests: bool, limits: Limits) -> TestServer {
    start_server(dir, guests, limits, None, None, Arc::new(SystemClock)).await
}

/// With a publishable key: buyers pay in the gateway's own form. Guests may extend their holds.
pub async fn start_with_form(dir: &Path, publishable_key: &str) -> TestServer {
    let local = Arc::new(InProcessLimiter::new(Arc::new(SystemClock)));
    let guests = GuestRules { extend: true, ..GuestRules::default() };
    let limits = Limits::new(Quotas { guests, ..Quotas::default() }, Proxies::default(), local, None);
    start_server(dir, true, limits, Some(publishable_key.to_owned()), None, Arc::new(SystemClock)).await
}

/// For pages of these origins, too.
pub async fn start_for_origins(dir: &Path, origins: &str) -> TestServer {
    let local = Arc::new(InProcessLimiter::new(Arc::new(SystemClock)));
    let limits = Limits::new(Quotas::default(), Proxies::default(), local, None);
    start_server(dir, true, limits, None, Cors::of(&WebOrigin::list(origins).unwrap()), Arc::new(SystemClock)).await
}

/// With accounts that go by this clock.
pub async fn start_with_accounts_at(dir: &Path, clock: Arc<dyn Clock>) -> TestServer {
    let local = Arc::new(InProcessLimiter::new(Arc::new(SystemClock)));
    let limits = Limits::new(Quotas::default(), Proxies::default(), local, None);
    start_server(dir, true, limits, None, None, clock).await
}

async fn start_server(
    dir: &Path,
    guests: bool,
    limits: Limits,
    publishable_key: Option<String>,
    cors: Option<Cors>,
    clock_of_accounts: Arc<dyn Clock>,
) -> TestServer {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(TimeOrderedIds::new(Arc::clone(&clock)));
    let log = Arc::new(SqliteLog::open(dir.join("events.db"), Arc::clone(&clock)).unwrap());
    let sandbox = Arc::new(SandboxGateway::open(&dir.join("sandbox"), Arc::clone(&clock)).unwrap());
    let ports = Ports {
        log: Arc::clone(&log) as Arc<dyn EventLog>,
        guard: Arc::new(InProcessGuard::new(Arc::clone(&clock))),
        payments: Arc::new(FreeOfCharge::in_front_of(sandbox.clone())),
        clock: Arc::clone(&clock),
        ids: Arc::clone(&ids),
        vouchers: Arc::new(VoucherKeys::new(SECRET)),
    };
    let box_office = BoxOffice::open(ports, Settings::default()).await.unwrap();
    let read_model = ReadModel::open(Arc::clone(&log) as Arc<dyn EventLog>, Arc::clone(&clock), None).await.unwrap();
    let stop = CancellationToken::new();
    let buffers = server::Budget::new(256 << 20, read_model.superseded_bytes());
    let capacity = Arc::new(server::Capacity::of_process(0));
    let store = Arc::new(SqliteAccounts::open(&dir.join("accounts.db")).unwrap());
    let public_url = Some("http://tickets.test".to_owned());
    let (mails, metrics) = (Arc::<MemoryMailer>::default(), Arc::<Metrics>::default());
    let outbox = Outbox::start(mails.clone(), Arc::clone(&metrics), stop.clone());
    let post = Some(Post::new(outbox, "http://tickets.test"));
    let accounts = Accounts::new(store, clock_of_accounts, Arc::clone(&ids), public_url.clone(), post);
    let app = App::new(AppParts {
        accounts: Some(accounts.clone()),
        webhooks: None,
        deliveries: Deliveries::known([(EndpointId::new("shop").unwrap(), "https://shop.test/hooks".to_owned())]),
        metrics,
        reports_ended: CancellationToken::new(),
        stripe: false,
        box_office: box_office.clone(),
        read_model: read_model.clone(),
        log: Arc::clone(&log) as Arc<dyn EventLog>,
        clock,
        ids,
        auth: Auth::new(SECRET),
        tickets: Arc::new(ticket_key()),
        limits,
        verification_memory: 1,
        metrics_of_shows: true,
        challenges: Challenges::new(ChallengeRules::default(), challenge_secret(SECRET)),
        guests,
        cors,
        public_url,
        bank: Some(Arc::new(Bank(Arc::clone(&sandbox)))),
        publishable_key,
        buffers: Arc::clone(&buffers),
        capacity: Arc::clone(&capacity),
        drain: stop.clone(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let shortcut = Some(FastRefusals::shortcut(&app));
    let router = routes::router(app);
    let serving =
        tokio::spawn(server::serve(listener, router, shortcut, buffers, capacity, stop.clone(), Duration::from_secs(2)));
    let server =
        TestServer { addr, auth: Auth::new(SECRET), accounts, mails, log, box_office, read_model, sandbox, stop, serving };
    let demo = server.post("/v1/shows").admin(&server).json(demo()).send().await;
    assert!(demo.status.is_success(), "{demo:?}");
    server
}

/// What the server signs tickets with.
pub fn ticket_key() -> TicketKey {
    TicketKey::new(&[7; 32]).unwrap()
}

/// The show that every test has.
pub fn demo() -> Value {
    json!({
        "id": "demo",
        "title": "Demo",
        "currency": "EUR",
        "categories": [{"category": "stalls", "price": 4500}, {"category": "standing", "price": 3000}],
        "areas": [
            {"area": "parquet", "category": "stalls", "rows": [
                {"row": "A", "seats": 10}, {"row": "B", "seats": 10}, {"row": "C", "seats": 10}]},
            {"area": "floor", "category": "standing", "capacity": 20},
        ],
        "rewards": [{"reward": "One drink", "weight": 3}, {"reward": "A poster", "weight": 1}],
    })
}

impl TestServer {
    pub fn token(&self, sub: &str, role: Role) -> String {
        self.auth.mint(&BuyerId::new(sub).unwrap(), role, Duration::from_secs(600), &SystemClock)
    }

    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub fn post(&self, path: &str) -> Call {
        self.call("POST", path)
    }

    pub fn call(&self, method: &str, path: &str) -> Call {
        Call { addr: self.addr, method: method.to_owned(), path: path.to_owned(), headers: vec![], body: Bytes::new() }
    }

    /// Holds as a guest; the answer must be 201.
    pub async fn hold(&self, body: Value) -> Reply {
        let reply = self.post("/v1/shows/demo/bookings").json(body).send().await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        reply
    }

    /// The position of the last event: nothing changed while it stays.
    pub async fn head(&self) -> u64 {
        self.log.head().await.unwrap().0
    }

    /// Stops in order, so that another can start on the same directory.
    pub async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
        self.box_office.drain(Duration::from_secs(2)).await;
        self.read_model.stop().await;
        self.log.close().await.unwrap();
    }
}

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Call {
    addr: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Call {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn admin(self, server: &TestServer) -> Self {
        let token = server.token("root", Role::Admin);
        self.bearer(&token)
    }

    /// A key by a short name. A guest's must be long, so all are.
    pub fn key(self, name: &str) -> Self {
        self.header("idempotency-key", &format!("{name}-3f0a61c2-9d4e-4b58-8c71-e2"))
    }

    pub fn json(self, body: impl ToString) -> Self {
        let text = body.to_string();
        self.header("content-type", "application/json").bytes(text)
    }

    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Reply {
        let (parts, body) = self.open().await;
        let body = tokio::time::timeout(Duration::from_secs(20), body.collect()).await.expect("an answer").unwrap().to_bytes();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// Sends, and leaves the body to be read as it comes.
    pub async fn open(self) -> (http::response::Parts, hyper::body::Incoming) {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.path).header("host", "test");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body)).unwrap();
        sender.send_request(request).await.unwrap().into_parts()
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A member of the body as text.
    pub fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {self:?}")).to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }

    /// Checks that this is a problem of that status and code, in the form that was promised.
    #[track_caller]
    pub fn is(&self, status: u16, code: &str) -> &Self {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["code"].as_str().unwrap()), (status, code), "{body}");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("/problems/{code}"));
        assert!(body["detail"].as_str().unwrap().len() > 10 && !body["title"].as_str().unwrap().is_empty());
        self
    }
}
