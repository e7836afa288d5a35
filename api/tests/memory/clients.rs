//! Clients that open connections and do as little as they can.

use crate::support::test_server::TestServer;
use futures::future::join_all;
use peak_alloc::PeakAlloc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Connections that have sent something and read nothing.
pub struct Slow(Vec<TcpStream>);

impl Slow {
    /// Opens so many and sends the bytes on each, as far as the server takes them.
    pub async fn open(server: &TestServer, many: usize, bytes: &str) -> Self {
        let open = join_all((0..many).map(|_| send(server, bytes))).await;
        settle().await;
        Self(open)
    }

    /// Opens one, and waits until the server has begun its answer and sent so much of it that its body is among it.
    pub async fn answered(server: &TestServer, bytes: &str) -> Self {
        let stream = send(server, bytes).await;
        let arrived = async {
            // Less than the client's buffer takes. Peeking leaves it there.
            let mut space = [0; 1024];
            while stream.peek(&mut space).await.unwrap() < space.len() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), arrived).await.expect("an answer");
        Self(vec![stream])
    }

    /// Bytes of the first answer's body, if all of it arrives.
    pub async fn read_one(&mut self, length: usize) -> usize {
        let stream = self.0.first_mut().unwrap();
        let (mut read, mut space, mut head) = (0, vec![0; 1 << 16], None);
        while head.is_none_or(|head| read < head + length) {
            let part = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut space)).await.expect("goes on").unwrap();
            assert!(part > 0, "the answer broke off after {read} bytes");
            head = head.or_else(|| space[..part].windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4));
            read += part;
        }
        read - head.unwrap()
    }
}

/// Sends the bytes, as far as the server takes them.
async fn send(server: &TestServer, bytes: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // What the system takes for the client is not read by it.
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.running().addr).await.unwrap();
    let sent = tokio::time::timeout(Duration::from_secs(2), stream.write_all(bytes.as_bytes())).await;
    drop(sent);
    stream
}

/// The body of an answer.
pub async fn send_and_read(server: &TestServer, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.running().addr).await.unwrap();
    stream.write_all(format!("{request} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = vec![];
    stream.read_to_end(&mut answer).await.unwrap();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(head)
}

/// Until the server has done what it can with what it has.
pub async fn settle() {
    tokio::time::sleep(Duration::from_millis(700)).await;
}

/// Waits until no more than so many bytes are allocated: what clients cost is given back.
pub async fn eventually_at_most(memory: &PeakAlloc, bytes: usize) {
    let begun = Instant::now();
    while memory.current_usage() > bytes {
        assert!(begun.elapsed() < Duration::from_secs(10), "{} bytes are still there, not {bytes}", memory.current_usage());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
