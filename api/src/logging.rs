//! Log lines: to stderr, for people or for machines. No caller waits for stderr or fails because of it:
//! a thread of its own writes, and what can't be written is dropped and counted.
//!
//! A process has one stderr, so there is one of these, whatever number of servers run in it.

mod lines;

use crate::config::{Config, LogFormat};
use lines::Lines;
use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// The last lines of a process are waited for so long, if stderr is stuck.
const LAST_LINES: Duration = Duration::from_secs(1);

static STDERR: OnceLock<Lines> = OnceLock::new();

/// Installs the process's subscriber, and a panic hook that writes to it: the standard one would wait
/// for stderr. Called once, from the verb that serves.
///
/// # Errors
/// If the thread that writes can't be started.
pub fn install(config: &Config) -> io::Result<()> {
    let lines = Lines::start(io::stderr(), report_dropped)?;
    // The level was checked when it was read. The clients of the cluster report each lost connection
    // hundreds of times; the adapter reports it once. Name a target to get its lines.
    let level = &config.log_level;
    let quiet = if level.contains(['=', ',']) { level.clone() } else { format!("{level},kurrentdb=off,h2=error") };
    let filter = EnvFilter::try_new(quiet).unwrap_or_default();
    let writer = lines.clone();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).log_internal_errors(false);
    let installed = match config.log_format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).with_target(false).try_init(),
    };
    installed.map_err(io::Error::other)?;
    let _first_wins = STDERR.set(lines);
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let why = panic.payload_as_str().unwrap_or("no reason given");
        tracing::error!(place, why, "a task has panicked");
    }));
    Ok(())
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
