//! What all verbs do that serve: start, say where, run until a signal, stop.

use super::signals::Signals;
use super::terminal::{self, complain, end_now, tell};
use crate::config::Config;
use crate::traces::tracer;
use crate::wiring::{LogHost, Running, SandboxHost, StartError, traces};
use crate::{exit, logging};
use std::process::ExitCode;
use tokio::runtime::Handle;

/// Something that runs until it is stopped.
pub(super) trait Service {
    /// Completes when a part has ended although nobody stopped it. Returns which.
    async fn failed(&mut self) -> String;
    /// Finishes what is in progress.
    async fn stop(self);
}

/// Starts it, greets, and serves until Ctrl-C or SIGTERM; a second one ends the process at once.
pub(super) async fn run<S: Service>(
    config: &Config,
    start: impl AsyncFnOnce() -> Result<S, StartError>,
    greet: impl AsyncFnOnce(&S),
) -> ExitCode {
    let spans = traces::start(config, Handle::current()).unwrap_or_else(|error| {
        complain(&format!("no traces: {error}"));
        None
    });
    if let Err(error) = logging::install(config, spans) {
        complain(&format!("no log lines: {error}"));
    }
    let mut service = match start().await {
        Ok(service) => service,
        Err(error) => {
            complain(&error.to_string());
            return error.exit().into();
        }
    };
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            complain(&format!("signals can't be listened to: {error}"));
            service.stop().await;
            return exit::FATAL.into();
        }
    };
    // Only now: a reader of the greeting may send a signal at once.
    greet(&service).await;
    let first = tokio::select! {
        first = signals.next() => first,
        why = service.failed() => terminal::part_ended(&why),
    };
    tell(&format!("lastseat: {first}: finishing what is in progress (once more to stop at once)"));
    tokio::select! {
        () = async { service.stop().await; send_last_traces().await } => {
            tell("lastseat: stopped; nothing is lost");
            ExitCode::SUCCESS
        }
        _ = signals.next() => {
            tell("lastseat: stopped at once; the next start finishes what was in progress");
            // Returning would wait for the runtime's blocking threads.
            end_now(130)
        }
    }
}

/// Sends what the collector of traces has not got.
async fn send_last_traces() {
    if let Some(tracer) = tracer()
        && let Err(error) = tokio::task::spawn_blocking(|| tracer.end()).await
    {
        tracing::warn!(%error, "the last traces could not be sent");
    }
}

/// Forwards to the methods of the same name.
macro_rules! services {
    ($($service:ty)+) => {$(
        impl Service for $service {
            async fn failed(&mut self) -> String {
                <$service>::failed(self).await
            }

            async fn stop(self) {
                <$service>::stop(self).await;
            }
        }
    )+};
}

services!(Running LogHost SandboxHost);
