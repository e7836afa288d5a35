//! Answers some requests before hyper has seen them: between two requests, what arrives is offered to a
//! [`Shortcut`] first. What it does not answer goes to hyper byte for byte. See docs/decisions/0066-fast-refusals.md.
//!
//! Answers stay in order because hyper gets one request at a time, and the shortcut is asked only when every request
//! that hyper got was answered and its answer written. Where a request may end elsewhere than it seems to, hyper gets
//! it and everything after it.

mod request;

pub use request::Post;

use super::activity::Activity;
use super::budget::Ledger;
use super::{plain, report, request_id};
use crate::answer::Answer;
use bytes::{Buf, BytesMut};
use request::Next;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Answers are written when there are so many bytes of them.
const FLUSH_BYTES: usize = 16 << 10;
/// Reads that may leave a head incomplete before hyper gets it.
const MAX_PARTIAL_READS: u8 = 4;

/// Answers requests without a router.
pub trait Shortcut: Send + Sync + 'static {
    /// The answer that the router would give, or `None`: then the router is asked, and nothing must have been
    /// counted or stored. Must not block.
    fn answer(&self, request: &Post<'_>) -> Option<Answer>;
}

/// What hyper has of the client's requests.
enum Phase {
    /// Whole requests.
    Between,
    /// All but so many bytes of the last one's body.
    Body(u64),
    /// It gets everything from now on.
    Ordinary,
}

/// A connection's stream, as hyper sees it.
pub(super) struct FastLane<S> {
    stream: S,
    shortcut: Option<Arc<dyn Shortcut>>,
    peer: SocketAddr,
    activity: Arc<Activity>,
    ledger: Arc<Ledger>,
    phase: Phase,
    /// Requests so far, and how many of them were answered when hyper had nothing left to write.
    seen: u64,
    written: u64,
    /// Received, not yet passed on.
    early: BytesMut,
    /// `early` is known to begin with an incomplete head; how often more of it arrived.
    is_partial: bool,
    partial_reads: u8,
    /// Answers that the system has not taken.
    answers: BytesMut,
    /// hyper has to ask again when its answer is written.
    has_to_wake: bool,
}

/// What follows the requests that were answered here.
enum Rest {
    Nothing,
    /// More of the same, after the answers are written.
    Later,
    /// An incomplete head.
    Partial,
    /// A request of so many bytes for the router.
    Request(u64),
    Unclear,
}

impl<S> FastLane<S> {
    /// Without a shortcut, everything goes to hyper.
    pub(super) fn new(
        stream: S,
        shortcut: Option<Arc<dyn Shortcut>>,
        peer: SocketAddr,
        activity: Arc<Activity>,
        ledger: Arc<Ledger>,
    ) -> Self {
        Self {
            stream,
            phase: if shortcut.is_some() { Phase::Between } else { Phase::Ordinary },
            shortcut,
            peer,
            activity,
            ledger,
            seen: 0,
            written: 0,
            early: BytesMut::new(),
            is_partial: false,
            partial_reads: 0,
            answers: BytesMut::new(),
            has_to_wake: false,
        }
    }

    pub(super) fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Nothing is kept that hyper has not got, or that the system has not taken.
    pub(super) fn has_nothing(&self) -> bool {
        self.early.is_empty() && self.answers.is_empty()
    }

    /// The stream, without what was received and not passed on.
    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// Whether hyper has answered everything that it got, and written it.
    fn is_quiet(&self) -> bool {
        self.seen == self.written && self.activity.begun() == self.seen && self.activity.is_still()
    }

