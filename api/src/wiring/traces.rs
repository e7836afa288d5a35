//! Where traces are sent to.

use crate::config::Config;
use crate::traces::{self, Tracer};
use crate::wiring::chosen::random_number;
use chrono::TimeDelta;
use http::HeaderMap;
use lastseat_domain::ports::Clock;
use lastseat_domain::{Envelope, Timestamp, Trace};
use lastseat_otlp::{InvalidCollector, Settings, Traces};
use lastseat_projections::ReadModel;
use std::sync::Arc;
use tokio::runtime::Handle;
use tracing::Span;
use tracing_subscriber::{Layer, Registry};

/// What takes longer is no view that follows, but one that is made again.
const LATEST: TimeDelta = TimeDelta::minutes(1);

/// Takes the spans that are for the collector.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Sends traces from now on, if a collector is configured.
///
/// # Errors
/// [`InvalidCollector`].
pub fn start(config: &Config, runtime: Handle) -> Result<Option<SpanLayer>, InvalidCollector> {
    let Some(collector) = &config.otlp else { return Ok(None) };
    let settings = Settings {
        collector: collector.expose().to_owned(),
        share: config.otlp_share.value(),
        version: env!("CARGO_PKG_VERSION"),
        // Addresses and process ids are the same in all containers.
        node: format!("{:016x}", random_number()),
    };
    let traces = Traces::start(&settings, runtime)?;
    let layer = traces.layer(&[traces::REQUEST, traces::STEP]).boxed();
    traces::install(Arc::new(ToCollector(traces)));
    Ok(Some(layer))
}

/// Records when buyers could see what they and others did. What is older is a history that is read again.
pub fn follow(read_model: &ReadModel, clock: &Arc<dyn Clock>) {
    let Some(tracer) = traces::tracer() else { return };
    let clock = Arc::clone(clock);
    read_model.watch(move |event| {
        // Streams of other kinds are on no seat map, and their names may be those of buyers.
        let stream = &event.stream;
        let is_shown = stream.as_seat().is_some() || stream.as_booking().is_some() || stream.as_show().is_some();
        if let Some(trace) = traces::of_event(event).filter(|_| is_shown) {
            let now = clock.now();
            if now - event.metadata.at < LATEST {
                tracer.followed("seat map and seat streams", event, &trace, now);
            }
        }
    });
}

struct ToCollector(Traces);

impl Tracer for ToCollector {
    fn continue_trace(&self, span: &Span, request: &HeaderMap) {
        self.0.continue_trace(span, request);
    }

    fn rename(&self, span: &Span, name: String) {
        self.0.rename(span, name);
    }

    fn place_of(&self, span: &Span) -> Option<Trace> {
        self.0.place_of(span)
    }

    fn followed(&self, name: &'static str, event: &Envelope, trace: &Trace, now: Timestamp) {
        // Clocks of nodes differ.
        let began = event.metadata.at.min(now);
        self.0.record(name, trace, began, now, [("event.type", event.event.name().to_owned())]);
    }

    fn end(&self) {
        self.0.end();
    }
}
