//! The part of a connection that is hyper's.
//!
//! hyper's own header time-out sets a timer for every request, and a `select!` over timer, requests
//! and shutdown polls all three on every wake-up; both are measurable under a rush of small requests.
//! Here a connection has one timer, and a wake-up by a request polls nothing else.

use super::bodies::Tracked;
use super::endless::Offer;
use super::exit::Exit;
use super::fast::FastLane;
use super::metered::Metered;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use tokio_util::sync::CancellationToken;

/// How hyper's part ends.
pub(super) enum End {
    Closed(hyper::Result<()>),
    /// The last request is to be answered without hyper.
    Left(Offer, FastLane<Metered>),
    /// Everything is answered, and no request has come for a while.
    Rests(FastLane<Metered>),
}

/// Why a connection is closed.
pub(super) enum Close {
    /// The server stops: finish the running requests.
    Shutdown,
    /// No request for too long.
    Idle,
    /// Its client keeps too much memory.
    OverBudget,
}

enum Served {
    Ended(hyper::Result<()>),
    Offered(Offer),
    Close(Close),
    Rests,
}

/// Lets hyper serve requests until it is done, can be left, or the connection has to be closed.
pub(super) async fn serve<A, F>(
    http: &http1::Builder,
    lane: FastLane<Metered>,
    answer: A,
    exit: &Exit,
    closing: Pin<&mut impl Future<Output = Close>>,
    cut: &CancellationToken,
) -> End
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<Tracked>, Infallible>>,
{
    let mut connection = http.serve_connection(TokioIo::new(lane), service_fn(answer));
    let mut leaving = pin!(async {
        tokio::select! {
            biased;
            close = closing => Served::Close(close),
            () = exit.rested() => Served::Rests,
        }
    });
    let mut signal: Option<(Arc<LeaveSignal>, Waker)> = None;
    let first = poll_fn(|context| {
        if let Poll::Ready(served) = poll_served(&mut connection, exit, context) {
            return Poll::Ready(served);
        }
        let (signal, waker) = signal.get_or_insert_with(|| LeaveSignal::new(context));
        if signal.woken.swap(false, Ordering::AcqRel) {
            return leaving.as_mut().poll(&mut Context::from_waker(waker));
        }
        Poll::Pending
    });
    let served = match first.await {
        Served::Close(Close::Shutdown) => {
            Pin::new(&mut connection).graceful_shutdown();
            tokio::select! {
                served = poll_fn(|context| poll_served(&mut connection, exit, context)) => served,
                () = cut.cancelled() => Served::Ended(Ok(())),
            }
        }
        served => served,
    };
    let lane = || {
        let parts = connection.into_parts();
        let mut lane = parts.io.into_inner();
        lane.keep(&parts.read_buf);
        lane
    };
    match served {
        Served::Ended(ended) => End::Closed(ended),
        Served::Close(_) => End::Closed(Ok(())),
        Served::Offered(offer) => End::Left(offer, lane()),
        Served::Rests => End::Rests(lane()),
    }
}

fn poll_served<C>(connection: &mut C, exit: &Exit, context: &mut Context<'_>) -> Poll<Served>
where
    C: Future<Output = hyper::Result<()>> + Unpin,
{
    match Pin::new(connection).poll(context) {
        Poll::Ready(ended) => Poll::Ready(Served::Ended(ended)),
        Poll::Pending => exit.take().map_or(Poll::Pending, |offer| Poll::Ready(Served::Offered(offer))),
    }
}

/// Wakes the connection's task and records that the wake-up came from `leaving`, not from a request.
struct LeaveSignal {
    woken: AtomicBool,
    task: Waker,
}

impl LeaveSignal {
    /// Starts as woken, so that `leaving` is polled a first time. A task's waker stays valid as long as
    /// the task, so it is taken once.
    fn new(context: &Context<'_>) -> (Arc<Self>, Waker) {
        let signal = Arc::new(Self { woken: AtomicBool::new(true), task: context.waker().clone() });
        (signal.clone(), Waker::from(signal))
    }
}

impl Wake for LeaveSignal {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}
