//! Serves the requests of one connection and closes it when it is idle for too long or the server
//! stops.
//!
//! hyper's own header time-out sets a timer for every request, and a `select!` over timer, requests
//! and shutdown polls all three on every wake-up; both are measurable under a rush of small requests.
//! Here a connection has one timer, and a wake-up by a request polls nothing else.

use super::activity::Activity;
use super::bodies::{self, Tracked};
use super::budget::{Budget, Ledger};
use super::fast::{FastLane, Shortcut};
use super::headers;
use super::metered::Metered;
use super::refusals::check_host;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::IntoResponse;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// Time for the client to acknowledge what was sent, where the system can measure that.
#[cfg(any(target_os = "linux", target_os = "android"))]
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) struct Connection {
    pub(super) http: http1::Builder,
    /// The other end, for the limits on addresses.
    pub(super) peer: SocketAddr,
    pub(super) router: Router,
    pub(super) shortcut: Option<Arc<dyn Shortcut>>,
    pub(super) budget: Arc<Budget>,
    pub(super) shutdown: CancellationToken,
    pub(super) cut: CancellationToken,
}

/// Why a connection is closed.
enum Close {
    /// The server stops: finish the running requests.
    Shutdown,
    /// No request for too long.
    Idle,
    /// Its client keeps too much memory.
    OverBudget,
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
        let (ledger, unread) = (self.budget.open(), Arc::new(AtomicBool::new(false)));
        let exchange = Exchange {
            router: self.router,
            peer: ConnectInfo(self.peer),
            activity: activity.clone(),
            ledger: ledger.clone(),
            unread: unread.clone(),
        };
        let stream = Metered::new(stream, ledger.clone(), unread);
        let stream = TokioIo::new(FastLane::new(stream, self.shortcut, self.peer, activity.clone(), ledger.clone()));
        let mut connection = pin!(self.http.serve_connection(stream, service_fn(move |request| exchange.answer(request))));
        let mut closing = pin!(async {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => Close::Shutdown,
                () = activity.stopped() => Close::Idle,
                () = ledger.closed() => Close::OverBudget,
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
            Err(Close::Idle | Close::OverBudget) => Ok(()),
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

/// What a connection needs to answer its requests.
struct Exchange {
    router: Router,
    peer: ConnectInfo<SocketAddr>,
    activity: Arc<Activity>,
    ledger: Arc<Ledger>,
    unread: Arc<AtomicBool>,
}

impl Exchange {
    fn answer(
        &self,
        mut request: hyper::Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Tracked>, Infallible>> + use<> {
        self.ledger.begin();
        request.extensions_mut().insert(self.peer);
        let host = check_host(&request);
        let (request, rest) = bodies::split(request, &self.ledger);
        let answer = host.map(|()| self.router.clone().call(request));
        let (busy, ledger, unread) = (self.activity.begin(), self.ledger.clone(), self.unread.clone());
        async move {
            let mut response = match answer {
                Ok(answer) => answer.await?,
                Err(problem) => problem.into_response(),
            };
            if let Some(rest) = rest
                && !rest.discard().await
            {
                unread.store(true, Ordering::Relaxed);
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            headers::add(response.headers_mut());
            // The router sets 0 when it answers HEAD. A 304 has no body, so that is not the length of
            // what a GET would get (RFC 9110 §8.6): say none.
            if response.status() == StatusCode::NOT_MODIFIED {
                response.headers_mut().remove(CONTENT_LENGTH);
            }
            ledger.answer();
            Ok(response.map(|body| Tracked::new(body, ledger, busy)))
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
