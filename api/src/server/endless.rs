//! Answers that go on for as long as their client listens. They are many, and most of them wait, so they cost as
//! little as can be: when the head is due, hyper and its buffers are dropped, and a task with little more than the socket
//! and the answer's stream goes on ([`StreamReader`]). See docs/decisions/0073-connections-that-wait.md.
//!
//! Such tasks run on threads of their own ([`StreamThreads`]): a change that thousands read makes all of them ready
//! at once, and no booking should wait for that.

use super::budget::OpenLedger;
use super::plain;
use axum::body::Body;
use axum::response::Response;
use bytes::{Buf, Bytes};
use futures::stream::{BoxStream, poll_fn};
use futures::{FutureExt, StreamExt};
use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::response::Parts;
use parking_lot::Mutex;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// The empty chunk.
const END: &[u8] = b"0\r\n\r\n";
const LINE_END: &[u8] = b"\r\n";
/// Most bytes that are read and dropped of what a client sends although the answer says `Connection: close`.
const DROPPED: usize = 16 << 10;

/// Chunks that a thread remembers.
const REMEMBERED: usize = 4;

thread_local! {
    /// Items and what was made of them, on this thread.
    static CHUNKS: RefCell<VecDeque<(Bytes, Bytes)>> = const { RefCell::new(VecDeque::new()) };
}

type Items = BoxStream<'static, Bytes>;

/// The stream of an answer, in its extensions. Where nobody takes it, it is the answer's body.
#[derive(Clone)]
pub struct Endless(Arc<Mutex<Option<Items>>>);

impl Endless {
    /// An answer whose body are these bytes.
    #[must_use]
    pub fn answer(items: Items) -> Response {
        let endless = Self(Arc::new(Mutex::new(Some(items))));
        let shared = endless.clone();
        let body = poll_fn(move |context| match &mut *shared.0.lock() {
            Some(items) => items.poll_next_unpin(context).map(|item| item.map(Ok::<_, Infallible>)),
            None => std::task::Poll::Ready(None),
        });
        let mut response = Response::new(Body::from_stream(body));
        response.extensions_mut().insert(endless);
        response
    }

    pub(super) fn take(&self) -> Option<Items> {
        self.0.lock().take()
    }
}

/// An answer that is ready to be sent without hyper.
pub(super) struct Offer {
    head: Vec<u8>,
    items: Items,
}

impl Offer {
    /// The headers are those of a chunked answer, the last of its connection.
    pub(super) fn new(parts: &mut Parts, items: Items) -> Self {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        let mut head = Vec::with_capacity(512);
        plain::write_head(parts.status, &parts.headers, &mut head);
        Self { head, items }
    }
}

/// A client of such an answer.
pub(super) struct StreamReader {
    pub(super) stream: TcpStream,
    pub(super) offer: Offer,
    pub(super) ledger: OpenLedger,
    pub(super) cut: CancellationToken,
    pub(super) permit: OwnedSemaphorePermit,
}

impl StreamReader {
    /// Sends until the stream ends, the client hangs up or keeps too much memory, or everything is cut. To be called
    /// where the system reports to other threads than before.
    pub(super) fn run(self) -> io::Result<impl Future<Output = ()> + Send> {
        let Self { stream, offer, ledger, cut, permit } = self;
        let stream = stream.into_std()?;
        Ok(async move {
            let _permit = permit;
            let sent = async {
                let stream = TcpStream::from_std(stream)?;
                send(stream, offer, &ledger).await
            };
            let ended = tokio::select! {
                biased;
                ended = sent => ended,
                () = ledger.closed() => Ok(()),
                () = cut.cancelled() => Ok(()),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a stream ended");
            }
        })
    }
}

async fn send(mut stream: TcpStream, offer: Offer, ledger: &OpenLedger) -> io::Result<()> {
    let Offer { mut head, items } = offer;
    let mut items = items.fuse();
    // The first bytes go along with the head if they are there.
    if let Some(Some(item)) = items.next().now_or_never() {
        head.extend_from_slice(&chunk(item));
    }
    write(&stream, Bytes::from(head), ledger).await?;
    {
        let mut gone = pin!(hung_up(&stream));
        loop {
            tokio::select! {
                biased;
                item = items.next() => match item {
                    // An empty chunk would be the last.
                    Some(item) if item.is_empty() => {}
                    Some(item) => write(&stream, chunk(item), ledger).await?,
                    None => break,
                },
                gone = &mut gone => return gone,
            }
        }
        write(&stream, Bytes::from_static(END), ledger).await?;
    }
    // Closed with something unread, the connection would be reset, and the client might lose the end.
    let _ = drop_unread(&stream);
    stream.shutdown().await
}

/// An item as HTTP/1.1 sends a part of a body whose length is not known. Made once for the clients that get the same
/// item one after the other.
fn chunk(item: Bytes) -> Bytes {
    CHUNKS.with_borrow_mut(|made| {
        // What is remembered is kept, so nothing else can be where it is.
        let is_same = |other: &Bytes| other.as_ptr() == item.as_ptr() && other.len() == item.len();
        if let Some((_, chunk)) = made.iter().find(|(other, _)| is_same(other)) {
            return chunk.clone();
        }
        let mut chunk = format!("{:x}\r\n", item.len()).into_bytes();
        chunk.reserve_exact(item.len() + LINE_END.len());
        chunk.extend_from_slice(&item);
        chunk.extend_from_slice(LINE_END);
        let chunk = Bytes::from(chunk);
        if made.len() >= REMEMBERED {
            made.pop_front();
        }
        made.push_back((item, chunk.clone()));
        chunk
    })
}

/// Writes everything. What the system does not take yet is charged to the connection.
async fn write(stream: &TcpStream, mut rest: Bytes, ledger: &OpenLedger) -> io::Result<()> {
    let mut is_charged = false;
    while !rest.is_empty() {
        match stream.try_write(&rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(sent) => rest.advance(sent),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                is_charged = true;
                ledger.left(rest.len());
                ledger.wait();
                stream.writable().await?;
            }
            Err(error) => return Err(error),
        }
    }
    if is_charged {
        ledger.left(0);
    }
    Ok(())
}

/// Completes when the client has hung up.
async fn hung_up(stream: &TcpStream) -> io::Result<()> {
    let mut dropped = 0;
    while dropped < DROPPED {
        stream.readable().await?;
        match drop_unread(stream) {
            Ok(0) => return Ok(()),
            Ok(read) => dropped += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    std::future::pending().await
}

/// Reads and drops a part of what the client has sent; 0 if it has hung up.
fn drop_unread(stream: &TcpStream) -> io::Result<usize> {
    stream.try_read(&mut [0; 4096])
}

/// The threads on which streams are sent, started with the first of them.
#[derive(Default)]
pub(super) struct StreamThreads(OnceLock<Option<Runtime>>);

impl StreamThreads {
    /// Where to spawn. Without threads of its own, where this is called.
    pub(super) fn handle(&self) -> Handle {
        let start = || {
            // With one for each core, 10,000 readers got nothing earlier, and bookings waited ten times as long.
            let threads = std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
            let runtime = Builder::new_multi_thread().worker_threads(threads).thread_name("streams").enable_all().build();
            runtime.inspect_err(|error| tracing::warn!(%error, "no threads for streams; they share the server's")).ok()
        };
        self.0.get_or_init(start).as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone())
    }
}

impl Drop for StreamThreads {
    fn drop(&mut self) {
        if let Some(Some(runtime)) = self.0.take() {
            // In an asynchronous context nothing may wait for the threads.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
