//! The accept loop: HTTP/1.1 over hyper, with what `axum::serve` does not set. A header time-out
//! (so that a client that never finishes its request does not keep a connection), no Nagle delay, and
//! a bound on connections.
//!
//! HTTP/2 and TLS are the business of the proxy in front.

mod connection;

use axum::Router;
use connection::Connection;
use hyper::server::conn::http1;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// More wait in the system's queue until one of these is closed.
const MAX_CONNECTIONS: usize = 32_768;
/// Rest after the system ran out of something that an accept needs, such as file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Serves until `shutdown` is cancelled, then lets what is under way finish, for `patience` at most.
///
/// # Errors
/// Only if the listener itself is broken.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken, patience: Duration) -> io::Result<()> {
    let mut http = http1::Builder::new();
    // Not `pipeline_flush`: with it, an answer waits for as long as anything stands unread behind its
    // request, be it a stray line end or half of the next one. Head and body go out in one write.
    http.writev(false).header_read_timeout(None);
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    loop {
        let (stream, peer, permit) = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &room) => accepted?,
        };
        let connection = Connection {
            http: http.clone(),
            peer,
            router: router.clone(),
            // Tokens of its own: waiting for one shared by thousands would mean one shared mutex.
            shutdown: shutdown.child_token(),
            cut: cut.child_token(),
        };
        connections.spawn(connection.run(stream, permit));
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(patience, connections.wait()).await.is_err() {
        tracing::warn!(left = connections.len(), "connections are cut");
        cut.cancel();
        connections.wait().await;
    }
    Ok(())
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return Ok((stream, peer, permit)),
            // The client gave up while it waited: not our concern.
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
