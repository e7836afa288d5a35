//! A connection that acknowledges packets at once, and that is closed only after its client has read everything.
//!
//! The official Rust client sends a call in two packets and, without TCP_NODELAY, holds the second
//! until the first is acknowledged. An idle system delays that by some 40 ms, for every read of a node.
//!
//! A socket that is closed while something is unread resets the connection. A client that sends fails then, before it has
//! read the last answers, and that the server is shutting down. So what a client still sends is read and dropped until
//! the client closes its side.

use crate::stalls::Gate;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// Longest wait for the client to close its side. It does so when it has read ours.
const LINGER: Duration = Duration::from_secs(1);

pub(crate) struct ServedStream {
    stream: TcpStream,
    /// Ours is closed; the client's has this much time left.
    lingering: Option<Pin<Box<Sleep>>>,
    /// Only in tests.
    gate: Option<Gate>,
}

impl ServedStream {
    pub(crate) fn new(stream: TcpStream, gate: Option<Gate>) -> Self {
        let stream = Self { stream, lingering: None, gate };
        stream.acknowledge();
        stream
    }

    /// Ready unless the connection stalls.
    fn flows(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.gate.as_mut().map_or(Poll::Ready(()), |gate| gate.poll(context))
    }

    /// The kernel resets the option by itself, so it is set again after each read.
    fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        let _only_slower = socket2::SockRef::from(&self.stream).set_tcp_quickack(true);
    }
}

impl AsyncRead for ServedStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.flows(context));
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        self.acknowledge();
        Poll::Ready(read)
    }
}

impl AsyncWrite for ServedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.flows(context));
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        let Self { stream, lingering, .. } = &mut *self;
        let lingering = lingering.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        let mut dropped = [0; 4096];
        while lingering.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut dropped);
            match ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                // Closed, one way or another.
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.flows(context));
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// What a client reads that goes on sending while its connection is closed.
    async fn last_words<S: AsyncWrite + Unpin>(served: impl FnOnce(TcpStream) -> S) -> io::Result<Vec<u8>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        client.write_all(&[0; 16 * 1024]).await.unwrap();
        stream.readable().await.unwrap();
        let mut served = served(stream);
        served.write_all(b"the end").await.unwrap();
        let close = async move {
            served.shutdown().await.unwrap();
            drop(served);
        };
        // Polled after `close`.
        let read = async move {
            client.write_all(&[0; 16 * 1024]).await?;
            let mut words = Vec::new();
            client.read_to_end(&mut words).await.map(|_| words)
        };
        tokio::join!(close, read).1
    }

    #[tokio::test]
    async fn a_client_that_goes_on_sending_reads_everything_and_the_end() {
        assert_eq!(last_words(|stream| ServedStream::new(stream, None)).await.unwrap(), b"the end");
    }

    /// The failing twin: a plain stream.
    #[tokio::test]
    async fn a_stream_that_is_closed_with_something_unread_is_reset() {
        last_words(|stream| stream).await.unwrap_err();
    }

    /// In paused time.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_close_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        ServedStream::new(stream, None).shutdown().await.unwrap();
        drop(client);
    }
}
