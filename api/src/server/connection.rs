//! One connection: serves its requests, lets go of it when it is idle for too long or the server
//! stops.
//!
//! hyper's own header time-out sets a timer for every request, and a `select!` over it, the requests
//! and the shutdown asks all three whenever anything happens; under a rush of small requests both
//! show. Here the timer is one a connection, and only who called is asked.

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// For the headers of a request, and between two requests on one connection; at the most twice as
/// long. Longer than the 60 seconds after which the usual proxies let go of an idle connection: a
/// server that does it first may do it while a request is on its way.
const PATIENCE: Duration = Duration::from_secs(75);

/// For what was sent to be taken by the client, where the system can watch over that.
#[cfg(any(target_os = "linux", target_os = "android"))]
const WRITE_PATIENCE: Duration = Duration::from_secs(60);

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) http: http1::Builder,
    /// The other end, for the limits on addresses.
    pub(super) peer: SocketAddr,
    pub(super) router: Router,
    pub(super) shutdown: CancellationToken,
    pub(super) cut: CancellationToken,
}

/// Why a connection is let go.
enum Call {
    /// The server stops: finish what is under way.
    Shutdown,
    /// Nothing came for too long.
    Idle,
}

impl Connection {
    pub(super) async fn run(self, stream: TcpStream, _permit: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        // A client that reads no more, or is gone without a word, would keep a stream open for ever.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Err(error) = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(WRITE_PATIENCE)) {
            tracing::debug!(%error, "no TCP_USER_TIMEOUT");
        }
        let pulse = Arc::new(Pulse::default());
        let (router, beat, peer) = (self.router, pulse.clone(), ConnectInfo(self.peer));
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            let (answer, busy) = (router.clone().call(request), beat.begin());
            async move { answer.await.map(|response: Response| response.map(|body| Tracked { body, _busy: busy })) }
        });
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let mut calls = pin!(async {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => Call::Shutdown,
                () = pulse.stopped() => Call::Idle,
            }
        });
        let mut bell: Option<(Arc<Bell>, Waker)> = None;
        let first = poll_fn(|context| {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(Ok(ended));
            }
            let (bell, waker) = bell.get_or_insert_with(|| Bell::of(context));
            if bell.rang.swap(false, Ordering::AcqRel)
                && let Poll::Ready(call) = calls.as_mut().poll(&mut Context::from_waker(waker))
            {
                return Poll::Ready(Err(call));
            }
            Poll::Pending
        });
        let ended = match first.await {
            Ok(ended) => ended,
            Err(Call::Idle) => Ok(()),
            Err(Call::Shutdown) => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = self.cut.cancelled() => Ok(()),
                }
            }
        };
        // A client that hangs up or talks nonsense is everyday life.
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

/// Wakes the connection's task and remembers that it was not a request that did.
struct Bell {
    rang: AtomicBool,
    task: Waker,
}

impl Bell {
    /// Rung once, so that what it stands for is asked a first time. A task's waker stays good for
    /// the task's life, so it is taken once.
    fn of(context: &Context<'_>) -> (Arc<Self>, Waker) {
        let bell = Arc::new(Self { rang: AtomicBool::new(true), task: context.waker().clone() });
        (bell.clone(), Waker::from(bell))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

/// Whether a connection lives: requests so far, and those whose answer is not out yet.
#[derive(Default)]
struct Pulse {
    begun: AtomicU64,
    busy: AtomicUsize,
}

impl Pulse {
    fn begin(self: &Arc<Self>) -> Busy {
        self.begun.fetch_add(1, Ordering::AcqRel);
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self.clone())
    }

    /// Completes when no request has come for [`PATIENCE`] and none is being answered; a seat stream
    /// is an answer that goes on.
    async fn stopped(&self) {
        loop {
            let begun = self.begun.load(Ordering::Acquire);
            tokio::time::sleep(PATIENCE).await;
            if self.begun.load(Ordering::Acquire) == begun && self.busy.load(Ordering::Acquire) == 0 {
                return;
            }
        }
    }
}

/// A request that is being answered, until the last byte of the answer is on its way.
struct Busy(Arc<Pulse>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A body with what ends when it ends.
struct Tracked {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
