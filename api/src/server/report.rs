//! What is reported of a request while it is answered: a span that its log lines name, a span for the collector of traces, and
//! a line of the access log. Each only where somebody wants it.

use super::request_id;
use crate::logging;
use crate::traces;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use std::net::SocketAddr;
use std::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// Target of the spans that log lines name.
const LINES: &str = "lastseat::request";

/// A request as its reports name it.
pub(super) struct Report {
    pub(super) id: HeaderValue,
    lines: Span,
    trace: Span,
    access: Option<Access>,
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
            path: path(request.uri()).into(),
            begun: Instant::now(),
        });
        let lines = tracing::error_span!(target: LINES, "request", id = request_id::text(&id));
        Self { lines, trace: trace_of(request, &id), id, access }
    }

    /// What is done to answer the request.
    pub(super) fn around<F: Future>(&self, answer: F) -> impl Future<Output = F::Output> + use<F> {
        answer.instrument(self.trace.clone()).instrument(self.lines.clone())
    }

    /// The head of its answer is on its way.
    pub(super) fn answered(&self, status: StatusCode) {
        self.trace.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            self.trace.record("otel.status_code", "ERROR");
        }
        if let Some(Access { peer, method, path, begun }) = &self.access {
            line(*peer, method.as_str(), path, &self.id, status, *begun);
        }
    }
}

/// The span of a request, if traces are collected: a part of the trace that the request names.
fn trace_of<B>(request: &Request<B>, id: &HeaderValue) -> Span {
    let Some(tracer) = traces::tracer() else { return Span::none() };
    let span = tracing::info_span!(
        target: traces::TARGET,
        "request",
        otel.name = request.method().as_str(),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = request.method().as_str(),
        http.route = Empty,
        http.response.status_code = Empty,
        url.path = path(request.uri()),
        request_id = request_id::text(id),
    );
    tracer.continue_trace(&span, request.headers());
    span
}

/// A request that was answered at once, which has no span.
pub(super) fn answered_at_once(peer: SocketAddr, target: &str, id: &HeaderValue, status: StatusCode, begun: Option<Instant>) {
    if let Some(begun) = begun {
        let path = target.split('?').next().unwrap_or_default();
        line(peer, "POST", path, id, status, begun);
    }
}

/// When a request that may be answered at once begins, if a line will say how long it took.
pub(super) fn begun() -> Option<Instant> {
    logging::has_access_log().then(Instant::now)
}

/// Without the query, which may have what only the caller should know.
fn path(uri: &Uri) -> &str {
    uri.path()
}

fn line(peer: SocketAddr, method: &str, path: &str, id: &HeaderValue, status: StatusCode, begun: Instant) {
    let (status, micros) = (status.as_u16(), u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
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
