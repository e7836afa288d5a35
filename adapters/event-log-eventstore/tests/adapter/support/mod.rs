//! A server for the adapter's tests: a log in memory, served over EventStoreDB's protocol.
#![allow(dead_code, reason = "every test file uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

pub mod proxy;

use lastseat_domain::StreamName;
use lastseat_domain::ids::NAMESPACE;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Expected, LogFault, NewEvent, Position, StreamWrite, WriteOutcome};
use lastseat_event_log_eventstore::{CircuitOptions, EventStoreLog, Options};
use lastseat_eventstore_server::ServerSettings;
use lastseat_in_process::SystemClock;
use lastseat_testkit::MemoryLog;
use proxy::Proxy;
use serde_json::value::RawValue;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const PATIENCE: Duration = Duration::from_secs(60);

/// Stops when dropped.
pub struct Server {
    pub log: Arc<dyn EventLog>,
    pub address: SocketAddr,
    shutdown: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Server {
    pub async fn start(log: Arc<dyn EventLog>) -> Self {
        Self::start_at(log, "127.0.0.1:0".parse().unwrap()).await
    }

    pub async fn start_at(log: Arc<dyn EventLog>, address: SocketAddr) -> Self {
        Self::start_with(log, address, settings()).await
    }

    pub async fn start_with(log: Arc<dyn EventLog>, address: SocketAddr, settings: ServerSettings) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener: TcpListener = socket.listen(1024).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = lastseat_eventstore_server::serve(listener, Arc::clone(&log), settings, shutdown.clone());
        let task = tokio::spawn(async move { serving.await.unwrap() });
        Self { log, address, shutdown, task: Some(task) }
    }

    /// Like EventStoreDB: appends are not atomic across streams, and positions have gaps.
    pub async fn with_memory() -> Self {
        Self::start(Arc::new(memory())).await
    }

    /// Stops, and waits until the port is free.
    pub async fn stop(&mut self) {
        self.shutdown.cancel();
        if let Some(task) = self.task.take() {
            tokio::time::timeout(PATIENCE, task).await.expect("the server stops in time").unwrap();
        }
    }

    pub fn connection_string(&self) -> String {
        to(self.address)
    }

    pub fn client(&self) -> EventStoreLog {
        open(self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// No token, appends allowed, a short grace period.
pub fn settings() -> ServerSettings {
    ServerSettings { write: true, grace: Duration::from_millis(50), ..ServerSettings::new(Arc::new(SystemClock)) }
}

pub fn memory() -> MemoryLog {
    MemoryLog::new(Arc::new(SystemClock), false).with_position_step(97)
}

pub fn to(address: SocketAddr) -> String {
    format!("esdb://{address}?tls=false")
}

pub fn open(address: SocketAddr) -> EventStoreLog {
    EventStoreLog::open(&to(address), Options::default()).unwrap()
}

/// Short deadlines and pauses, for tests of faults.
pub fn impatient() -> Options {
    Options {
        read_deadline: Duration::from_secs(3),
        append_deadline: Duration::from_secs(3),
        circuit: CircuitOptions {
            silence: Duration::from_millis(500),
            probe: Duration::from_millis(20),
            trial: Duration::from_millis(200),
        },
        ..Options::default()
    }
}

/// A write of one event, whose id is derived from its stream and name.
pub fn write(stream: &str, expected: Expected, name: &str) -> StreamWrite {
    let json = |text: String| RawValue::from_string(text).unwrap();
    let event = NewEvent {
        id: Uuid::new_v5(&NAMESPACE, format!("{stream}/{name}").as_bytes()),
        event_type: "Tested".to_owned(),
        data: json(format!("{{\"name\":\"{name}\"}}")),
        metadata: json("{}".to_owned()),
    };
    StreamWrite { stream: StreamName::from_log(stream), expected, events: vec![event] }
}

/// A server, and a client connected through a proxy that can cut the connection.
pub async fn with_proxy() -> (Server, Proxy, EventStoreLog) {
    let server = Server::with_memory().await;
    let proxy = Proxy::to(server.address).await;
    let log = EventStoreLog::open(&to(proxy.address), impatient()).unwrap();
    (server, proxy, log)
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("did not happen: {what}"));
}

pub async fn bounded<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("hangs: {what}"))
}

pub async fn append_one(log: &impl EventLog, write: StreamWrite) -> Result<WriteOutcome, LogFault> {
    bounded("append", log.append(vec![write])).await.map(|outcomes| outcomes[0])
}

/// Ids and positions of a stream's events.
pub async fn events_of(log: &Arc<dyn EventLog>, stream: &str) -> Vec<(uuid::Uuid, Position)> {
    let events = log.read_stream(&StreamName::from_log(stream), None, Direction::Forwards, 1000).await.unwrap();
    events.iter().map(|event| (event.id, event.position)).collect()
}
