//! What is reported of a request while it is answered: a span, which its log lines and a collector of traces name, and a line
//! of the access log. What only a collector or the access log wants is made only for them.

use super::request_id;
use crate::logging;
use crate::traces;
use http::{HeaderValue, Method, Request, StatusCode};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// The status of a request whose client had gone before there was an answer, as nginx has it in its log. What was begun for it
/// goes on.
const CLIENT_GONE: u16 = 499;

/// A request as its reports name it.
pub(super) struct Report {
    pub(super) id: HeaderValue,
    span: Span,
    access: Option<Access>,
    is_answered: AtomicBool,
}

/// What a line of the access log says.
struct Access {
    peer: SocketAddr,
    method: Method,
    path: Box<str>,
    begun: Instant,
}

impl Report {
    pub(super) fn of<B>(request: &Request<B>, peer: SocketAddr) -> Self {
        let id = request_id::of_headers(request.headers());
        let access = logging::has_access_log().then(|| Access {
            peer,
            method: request.method().clone(),
            // Without the query, which may have what only the caller should know.
            path: request.uri().path().into(),
            begun: Instant::now(),
        });
        Self { span: span_of(request, &id), id, access, is_answered: AtomicBool::new(false) }
    }

    /// What is done to answer the request.
    pub(super) fn around<F: Future>(&self, answer: F) -> impl Future<Output = F::Output> + use<F> {
        answer.instrument(self.span.clone())
    }

    /// The head of its answer is on its way.
    pub(super) fn answered(&self, status: StatusCode) {
        self.is_answered.store(true, Ordering::Relaxed);
        self.ended(status.as_u16());
        if status.is_server_error() {
            self.span.record("otel.status_code", "ERROR");
        }
    }

    fn ended(&self, status: u16) {
        self.span.record("http.response.status_code", status);
        if let Some(Access { peer, method, path, begun }) = &self.access {
            line(*peer, method.as_str(), path, &self.id, status, *begun);
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.is_answered.load(Ordering::Relaxed) {
            self.ended(CLIENT_GONE);
        }
    }
}

/// The span of a request; if traces are collected, a part of the trace that the request names.
fn span_of<B>(request: &Request<B>, id: &HeaderValue) -> Span {
    let tracer = traces::tracer();
    let method = tracer.map(|_| request.method().as_str());
    let span = tracing::error_span!(
        target: traces::REQUEST,
        "request",
        id = request_id::text(id),
        otel.name = method,
        otel.kind = tracer.map(|_| "server"),
        otel.status_code = Empty,
        http.request.method = method,
        http.route = Empty,
        http.response.status_code = Empty,
    );
    if let Some(tracer) = tracer {
        tracer.continue_trace(&span, request.headers());
    }
    span
}

/// A request that was answered at once, which has no span.
pub(super) fn answered_at_once(peer: SocketAddr, target: &str, id: &HeaderValue, status: StatusCode, begun: Option<Instant>) {
    if let Some(begun) = begun {
        let path = target.split('?').next().unwrap_or_default();
        line(peer, "POST", path, id, status.as_u16(), begun);
    }
}

/// When a request that may be answered at once begins, if a line will say how long it took.
pub(super) fn begun() -> Option<Instant> {
    logging::has_access_log().then(Instant::now)
}

fn line(peer: SocketAddr, method: &str, path: &str, id: &HeaderValue, status: u16, begun: Instant) {
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::info!(
        target: logging::ACCESS,
        request_id = request_id::text(id),
        %peer,
        method,
        path,
        status,
        micros,
        "answered"
    );
}
