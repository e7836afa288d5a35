//! A process's traces, and how they reach the collector.

use crate::client::CollectorClient;
use http::HeaderMap;
use lastseat_domain::{Timestamp, Trace};
use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SamplingResult, SdkTracer, SdkTracerProvider, ShouldSample};
use std::time::{Duration, SystemTime};
use tokio::runtime::Handle;
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

/// What OTLP adds to the address of a collector.
const PATH: &str = "/v1/traces";
/// The last spans of a process are waited for so long.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// Where traces go, and how many.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The collector, such as `http://127.0.0.1:4318`; `/v1/traces` is added unless it ends so.
    pub collector: String,
    /// Part of the traces that is recorded, from 0 to 1; none of those that their callers don't record.
    pub share: f64,
    /// Version of the program.
    pub version: &'static str,
    /// Name of this process among all that send traces.
    pub node: String,
}

/// Nothing can be sent to this collector.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCollector {
    /// Its address.
    #[error("the address of the collector can't be used: {0}")]
    Address(#[from] opentelemetry_otlp::ExporterBuildError),
    /// There is no TLS.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// The traces of a process. What a collector does not take is dropped: nobody waits for it.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Sends from now on, on a thread of its own and over this runtime.
    ///
    /// # Errors
    /// [`InvalidCollector`].
    pub fn start(settings: &Settings, runtime: Handle) -> Result<Self, InvalidCollector> {
        let address = settings.collector.trim_end_matches('/');
        let address = if address.ends_with(PATH) { address.to_owned() } else { format!("{address}{PATH}") };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(CollectorClient::new(runtime)?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address)
            .build()?;
        let about =
            [KeyValue::new("service.version", settings.version), KeyValue::new("service.instance.id", settings.node.clone())];
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Recorded(Sampler::TraceIdRatioBased(settings.share)))
            .with_resource(Resource::builder().with_service_name("lastseat").with_attributes(about).build())
            .build();
        let tracer = provider.tracer("lastseat");
        Ok(Self { provider, tracer })
    }

    /// Takes the spans of these targets from `tracing`, from level INFO on.
    pub fn layer<S>(&self, targets: &[&'static str]) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_targets(targets.iter().map(|target| (*target, LevelFilter::INFO))))
    }

    /// Makes a new span a part of the trace that a request names, if it names one (W3C Trace Context). Its `tracestate` is not
    /// kept: anybody may fill it with whatever they like, and every span would carry it.
    pub fn continue_trace(&self, span: &Span, request: &HeaderMap) {
        if let Some(caller) = caller(request)
            && let Err(error) = span.set_parent(Context::new().with_remote_span_context(caller))
        {
            // Then the request begins a trace of its own.
            tracing::debug!(%error, "a request could not be added to its caller's trace");
        }
    }

    /// Gives a span that has begun another name.
    pub fn rename(&self, span: &Span, name: String) {
        span.context().span().update_name(name);
    }

    /// The place of a span in its trace, if it is recorded.
    #[must_use]
    pub fn place_of(&self, span: &Span) -> Option<Trace> {
        let context = span.context();
        let place = context.span().span_context().clone();
        let is_recorded = place.is_valid() && place.is_sampled();
        is_recorded.then(|| Trace { id: place.trace_id().to_string(), span: Some(place.span_id().to_string()) })
    }

    /// Records a step that is over: what followed from an event, elsewhere or later.
    pub fn record(
        &self,
        name: &'static str,
        parent: &Trace,
        began: Timestamp,
        ended: Timestamp,
        about: [(&'static str, String); 1],
    ) {
        let Some(parent) = remote(parent) else { return };
        let mut span = self
            .tracer
            .span_builder(name)
            .with_kind(SpanKind::Consumer)
            .with_start_time(SystemTime::from(began))
            .with_attributes(about.map(|(key, value)| KeyValue::new(key, value)))
            .start_with_context(&self.tracer, &Context::new().with_remote_span_context(parent));
        span.end_with_timestamp(ended.into());
    }

    /// Sends what is left; waits 3 s at most. Blocks.
    pub fn end(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST_SPANS) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// The span of the caller, as the header `traceparent` names it.
fn caller(request: &HeaderMap) -> Option<SpanContext> {
    let mut fields = request.get("traceparent")?.to_str().ok()?.split('-');
    let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    (version.len() == 2 && version != "ff" && context.is_valid()).then_some(context)
}

/// Decides which traces are recorded. A caller may say that one is not; that it is, only the share says: callers are strangers,
/// and one could have everything recorded.
#[derive(Debug, Clone)]
struct Recorded(Sampler);

impl ShouldSample for Recorded {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let above = parent.map(|parent| parent.span().span_context().clone()).filter(SpanContext::is_valid);
        let by = |sampler: &Sampler| sampler.should_sample(None, trace, name, kind, attributes, links);
        match above {
            Some(above) if !above.is_sampled() => by(&Sampler::AlwaysOff),
            Some(above) if !above.is_remote() => by(&Sampler::AlwaysOn),
            _ => by(&self.0),
        }
    }
}

/// Somebody else's span, which is recorded: if it were not, nobody would have named it.
fn remote(place: &Trace) -> Option<SpanContext> {
    let trace = TraceId::from_hex(&place.id).ok()?;
    let span = SpanId::from_hex(place.span.as_deref()?).ok()?;
    let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE);
    context.is_valid().then_some(context)
}
