//! Serves the requests of one connection and closes it when it is idle for too long or the server
//! stops.
//!
//! Most connections wait: for their client, or for changes of a seat stream. While one waits it has no hyper, whose buffers
//! take 16 kB: it is given to hyper ([`serve`]) when something arrives, taken back when it rests, and a seat stream goes on
//! with a task of its own ([`StreamReader`]).

use super::activity::Activity;
use super::bodies::{self, Tracked};
use super::budget::{Budget, Ledger};
use super::endless::{Endless, Offer, StreamReader, StreamThreads};
use super::exit::Exit;
use super::fast::{FastLane, Shortcut};
use super::headers;
use super::metered::Metered;
use super::refusals::check_host;
use super::report::Report;
use super::request_id;
use super::serving::{Close, End, serve};
use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::IntoResponse;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use http::{Method, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
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
    pub(super) connections: TaskTracker,
    pub(super) stream_threads: Arc<StreamThreads>,
}

impl Connection {
    pub(super) async fn run(self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        set_options(&stream);
        let activity = Arc::new(Activity::default());
        let (ledger, exit) = (self.budget.open(), Arc::new(Exit::new(activity.clone())));
        let stream = Metered::new(stream, ledger.clone(), exit.clone());
        let mut lane = FastLane::new(stream, self.shortcut, self.peer, activity.clone(), ledger.clone());
        let exchange = Exchange { router: self.router, peer: ConnectInfo(self.peer), activity, ledger, exit };
        let exchange = Arc::new(exchange);
        let mut closing = pin!(async {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => Close::Shutdown,
                () = exchange.activity.stopped() => Close::Idle,
                () = exchange.ledger.closed() => Close::OverBudget,
            }
        });
        loop {
            if lane.has_nothing() {
                tokio::select! {
                    biased;
                    ready = lane.get_ref().readable() => if ready.is_err() { return },
                    _close = closing.as_mut() => return,
                }
            }
            let answer = {
                let exchange = Arc::clone(&exchange);
                move |request| exchange.answer(request)
            };
            match Box::pin(serve(&self.http, lane, answer, &exchange.exit, closing.as_mut(), &self.cut)).await {
                End::Rests(rested) => lane = rested,
                End::Left(offer, lane) => {
                    let (stream, ledger) = lane.into_inner().into_parts();
                    let reader = StreamReader { stream, offer, ledger, cut: self.cut, permit };
                    return read_on(reader, &self.connections, &self.stream_threads);
                }
                // Clients hang up or send nonsense every day.
                End::Closed(Err(error)) => return tracing::debug!(%error, "a connection ended"),
                End::Closed(Ok(())) => return,
            }
        }
    }
}

fn read_on(reader: StreamReader, connections: &TaskTracker, threads: &StreamThreads) {
    match reader.run() {
        Ok(reading) => drop(connections.spawn_on(reading, &threads.handle())),
        Err(error) => tracing::debug!(%error, "a stream could not begin"),
    }
}

fn set_options(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    // A client that stops reading, or vanishes, would keep a seat stream open without end.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(WRITE_TIMEOUT)) {
        tracing::debug!(%error, "no TCP_USER_TIMEOUT");
    }
}

/// What a connection needs to answer its requests.
struct Exchange {
    router: Router,
    peer: ConnectInfo<SocketAddr>,
    activity: Arc<Activity>,
    ledger: Arc<Ledger>,
    exit: Arc<Exit>,
}

impl Exchange {
    fn answer(
        &self,
        mut request: hyper::Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Tracked>, Infallible>> + use<> {
        self.ledger.begin();
        request.extensions_mut().insert(self.peer);
        let host = check_host(&request);
        let report = Report::of(&request, self.peer.0);
        let can_leave = request.method() == Method::GET && request.version() == Version::HTTP_11;
        let (request, rest) = bodies::split(request, &self.ledger);
        let can_leave = can_leave && rest.is_none();
        let answer = host.map(|()| report.around(self.router.clone().call(request)));
        let (busy, ledger, exit) = (self.activity.begin(), self.ledger.clone(), self.exit.clone());
        async move {
            let mut response = match answer {
                Ok(answer) => answer.await?,
                Err(problem) => problem.into_response(),
            };
            if let Some(rest) = rest
                && !rest.discard().await
            {
                exit.leave_unread();
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response.headers_mut().insert(request_id::NAME, report.id.clone());
            report.answered(response.status());
            headers::add(response.headers_mut());
            // The router sets 0 when it answers HEAD. A 304 has no body, so that is not the length of
            // what a GET would get (RFC 9110 §8.6): say none.
            if response.status() == StatusCode::NOT_MODIFIED {
                response.headers_mut().remove(CONTENT_LENGTH);
            }
            ledger.answer();
            if can_leave && let Some(items) = response.extensions().get().and_then(Endless::take) {
                let (mut parts, _) = response.into_parts();
                exit.offer(Offer::new(&mut parts, items));
                // The connection leaves hyper, and drops this.
                return pending().await;
            }
            Ok(response.map(|body| Tracked::new(body, ledger, busy)))
        }
    }
}
