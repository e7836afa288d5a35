//! Serves the requests of one connection and closes it when it is idle for too long or the server
//! stops.
//!
//! hyper's own header time-out sets a timer for every request, and a `select!` over timer, requests
//! and shutdown polls all three on every wake-up; both are measurable under a rush of small requests.
//! Here a connection has one timer, and a wake-up by a request polls nothing else.

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
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

/// Time for the headers of a request, and between two requests on one connection; it may take twice
/// as long. Longer than the 60 seconds after which the usual proxies close an idle connection: a
/// server that closes it first may do so while a request is on its way.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// Time for the client to acknowledge what was sent, where the system can measure that.
#[cfg(any(target_os = "linux", target_os = "android"))]
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) struct Connection {
    pub(super) http: http1::Builder,
    /// The other end, for the limits on addresses.
    pub(super) peer: SocketAddr,
    pub(super) router: Router,
    pub(super) shutdown: CancellationToken,
    pub(super) cut: CancellationToken,
}

/// Why a connection is closed.
enum Close {
    /// The server stops: finish the running requests.
    Shutdown,
    /// No request for too long.
    Idle,
}

impl Connection {
    pub(super) async fn run(self, stream: TcpStream, _permit: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        // A client that stops reading, or vanishes, would keep a seat stream open without end.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Err(error) = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(WRITE_TIMEOUT)) {
            tracing::debug!(%error, "no TCP_USER_TIMEOUT");
        }
        let activity = Arc::new(Activity::default());
        let (router, requests, peer) = (self.router, activity.clone(), ConnectInfo(self.peer));
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            let (answer, busy) = (router.clone().call(request), requests.begin());
            async move {
                answer.await.map(|mut response: Response| {
                    // The router sets 0 when it answers HEAD. A 304 has no body, so that is not the length of
                    // what a GET would get (RFC 9110 §8.6): say none.
                    if response.status() == StatusCode::NOT_MODIFIED {
                        response.headers_mut().remove(CONTENT_LENGTH);
                    }
                    response.map(|body| Tracked { body, _busy: busy })
                })
            }
        });
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let mut closing = pin!(async {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => Close::Shutdown,
                () = activity.stopped() => Close::Idle,
            }
        });
        let mut signal: Option<(Arc<CloseSignal>, Waker)> = None;
        let first = poll_fn(|context| {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(Ok(ended));
            }
            let (signal, waker) = signal.get_or_insert_with(|| CloseSignal::new(context));
            if signal.woken.swap(false, Ordering::AcqRel)
                && let Poll::Ready(close) = closing.as_mut().poll(&mut Context::from_waker(waker))
            {
                return Poll::Ready(Err(close));
            }
            Poll::Pending
        });
        let ended = match first.await {
            Ok(ended) => ended,
            Err(Close::Idle) => Ok(()),
            Err(Close::Shutdown) => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = self.cut.cancelled() => Ok(()),
                }
            }
        };
        // Clients hang up or send nonsense every day.
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

/// Wakes the connection's task and records that the wake-up came from `closing`, not from a request.
struct CloseSignal {
    woken: AtomicBool,
    task: Waker,
}

impl CloseSignal {
    /// Starts as woken, so that `closing` is polled a first time. A task's waker stays valid as long as
    /// the task, so it is taken once.
    fn new(context: &Context<'_>) -> (Arc<Self>, Waker) {
        let signal = Arc::new(Self { woken: AtomicBool::new(true), task: context.waker().clone() });
        (signal.clone(), Waker::from(signal))
    }
}

impl Wake for CloseSignal {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

/// The activity of a connection: requests so far, and those whose answer is not sent yet.
#[derive(Default)]
struct Activity {
    begun: AtomicU64,
    busy: AtomicUsize,
}

impl Activity {
    fn begin(self: &Arc<Self>) -> Busy {
        self.begun.fetch_add(1, Ordering::AcqRel);
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self.clone())
    }

    /// Completes when no request has arrived for [`IDLE_TIMEOUT`] and none is being answered. A seat
    /// stream is an answer that continues.
    async fn stopped(&self) {
        loop {
            let begun = self.begun.load(Ordering::Acquire);
            tokio::time::sleep(IDLE_TIMEOUT).await;
            if self.begun.load(Ordering::Acquire) == begun && self.busy.load(Ordering::Acquire) == 0 {
                return;
            }
        }
    }
}

/// A request that is being answered, until the last byte of the answer was handed over.
struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A body that keeps its request busy until it ends.
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
