//! The bodies of requests and answers, counted.

use super::activity::Busy;
use super::budget::Ledger;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How much of a body that nobody has read is read and dropped, and for how long, so that the next
/// request on the connection can follow.
const DISCARD_BYTES: u64 = 64 << 10;
const DISCARD_TIME: Duration = Duration::from_secs(1);
/// Most bytes handed to hyper at once. It copies them into a buffer of the connection.
const PIECE: usize = 16 << 10;

/// A request's body, which the server finishes reading if the operation does not.
struct Shared {
    body: Arc<Mutex<Incoming>>,
    ledger: Arc<Ledger>,
}

/// What may be left of a request's body after the answer is ready.
pub(super) struct Rest {
    body: Arc<Mutex<Incoming>>,
    /// The client sends the body only when it is asked to.
    waits: bool,
}

/// What a command keeps of its request's body. An extension of requests that have one.
#[derive(Clone)]
pub struct Keeping(Arc<Ledger>);

impl Keeping {
    /// Nothing is kept from now on, and nothing of what has arrived.
    pub fn nothing(&self) {
        self.0.drop_body();
    }
}

/// Takes a request apart, so that the rest of its body can be read when it was answered.
pub(super) fn split(mut request: Request<Incoming>, ledger: &Arc<Ledger>) -> (Request<Body>, Option<Rest>) {
    if request.body().is_end_stream() {
        return (request.map(|_| Body::empty()), None);
    }
    let waits = request.headers().contains_key(http::header::EXPECT);
    request.extensions_mut().insert(Keeping(Arc::clone(ledger)));
    let (parts, body) = request.into_parts();
    let body = Arc::new(Mutex::new(body));
    let shared = Shared { body: Arc::clone(&body), ledger: Arc::clone(ledger) };
    (Request::from_parts(parts, Body::new(shared)), Some(Rest { body, waits }))
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut *self.body.lock()).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.ledger.handed_in(data.len());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.lock().size_hint()
    }
}

impl Rest {
    /// Reads and drops the rest of the body if it is small and arrives soon. `false` if it was not read:
    /// then the connection can't be used for another request.
    pub(super) async fn discard(&self) -> bool {
        let (ended, announced) = {
            let body = self.body.lock();
            (body.is_end_stream(), body.size_hint().lower())
        };
        if ended {
            return true;
        }
        if self.waits || announced > DISCARD_BYTES {
            return false;
        }
        let all = async {
            let mut dropped = 0;
            while let Some(frame) = poll_fn(|context| Pin::new(&mut *self.body.lock()).poll_frame(context)).await {
                let Ok(frame) = frame else { return false };
                dropped += frame.data_ref().map_or(0, |data| data.len() as u64);
                if dropped > DISCARD_BYTES {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(DISCARD_TIME, all).await.unwrap_or(false)
    }
}

/// An answer's body, in pieces, that keeps its request busy until it ends.
pub(super) struct Tracked {
    body: Body,
    /// What the body has given and is not handed on yet.
    rest: Bytes,
    /// Bytes of the part of the body that the rest belongs to.
    whole: usize,
    /// Whether the rest is this answer's alone. An answer of a known length is made before it is sent,
    /// and may be shared.
    own: bool,
    ledger: Arc<Ledger>,
    _busy: Busy,
}

impl Tracked {
    pub(super) fn new(body: Body, ledger: Arc<Ledger>, busy: Busy) -> Self {
        let own = body.size_hint().exact().is_none();
        Self { body, rest: Bytes::new(), whole: 0, own, ledger, _busy: busy }
    }

    fn piece(&mut self) -> Bytes {
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        let shared = if self.rest.is_empty() { 0 } else { self.whole };
        let (waiting, shared) = if self.own { (self.rest.len(), 0) } else { (0, shared) };
        self.ledger.handed_out(piece.len(), waiting, shared);
        piece
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                other => return other,
            };
            match frame.into_data() {
                Ok(data) => (self.whole, self.rest) = (data.len(), data),
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let piece = self.piece();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.ledger.handed_out(0, 0, 0);
    }
}
