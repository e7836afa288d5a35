//! Log lines: to stderr, for people or for machines.

use crate::config::{Config, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Installs the process's subscriber. Called once, from the verb that serves.
pub fn install(config: &Config) {
    // The level was checked when it was read. The clients of the cluster report each lost connection
    // hundreds of times; the adapter reports it once. Name a target to get its lines.
    let level = &config.log_level;
    let quiet = if level.contains(['=', ',']) { level.clone() } else { format!("{level},kurrentdb=off,h2=error") };
    let filter = EnvFilter::try_new(quiet).unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = match config.log_format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
    };
    if let Err(error) = installed {
        super::terminal::complain(&format!("no log lines: {error}"));
    }
}
