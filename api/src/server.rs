//! Accepts connections and serves HTTP/1.1 over hyper, with what `axum::serve` does not set: a time-out
//! for idle connections and unfinished requests, no Nagle delay, and a maximum number of connections.
//!
//! HTTP/2 and TLS are left to a reverse proxy.

mod activity;
mod bodies;
mod budget;
mod capacity;
mod connection;
mod endless;
mod exit;
mod fast;
pub mod headers;
mod metered;
mod plain;
mod refusals;
mod report;
mod request_id;
mod serving;

pub use bodies::Keeping;
pub use budget::Budget;
pub use capacity::Capacity;
pub use endless::Endless;
pub use fast::{Post, Shortcut};

use axum::Router;
use connection::Connection;
use endless::StreamThreads;
use hyper::server::conn::http1;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most bytes of a request line and its headers, and about what a connection buffers of an answer.
const HEAD: usize = 16 << 10;
/// Most bytes of an answer that the system buffers for a connection; it doubles the number for its own
/// needs. Its default grows to megabytes, also for clients that do not read.
const SEND_BUFFER: usize = 128 << 10;
/// Pause after an accept failed, for example because there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` is cancelled, then lets running requests finish for at most `patience`.
/// `shortcut`, if there is one, is asked before the router is.
/// `budget` bounds what slow clients keep in memory, `capacity` the connections: further ones wait in the
/// system's queue.
///
/// # Errors
/// Only if the listener itself fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shortcut: Option<Arc<dyn Shortcut>>,
    budget: Arc<Budget>,
    capacity: Arc<Capacity>,
    shutdown: CancellationToken,
    patience: Duration,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    // Not `pipeline_flush`: with it, an answer waits while anything unread follows its request, even a
    // stray line end or half of the next request. Head and body go out in one write.
    http.writev(false).header_read_timeout(None).max_buf_size(HEAD);
    // Connections inherit it.
    if let Err(error) = socket2::SockRef::from(&listener).set_send_buffer_size(SEND_BUFFER) {
        tracing::debug!(%error, "no SO_SNDBUF");
    }
    let (connections, stream_threads) = (TaskTracker::new(), Arc::new(StreamThreads::default()));
    let cut = CancellationToken::new();
    loop {
        let (stream, peer, permit) = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &capacity) => accepted?,
        };
        let connection = Connection {
            http: http.clone(),
            peer,
            router: router.clone(),
            shortcut: shortcut.clone(),
            budget: Arc::clone(&budget),
            // A child token per connection: thousands waiting for one token would share one mutex.
            shutdown: shutdown.child_token(),
            cut: cut.child_token(),
            connections: connections.clone(),
            stream_threads: Arc::clone(&stream_threads),
        };
        connections.spawn(connection.run(stream, permit));
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(patience, connections.wait()).await.is_err() {
        tracing::warn!(left = connections.len(), "open connections are closed after the time to drain");
        cut.cancel();
        connections.wait().await;
    }
    Ok(())
}

async fn accept(listener: &TcpListener, capacity: &Capacity) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = capacity.slot().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return Ok((stream, peer, permit)),
            // The client gave up while it waited in the queue.
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                if capacity.may_warn() {
                    tracing::warn!(%error, "can't accept a connection");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
