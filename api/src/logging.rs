//! Log lines: to stderr, for people or for machines. No caller waits for stderr or fails because of it:
//! a thread of its own writes, and what can't be written is dropped and counted.
//!
//! A process has one stderr, so there is one of these, whatever number of servers run in it.

mod fields;
mod lines;

use crate::config::{Config, LogFormat, log_level};
use crate::traces::{REQUEST, STEP};
use fields::RequestId;
pub use lines::ACCESS;
use lines::Lines;
use parking_lot::Mutex;
use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

/// The last lines of a process are waited for so long, if stderr is stuck.
const LAST_LINES: Duration = Duration::from_secs(1);

static STDERR: OnceLock<Lines> = OnceLock::new();
static HAS_ACCESS_LOG: AtomicBool = AtomicBool::new(false);
static LEVEL: OnceLock<SetLevel> = OnceLock::new();

/// Replaces what is logged. `false`: nothing is logged by this process.
type SetLevel = Box<dyn Fn(Targets) -> bool + Send + Sync>;

/// What is logged now, as it was asked for.
static LOGGED: Mutex<String> = Mutex::new(String::new());

/// Installs the process's subscriber, and a panic hook that writes to it: the standard one would wait
/// for stderr. Called once, from the verb that serves. `spans` takes what a collector of traces gets.
///
/// # Errors
/// If the thread that writes can't be started.
pub fn install(config: &Config, spans: Option<Box<dyn Layer<Registry> + Send + Sync>>) -> io::Result<()> {
    let lines = Lines::start(io::stderr(), report_dropped)?;
    HAS_ACCESS_LOG.store(config.access_log, Ordering::Relaxed);
    // The level was checked when it was read.
    LOGGED.lock().clone_from(&config.log_level);
    let (filter, handle) = reload::Layer::new(filter(&config.log_level).unwrap_or_default());
    let writer = lines.clone();
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).log_internal_errors(false);
    let layer = match config.log_format {
        LogFormat::Json => {
            layer.json().flatten_event(true).with_span_list(false).fmt_fields(RequestId::Json).with_filter(filter).boxed()
        }
        LogFormat::Text => {
            layer.with_ansi(io::stderr().is_terminal()).with_target(false).fmt_fields(RequestId::Text).with_filter(filter).boxed()
        }
    };
    tracing_subscriber::registry().with(spans).with(layer).try_init().map_err(io::Error::other)?;
    let _first_wins = STDERR.set(lines);
    let _first_wins = LEVEL.set(Box::new(move |filter| handle.reload(filter).is_ok()));
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let why = panic.payload_as_str().unwrap_or("no reason given");
        tracing::error!(place, why, "a task has panicked");
    }));
    Ok(())
}

/// What a level lets through. The clients of the cluster report each lost connection hundreds of times; the adapter reports
/// it once. Name a target to get its lines. Spans for a collector are no log lines, and the access log has a switch of its own.
fn filter(level: &str) -> Option<Targets> {
    let named = if level.contains(['=', ',']) { level.to_owned() } else { format!("{level},kurrentdb=off,h2=error") };
    let access = if has_access_log() { "info" } else { "off" };
    // A level of one part of the program leaves its lines their request.
    let request = if level == "off" { "off" } else { "error" };
    format!("{named},{REQUEST}={request},{STEP}=off,{ACCESS}={access}").parse().ok()
}

/// Whether each answered request gets a line.
#[must_use]
pub fn has_access_log() -> bool {
    HAS_ACCESS_LOG.load(Ordering::Relaxed)
}

/// What is logged now. Empty if this process logs nothing.
#[must_use]
pub fn level() -> String {
    LOGGED.lock().clone()
}

/// Whether a text is a level.
#[must_use]
pub fn is_level(level: &str) -> bool {
    log_level(level).is_some()
}

/// Logs at another level from now on. `false`: it is none.
#[must_use]
pub fn set_level(level: &str) -> bool {
    let Some(filter) = log_level(level).and_then(|level| filter(&level)) else { return false };
    let mut logged = LOGGED.lock();
    // A process without a log has nothing to change.
    let is_set = LEVEL.get().is_none_or(|set| set(filter));
    if is_set {
        level.clone_into(&mut logged);
    }
    is_set
}

fn report_dropped(since_the_start: u64) {
    tracing::error!(since_the_start, "log lines could not be written and were dropped");
}

/// Writes a line for people after the log lines so far. `false`: no log is installed, write it yourself.
pub fn write(line: &str) -> bool {
    STDERR.get().map(|lines| lines.push(format!("{line}\n").into_bytes())).is_some()
}

/// Waits for the last lines, a second at most. Call it before the process ends.
pub fn flush() {
    if let Some(lines) = STDERR.get() {
        lines.flush(LAST_LINES);
    }
}

/// Log lines that were dropped since the start.
#[must_use]
pub fn dropped() -> u64 {
    STDERR.get().map_or(0, Lines::dropped)
}
