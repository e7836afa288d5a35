//! The accept loop: HTTP/2 with or without TLS, limits on connections and calls, and a graceful shutdown
//! of bounded length.

use crate::dispatcher::Dispatcher;
use crate::disturbances::FaultInjector;
use crate::places::{Place, Places};
use crate::served_stream::ServedStream;
use crate::settings::ServerSettings;
use crate::stalls::{Gate, Stalls};
use crate::tls::Tls;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use lastseat_domain::ports::EventLog;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Largest header list of a call, in bytes.
const MAX_HEADERS: u32 = 16 * 1024;
/// HTTP/2 flow-control windows of one call and one connection, in bytes.
const CALL_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Answers buffered for a call whose client doesn't read, in bytes.
const SEND_BUFFER: usize = 256 * 1024;
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Pause after a failed accept: most likely the process has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Time between two log lines about failed accepts.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Serves `log` over EventStoreDB's protocol on `listener` until `shutdown` is cancelled. Then
/// subscriptions and reads end with `UNAVAILABLE`, appends under way are answered, and whatever has
/// not ended within [`ServerSettings::grace`] is cut off.
///
/// # Errors
/// If the listener itself is broken.
pub async fn serve(
    listener: TcpListener,
    log: Arc<dyn EventLog>,
    settings: ServerSettings,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let http = http(&settings);
    let injector = FaultInjector::new(&settings.disturbances, &settings.disturbed).map(Arc::new);
    let dispatcher = Dispatcher::new(log, &settings, injector.as_ref(), &shutdown);
    let stalls = injector.map(|injector| Arc::new(Stalls::new(injector, Arc::clone(&settings.clock))));
    let is_open = settings.reader_token.is_none() && settings.writer_token.is_none();
    let unproven = if is_open { settings.max_connections } else { settings.max_unproven_connections };
    let places = Places::new(settings.max_connections, unproven);
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let fallback = listener.local_addr()?;
    let mut warned = None;
    while let Some((stream, peer)) = accept(&listener, &shutdown, &mut warned).await {
        let place = places.enter(peer.ip());
        let dispatcher = dispatcher.for_connection(stream.local_addr().unwrap_or(fallback), Arc::clone(&place));
        let gate = stalls.clone().map(Gate::new);
        let (http, tls) = (http.clone(), settings.tls.clone());
        let (shutdown, cut) = (shutdown.child_token(), cut.child_token());
        connections.spawn(async move {
            tokio::select! {
                () = connection(http, stream, gate, tls, dispatcher, &place, shutdown) => {}
                () = cut.cancelled() => {}
            }
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(settings.grace, connections.wait()).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "the EventStoreDB-protocol server cuts the connections that did not end in time"
        );
        cut.cancel();
        connections.wait().await;
    }
    Ok(())
}

fn http(settings: &ServerSettings) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_calls_per_connection)
        .max_header_list_size(MAX_HEADERS)
        .initial_stream_window_size(CALL_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    http
}

/// The next connection; `None` on shutdown.
async fn accept(
    listener: &TcpListener,
    shutdown: &CancellationToken,
    warned: &mut Option<Instant>,
) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(connection) => return Some(connection),
            Err(error) => {
                if warned.is_none_or(|last| last.elapsed() >= WARN_EVERY) {
                    *warned = Some(Instant::now());
                    tracing::warn!(%error, "can't accept a connection");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(
    http: http2::Builder<TokioExecutor>,
    stream: TcpStream,
    gate: Option<Gate>,
    tls: Option<Tls>,
    dispatcher: Dispatcher,
    place: &Place,
    shutdown: CancellationToken,
) {
    // Answers are small, and somebody waits for each.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let stream = ServedStream::new(stream, gate);
    let served = async {
        let Some(tls) = tls else { return serve_http(http, stream, dispatcher, place, shutdown).await };
        let accepted = tokio::select! {
            accepted = tls.acceptor().accept(stream) => accepted,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok(stream) => serve_http(http, stream, dispatcher, place, shutdown).await,
            Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
        }
    };
    tokio::select! {
        () = served => {}
        () = place.lost() => tracing::debug!("a connection without an allowed call is closed"),
    }
}

async fn serve_http<S>(
    http: http2::Builder<TokioExecutor>,
    stream: S,
    dispatcher: Dispatcher,
    place: &Place,
    shutdown: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), dispatcher));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown.cancelled() => {
            if !place.is_proven() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended with an error");
    }
}
