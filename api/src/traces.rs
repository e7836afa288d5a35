//! What the server says about each request to a collector of traces, if there is one ([0114]).
//!
//! The span of a request has the target [`REQUEST`]: log lines name its id, a collector gets the rest. Spans of what is done
//! for it have the target [`STEP`]; without a collector nothing takes them, which costs a comparison.
//!
//! [0114]: ../../docs/decisions/0114-traces.md

use http::HeaderMap;
use lastseat_domain::{Envelope, Timestamp, Trace};
use std::sync::{Arc, OnceLock};
use tracing::Span;

/// Target of the spans of requests. Not the name of a module, or what is logged there would go by it.
pub const REQUEST: &str = "lastseat-request";

/// Target of the spans of what is done for a request.
pub const STEP: &str = "lastseat-step";

/// What is sent to a collector besides the spans of `tracing`.
pub trait Tracer: Send + Sync {
    /// Makes a new span a part of the trace that its request names.
    fn continue_trace(&self, span: &Span, request: &HeaderMap);

    /// Gives a span that has begun another name.
    fn rename(&self, span: &Span, name: String);

    /// The place of a span in its trace, if that is recorded.
    fn place_of(&self, span: &Span) -> Option<Trace>;

    /// Records what followed from an event of a trace: from the event to now.
    fn followed(&self, name: &'static str, event: &Envelope, trace: &Trace, now: Timestamp);

    /// Sends what is left. Blocks, for some seconds at most.
    fn end(&self);
}

/// A process has one set of log lines and spans, whatever number of servers run in it.
static TRACER: OnceLock<Arc<dyn Tracer>> = OnceLock::new();

/// Sends traces from now on. Only the first one counts.
pub fn install(tracer: Arc<dyn Tracer>) {
    let _first_wins = TRACER.set(tracer);
}

/// Where traces are sent, if they are.
pub fn tracer() -> Option<&'static Arc<dyn Tracer>> {
    TRACER.get()
}

/// The trace of a request that is being answered: its own if it is recorded, else the one that its caller names.
#[must_use]
pub fn of_request(headers: &HeaderMap) -> Option<Trace> {
    let named = || headers.get("traceparent")?.to_str().ok().and_then(Trace::of_traceparent);
    tracer().and_then(|tracer| tracer.place_of(&Span::current())).or_else(named)
}

/// The trace that an event's request is a part of, if it is recorded.
#[must_use]
pub fn of_event(event: &Envelope) -> Option<Trace> {
    event.metadata.trace.as_deref().map(Trace::of_metadata).filter(|trace| trace.span.is_some())
}