    /// Answers what can be answered here; returns its length and what follows.
    fn answer(&mut self, bytes: &[u8]) -> (usize, Rest) {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return (at, Rest::Nothing);
            }
            if self.answers.len() >= FLUSH_BYTES {
                return (at, Rest::Later);
            }
            let begun = report::begun();
            let answered = request::with_next(rest, self.peer, |next| match next {
                Next::Partial => Err(Rest::Partial),
                Next::Unclear => Err(Rest::Unclear),
                Next::Other(length) => Err(Rest::Request(length)),
                Next::Post(post, length) => match self.shortcut.as_ref().and_then(|shortcut| shortcut.answer(&post)) {
                    Some(answer) => {
                        let sent =
                            post.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(request_id::NAME.as_str()));
                        let id = request_id::of(sent.map(|header| header.value));
                        report::answered_at_once(self.peer, post.target, &id, answer.status, begun);
                        Ok((answer, id, length))
                    }
                    None => Err(Rest::Request(length as u64)),
                },
            });
            match answered {
                Ok((answer, id, length)) => {
                    plain::write(&answer, &id, &mut self.answers);
                    self.activity.count();
                    (self.seen, self.written) = (self.seen + 1, self.written + 1);
                    at += length;
                }
                Err(rest) => return (at, rest),
            }
        }
    }

    /// Keeps what was read, before what is kept already.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let after = std::mem::take(&mut self.early);
        self.early.reserve(bytes.len() + after.len());
        self.early.extend_from_slice(bytes);
        self.early.extend_from_slice(&after);
    }

    /// Gives what was kept, as much as there is space for.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let part = self.early.split_to(self.early.len().min(buffer.remaining()));
        buffer.put_slice(&part);
        if self.early.is_empty() {
            self.early = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> FastLane<S> {
    /// Writes the answers.
    fn poll_answers(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.answers.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &self.answers))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.answers.advance(sent);
            if self.answers.is_empty() {
                // Thousands of connections would keep thousands of buffers.
                self.answers = BytesMut::new();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Passes everything to hyper.
    fn poll_ordinary(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        self.give(buffer);
        Poll::Ready(Ok(()))
    }

    /// Passes no more than the rest of a request's body.
    fn poll_body(&mut self, left: u64, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let most = buffer.remaining().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(self.poll_ordinary(context, &mut part))?;
        let read = part.filled().len();
        buffer.advance(read);
        let left = left.saturating_sub(read as u64);
        self.phase = if left == 0 { Phase::Between } else { Phase::Body(left) };
        Poll::Ready(Ok(()))
    }

    /// While hyper answers, it asks only whether the client is still there. It must not get the next request.
    fn poll_early(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.keep(buffer.filled());
            buffer.clear();
        }
        self.ledger.holds(self.early.len());
        self.has_to_wake = true;
        Poll::Pending
    }

    /// Reads until there is something for hyper.
    fn poll_next(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            self.give(buffer);
            // An incomplete head, all of what arrived is in the buffer, and there is space for more.
            let goes_on = std::mem::take(&mut self.is_partial) && self.early.is_empty() && buffer.remaining() > 0;
            if buffer.filled().is_empty() || goes_on {
                let before = buffer.filled().len();
                match Pin::new(&mut self.stream).poll_read(context, buffer) {
                    Poll::Pending => {
                        self.is_partial = before > 0;
                        self.keep(buffer.filled());
                        buffer.clear();
                        return Poll::Pending;
                    }
                    Poll::Ready(read) => read?,
                }
                if buffer.filled().len() == before {
                    // The client has hung up. hyper answers the incomplete request.
                    self.phase = Phase::Ordinary;
                    return Poll::Ready(Ok(()));
                }
            }
            let (answered, rest) = self.answer(buffer.filled());
            if answered > 0 {
                let left = buffer.filled().len() - answered;
                buffer.filled_mut().copy_within(answered.., 0);
                buffer.set_filled(left);
                self.ledger.begin();
                self.ledger.received(left + self.early.len());
                self.partial_reads = 0;
                match self.poll_answers(context) {
                    Poll::Ready(written) => written?,
                    Poll::Pending => {
                        self.keep(buffer.filled());
                        buffer.clear();
                        return Poll::Pending;
                    }
                }
            }
            if self.passes(buffer, &rest) {
                return Poll::Ready(Ok(()));
            }
            self.keep(buffer.filled());
            buffer.clear();
        }
    }

    /// Whether hyper gets what is in the buffer now.
    fn passes(&mut self, buffer: &mut ReadBuf<'_>, rest: &Rest) -> bool {
        match rest {
            Rest::Nothing | Rest::Later => return false,
            // Not on the first request: when the server stops, hyper would close the connection in the middle of it.
            Rest::Partial if self.seen > 0 && self.partial_reads < MAX_PARTIAL_READS && buffer.remaining() > 0 => {
                (self.is_partial, self.partial_reads) = (self.early.is_empty(), self.partial_reads + 1);
                return false;
            }
            Rest::Partial | Rest::Unclear => self.phase = Phase::Ordinary,
            Rest::Request(length) => {
                let here = buffer.filled().len().min(usize::try_from(*length).unwrap_or(usize::MAX));
                let after = buffer.filled().get(here..).unwrap_or_default().to_vec();
                self.keep(&after);
                buffer.set_filled(here);
                let left = length - here as u64;
                self.phase = if left == 0 { Phase::Between } else { Phase::Body(left) };
                (self.seen, self.partial_reads) = (self.seen + 1, 0);
            }
        }
        true
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for FastLane<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let connection = self.get_mut();
        ready!(connection.poll_answers(context))?;
        match connection.phase {
            Phase::Ordinary => connection.poll_ordinary(context, buffer),
            Phase::Body(left) => connection.poll_body(left, context, buffer),
            Phase::Between if connection.is_quiet() => connection.poll_next(context, buffer),
            Phase::Between => connection.poll_early(context, buffer),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for FastLane<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_answers(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    /// hyper flushes when it has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answers(context))?;
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        if self.activity.is_still() {
            self.written = self.activity.begun();
            if std::mem::take(&mut self.has_to_wake) {
                context.waker().wake_by_ref();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answers(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
