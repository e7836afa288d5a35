//! A server over an embedded log, and clients of it.
#![allow(dead_code, reason = "every test file uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

pub mod raw;
pub mod wire;

use async_trait::async_trait;
use eventstore::{AppendToStreamOptions, Client, EventData, ReadStream, ResolvedEvent, StreamState};
use futures::stream::{self, BoxStream};
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, Expected, Filter, NewEvent, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use lastseat_domain::ports::{EventLog, LogFault};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_eventstore_server::{ServerSettings, serve};
use lastseat_in_process::SystemClock;
use lastseat_testkit::ForwardLog;
use lastseat_testkit::MemoryLog;
use serde_json::value::RawValue;
use std::future::Future;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits, but fails after [`PATIENCE`].
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it took too long")
}

/// A running server in this process.
pub struct TestServer {
    pub address: SocketAddr,
    pub log: Arc<dyn EventLog>,
    shutdown: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

/// Settings of a server that takes appends.
pub fn writing() -> ServerSettings {
    ServerSettings { write: true, ..ServerSettings::new(Arc::new(SystemClock)) }
}

pub fn memory() -> Arc<MemoryLog> {
    Arc::new(MemoryLog::new(Arc::new(SystemClock), true))
}

pub fn sqlite() -> (TempDir, Arc<SqliteLog>) {
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteLog::open(folder.path().join("events.db"), Arc::new(SystemClock)).unwrap();
    (folder, Arc::new(log))
}

impl TestServer {
    pub async fn new(log: Arc<dyn EventLog>, settings: ServerSettings) -> Self {
        Self::at("127.0.0.1:0", log, settings).await
    }

    pub async fn at(address: &str, log: Arc<dyn EventLog>, settings: ServerSettings) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, Arc::clone(&log), settings, shutdown.clone()));
        Self { address, log, shutdown, serving }
    }

    /// Without credentials.
    pub fn client(&self) -> Client {
        self.client_as("")
    }

    /// With `user:password@`.
    pub fn client_as(&self, credentials: &str) -> Client {
        let uri = format!(
            "esdb://{credentials}{}?tls=false&discoveryInterval=10&maxDiscoverAttempts=100&nodePreference=leader",
            self.address
        );
        Client::new(uri.parse().unwrap()).unwrap()
    }

    /// Over TLS, trusting the certificate in a file.
    pub fn client_over_tls(&self, credentials: &str, trusted: &std::path::Path) -> Client {
        let uri = format!(
            "esdb://{credentials}localhost:{}?tls=true&tlsCaFile={}&discoveryInterval=10&maxDiscoverAttempts=3",
            self.address.port(),
            trusted.display()
        );
        Client::new(uri.parse().unwrap()).unwrap()
    }

    /// Shuts down and waits for the end.
    pub async fn stop(self) {
        self.shutdown.cancel();
        soon(self.serving).await.unwrap().unwrap();
    }

    /// Begins to shut down, without waiting.
    pub fn begin_shutdown(&self) {
        self.shutdown.cancel();
    }
}

/// The event of a name: the same name is the same event.
pub fn event(name: &str) -> EventData {
    typed("TestHappened", name)
}

pub fn typed(event_type: &str, name: &str) -> EventData {
    EventData::json(event_type, &serde_json::json!({ "name": name })).unwrap().id(id(name))
}

pub fn id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

pub fn at(state: StreamState) -> AppendToStreamOptions {
    AppendToStreamOptions::default().stream_state(state)
}

pub fn events(names: &[&str]) -> Vec<EventData> {
    names.iter().map(|name| event(name)).collect()
}

/// Writes events named `{stream}/{n}` directly to the log, in one append. Returns their positions.
pub async fn fill(log: &Arc<dyn EventLog>, stream: &str, event_type: &str, revisions: Range<u64>) -> Vec<Position> {
    let new = |revision| {
        let name = format!("{stream}/{revision}");
        NewEvent {
            id: id(&name),
            event_type: event_type.to_owned(),
            data: RawValue::from_string(serde_json::json!({ "name": name }).to_string()).unwrap(),
            metadata: RawValue::from_string(r#"{"actor":"test"}"#.to_owned()).unwrap(),
        }
    };
    let expected = Expected::after(revisions.start);
    let (count, events) = (revisions.end - revisions.start, revisions.map(new).collect());
    let write = StreamWrite { stream: StreamName::from_log(stream), expected, events };
    match log.append(vec![write]).await.unwrap()[0] {
        // The embedded logs leave no gaps.
        WriteOutcome::Written { position, .. } => (position.0 + 1 - count..=position.0).map(Position).collect(),
        other => panic!("{other:?}"),
    }
}

/// The name in an event's body.
pub fn name(event: &ResolvedEvent) -> String {
    let body: serde_json::Value = event.get_original_event().as_json().unwrap();
    body["name"].as_str().unwrap().to_owned()
}

pub async fn all(mut read: ReadStream) -> eventstore::Result<Vec<ResolvedEvent>> {
    let mut events = Vec::new();
    while let Some(event) = soon(read.next()).await? {
        events.push(event);
    }
    Ok(events)
}

pub async fn names(read: eventstore::Result<ReadStream>) -> Vec<String> {
    all(read.unwrap()).await.unwrap().iter().map(name).collect()
}

/// A log that never answers.
pub struct Silent {
    /// A permit for each call.
    calls: Semaphore,
}

impl Silent {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { calls: Semaphore::new(0) })
    }

    /// Waits for so many further calls.
    pub async fn called(&self, times: u32) {
        soon(self.calls.acquire_many(times)).await.unwrap().forget();
    }

    async fn never<T>(&self) -> T {
        self.calls.add_permits(1);
        std::future::pending().await
    }
}

#[async_trait]
impl EventLog for Silent {
    fn atomic_across_streams(&self) -> bool {
        true
    }

    async fn append(&self, _: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        self.never().await
    }

    async fn read_stream(
        &self,
        _: &StreamName,
        _: Option<Revision>,
        _: Direction,
        _: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.never().await
    }

    async fn read_all(
        &self,
        _: Option<Position>,
        _: Direction,
        _: usize,
        _: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.never().await
    }

    fn subscribe(&self, _: Position, _: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        Box::pin(stream::pending())
    }

    async fn head(&self) -> Result<Position, LogFault> {
        self.never().await
    }
}

/// A log that counts the events it returns.
pub struct Counting {
    inner: Arc<dyn EventLog>,
    all: AtomicUsize,
}

impl Counting {
    pub fn new(inner: Arc<dyn EventLog>) -> Self {
        Self { inner, all: AtomicUsize::new(0) }
    }

    /// Events returned by reads of the whole log.
    pub fn events_read(&self) -> usize {
        self.all.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ForwardLog for Counting {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let events = self.inner.read_all(from, direction, limit, filter).await?;
        self.all.fetch_add(events.len(), Ordering::SeqCst);
        Ok(events)
    }
}
