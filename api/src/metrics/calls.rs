//! How long the log, the guard and the gateway take to answer.

use crate::traces::STEP;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// Upper bounds of the buckets in seconds: a call within the process takes microseconds, one to a gateway a second.
const BOUNDS: [f64; 16] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dependency {
    EventLog,
    SeatGuard,
    PaymentGateway,
}

impl Dependency {
    fn name(self) -> &'static str {
        match self {
            Self::EventLog => "event_log",
            Self::SeatGuard => "seat_guard",
            Self::PaymentGateway => "payment_gateway",
        }
    }
}

type Labels = [(&'static str, &'static str); 3];

/// Measures calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Calls(Family<Labels, Histogram, fn() -> Histogram>);

fn histogram() -> Histogram {
    Histogram::new(BOUNDS)
}

impl Calls {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let calls = Self(Family::new_with_constructor(histogram));
        let help = "How long the log, the guard and the gateway took to answer, by call and outcome";
        registry.register("lastseat_dependency_call_seconds", help, calls.0.clone());
        calls
    }

    /// Waits for a call's answer and counts it.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn measure<T, E>(
        &self,
        dependency: Dependency,
        call: &'static str,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let begun = Instant::now();
        let span = span(dependency, call);
        let answer = answer.instrument(span.clone()).await;
        if answer.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        self.count(dependency, call, answer.is_ok(), begun);
        answer
    }

    /// Counts a call that began then.
    pub fn count(&self, dependency: Dependency, call: &'static str, is_ok: bool, begun: Instant) {
        let outcome = if is_ok { "ok" } else { "fault" };
        let labels = [("dependency", dependency.name()), ("call", call), ("outcome", outcome)];
        self.0.get_or_create(&labels).observe(begun.elapsed().as_secs_f64());
    }
}

/// The span of a call, for a collector of traces.
pub fn span(dependency: Dependency, call: &'static str) -> Span {
    tracing::info_span!(
        target: STEP,
        "call",
        otel.name = %format_args!("{} {call}", dependency.name()),
        otel.kind = "client",
        otel.status_code = Empty,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::prometheus_text::encode;

    #[tokio::test]
    async fn a_call_is_counted_under_what_came_of_it() {
        let mut registry = Registry::default();
        let calls = Calls::register(&mut registry);
        let done: Result<u8, ()> = calls.measure(Dependency::SeatGuard, "lock", async { Ok(7) }).await;
        let failed: Result<u8, u8> = calls.measure(Dependency::PaymentGateway, "capture", async { Err(8) }).await;
        assert_eq!((done, failed), (Ok(7), Err(8)));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for labels in [
            "dependency=\"seat_guard\",call=\"lock\",outcome=\"ok\"",
            "dependency=\"payment_gateway\",call=\"capture\",outcome=\"fault\"",
        ] {
            assert!(text.contains(&format!("lastseat_dependency_call_seconds_count{{{labels}}} 1")), "{text}");
        }
    }
}
