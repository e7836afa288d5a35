//! Sends traces to an OpenTelemetry collector: OTLP over HTTP, in protobuf.
//!
//! A span is made with `tracing`, like a log line. [`Traces::layer`] takes those of the targets that it is given and no other, so no log line and
//! nothing of another crate leaves the machine with them.

mod client;
mod traces;

pub use traces::{InvalidCollector, Settings, Traces};
