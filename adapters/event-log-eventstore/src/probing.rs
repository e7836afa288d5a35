//! Whether the store takes connections: the cheapest sign that it may be back.

use eventstore::Endpoint;
use futures::future::select_ok;
use std::time::Duration;
use tokio::net::TcpStream;

/// A node in the same network accepts in less.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether one of the nodes accepts a connection, which is closed again at once.
pub(crate) async fn is_connectable(nodes: &[Endpoint]) -> bool {
    if nodes.is_empty() {
        return false;
    }
    let tries = nodes.iter().map(|node| Box::pin(connect(node)));
    tokio::time::timeout(PATIENCE, select_ok(tries)).await.is_ok_and(|connected| connected.is_ok())
}

async fn connect(node: &Endpoint) -> std::io::Result<()> {
    let port = u16::try_from(node.port).map_err(std::io::Error::other)?;
    let host = node.host.trim_matches(['[', ']']);
    // All addresses at once: the first one of a name may be that of a node that is gone.
    let addresses = tokio::net::lookup_host((host, port)).await?;
    let tries: Vec<_> = addresses.map(|address| Box::pin(TcpStream::connect(address))).collect();
    match tries.is_empty() {
        true => Err(std::io::ErrorKind::NotFound.into()),
        false => select_ok(tries).await.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn one_node_that_accepts_is_enough() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("it has one").port();
        let here = listener.local_addr().expect("it has one").port();
        let node = |host: &str, port: u16| Endpoint { host: host.to_owned(), port: port.into() };
        assert!(is_connectable(&[node("127.0.0.1", gone), node("127.0.0.1", here)]).await);
        assert!(!is_connectable(&[node("127.0.0.1", gone)]).await);
    }
}
