//! The accept loop: HTTP/2 with or without TLS, connections and calls bounded, no Nagle delay, and an end that
//! comes soon.

use crate::access::{Access, Doing};
use crate::door::{Door, StreamsService};
use crate::node::{Node, ReachedAt};
use crate::prompt::Prompt;
use crate::settings::DoorSettings;
use crate::tls::Tls;
use crate::wire::gossip::gossip_server::GossipServer;
use crate::wire::server_features::server_features_server::ServerFeaturesServer;
use crate::wire::streams::streams_server::StreamsServer;
use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::request::MAX_APPEND_BYTES;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::service::Routes;

/// Largest message of a writer: one append in one piece, with what stands around its events.
const MAX_WRITE_MESSAGE: usize = MAX_APPEND_BYTES + 1024 * 1024;
/// Largest message of a reader: a filter with all its prefixes.
const MAX_READ_MESSAGE: usize = 512 * 1024;
/// Largest head of a call, in bytes.
const MAX_HEADERS: u32 = 16 * 1024;
/// What one call and one connection may send ahead of being read, in bytes.
const CALL_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Answers kept for one call that its client does not take, in bytes.
const SEND_BUFFER: usize = 256 * 1024;
/// A connection that nothing came from is asked whether it is still there.
const STILL_THERE_EVERY: Duration = Duration::from_secs(20);
const STILL_THERE_WITHIN: Duration = Duration::from_secs(20);
/// A client that has connected asks something within this time.
const FIRST_CALL_WITHIN: Duration = Duration::from_secs(10);
/// Rest after the system ran out of something that an accept needs, such as file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Opens the door: answers EventStoreDB's protocol on `listener` with what is in `log`, until
/// `shutdown` is cancelled. Then subscriptions and reads end with `UNAVAILABLE`, appends under way
/// are answered, and what has not ended within [`DoorSettings::grace`] is cut off.
///
/// # Errors
/// If the listener itself is broken.
pub async fn serve(
    listener: TcpListener,
    log: Arc<dyn EventLog>,
    settings: DoorSettings,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let http = http(&settings);
    let front = Front::new(log, &settings, &shutdown);
    let room = Arc::new(Semaphore::new(settings.max_connections));
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let fallback = listener.local_addr()?;
    while let Some((stream, _)) = accept(&listener, &shutdown).await {
        // Closed at once rather than left waiting: its client tries another time, or tells somebody.
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            tracing::warn!(connections = settings.max_connections, "the door is full; a connection is closed");
            continue;
        };
        let reached_at = stream.local_addr().unwrap_or(fallback);
        let (http, front) = (http.clone(), Front { reached_at: Some(reached_at), called: Arc::default(), ..front.clone() });
        let tls = settings.tls.clone();
        let (shutdown, cut) = (shutdown.child_token(), cut.child_token());
        connections.spawn(async move {
            tokio::select! {
                () = connection(http, stream, tls, front, shutdown) => {}
                () = cut.cancelled() => {}
            }
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(settings.grace, connections.wait()).await.is_err() {
        tracing::warn!(left = connections.len(), "connections of the door are cut");
        cut.cancel();
        connections.wait().await;
    }
    Ok(())
}

fn http(settings: &DoorSettings) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_calls_per_connection)
        .max_header_list_size(MAX_HEADERS)
        .initial_stream_window_size(CALL_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(STILL_THERE_EVERY)
        .keep_alive_timeout(STILL_THERE_WITHIN);
    http
}

/// The next connection; `None` when the door is to be shut.
async fn accept(listener: &TcpListener, shutdown: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(connection) => return Some(connection),
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

async fn connection(
    http: http2::Builder<TokioExecutor>,
    stream: TcpStream,
    tls: Option<Tls>,
    front: Front,
    shutdown: CancellationToken,
) {
    // An append is a short message that somebody waits for.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let stream = Prompt::new(stream);
    let says_nothing = says_nothing(Arc::clone(&front.called));
    let served = async {
        let Some(tls) = tls else { return speak(http, stream, front, shutdown).await };
        let accepted = tokio::select! {
            accepted = tls.acceptor().accept(stream) => accepted,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok(stream) => speak(http, stream, front, shutdown).await,
            Err(error) => tracing::debug!(%error, "a connection of the door is not made"),
        }
    };
    tokio::select! {
        () = served => {}
        () = says_nothing => tracing::debug!("a connection of the door says nothing"),
    }
}

async fn speak<S>(http: http2::Builder<TokioExecutor>, stream: S, front: Front, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let called = Arc::clone(&front.called);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), front));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown.cancelled() => {
            if !called.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the door ended");
    }
}

/// Completes if a connection is made and then not used: it takes up room. Clients that have nothing
/// to ask yet connect again when they have.
async fn says_nothing(called: Arc<AtomicBool>) {
    tokio::time::sleep(FIRST_CALL_WITHIN).await;
    if called.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

/// What stands before the services: looks at the token before anything of a call's body is read.
#[derive(Clone)]
struct Front {
    access: Arc<Access>,
    /// Reading and greeting: small messages.
    reads: Routes,
    /// Writing: large ones.
    writes: Routes,
    reached_at: Option<SocketAddr>,
    /// Whether there was a call on this connection.
    called: Arc<AtomicBool>,
}

impl Front {
    fn new(log: Arc<dyn EventLog>, settings: &DoorSettings, shutdown: &CancellationToken) -> Self {
        let streams = StreamsService(Arc::new(Door::new(log, settings, shutdown.clone())));
        let node = Node { clock: Arc::clone(&settings.clock), advertise: settings.advertise.clone() };
        let reads = Routes::new(StreamsServer::new(streams.clone()).max_decoding_message_size(MAX_READ_MESSAGE))
            .add_service(ServerFeaturesServer::new(node.clone()))
            .add_service(GossipServer::new(node))
            .prepare();
        let writes = Routes::new(StreamsServer::new(streams).max_decoding_message_size(MAX_WRITE_MESSAGE)).prepare();
        Self { access: Arc::new(Access::new(settings)), reads, writes, reached_at: None, called: Arc::default() }
    }
}

impl hyper::service::Service<http::Request<Incoming>> for Front {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, mut request: http::Request<Incoming>) -> Self::Future {
        self.called.store(true, Ordering::Relaxed);
        let doing = Doing::of(request.uri().path());
        if let Err(status) = self.access.check(doing, request.headers()) {
            return Box::pin(std::future::ready(Ok(status.into_http())));
        }
        if let Some(address) = self.reached_at {
            request.extensions_mut().insert(ReachedAt(address));
        }
        let mut routes = if doing == Doing::Writing { self.writes.clone() } else { self.reads.clone() };
        Box::pin(async move {
            match routes.call(request).await {
                Ok(response) => Ok(response),
                // The services answer every failure themselves.
                Err(error) => Ok(tonic::Status::internal(error.to_string()).into_http()),
            }
        })
    }
}
