//! Bytes on a connection, without a client that would correct them.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends the bytes and returns the status codes of all answers until the server closes the connection or is
/// silent for 300 ms.
pub async fn statuses(addr: SocketAddr, bytes: &[u8]) -> Vec<u16> {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    // The server may close while this is being written.
    let _ = stream.write_all(bytes).await;
    let mut received = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while let Ok(Ok(read)) = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut buffer)).await {
        if read == 0 {
            break;
        }
        received.extend_from_slice(&buffer[..read]);
    }
    let text = String::from_utf8_lossy(&received);
    text.match_indices("HTTP/1.1 ").filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok()).collect()
}
