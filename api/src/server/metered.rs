//! A connection's stream: counts what waits for the client, words the refusals that hyper makes by
//! itself, closes so that the client can still read its answer, and notices when hyper can be left.

use super::budget::{Ledger, OpenLedger};
use super::exit::Exit;
use super::refusals;
use bytes::{Buf, Bytes};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How long a connection that is closed goes on reading what its client still sends, and how much. If
/// it were closed with unread bytes, the system would reset it, and the client might lose the answer.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;

pub(super) struct Metered {
    stream: TcpStream,
    ledger: OpenLedger,
    exit: Arc<Exit>,
    /// Sent in place of what hyper has written.
    instead: Option<Bytes>,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl Metered {
    pub(super) fn new(stream: TcpStream, ledger: Arc<Ledger>, exit: Arc<Exit>) -> Self {
        Self { stream, ledger: OpenLedger(ledger), exit, instead: None, lingering: None }
    }

    /// Completes when there is something to read.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.stream.readable().await
    }

    pub(super) fn into_parts(self) -> (TcpStream, OpenLedger) {
        (self.stream, self.ledger)
    }

    /// Sends the worded refusal; done when all of it is sent.
    fn poll_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.instead.as_mut().filter(|rest| rest.has_remaining()) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.advance(sent);
        }
        self.instead = None;
        Poll::Ready(Ok(()))
    }

    /// Reads and drops what the client still sends.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (over, dropped) = self.lingering.get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER)), 0));
        let mut space = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && *dropped < LINGER_BYTES => {
                    *dropped += buffer.filled().len()
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return over.as_mut().poll(context),
            }
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match &read {
            Poll::Ready(_) => self.ledger.received(buffer.filled().len() - before),
            Poll::Pending => self.ledger.wait(),
        }
        read
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.instead.is_none() && !self.ledger.is_answering() {
            self.instead = refusals::worded(bytes);
            if self.instead.is_some() {
                self.exit.leave_unread();
            }
        }
        if self.instead.is_some() {
            ready!(self.poll_instead(context))?;
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        match &written {
            Poll::Ready(Ok(written)) => self.ledger.left(bytes.len() - written),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                self.ledger.left(bytes.len());
                self.ledger.wait();
            }
        }
        written
    }

    /// hyper flushes when it has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.exit.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if self.exit.has_unread() {
            ready!(self.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}
