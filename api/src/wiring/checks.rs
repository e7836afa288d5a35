//! Checks everything that the configuration names, adapter by adapter, for `lastseat doctor`.

use super::event_log::open_cluster;
use super::{listener::bind, token_key};
use crate::config::Config;
use crate::data_dir::DataDir;
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::RemoteSandbox;
use lastseat_redis::{Redis, Severity};
use serde::Serialize;
use std::sync::Arc;

/// Fewer open files than this, and a rush ends in refused connections.
const ENOUGH_FILES: u64 = 10_000;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// As it should be.
    Well,
    /// A node sells with it, and it could be better.
    Warning,
    /// No node should sell with it.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it belongs to: `event log`, `seat guard`, …
    pub of: &'static str,
    /// How it is.
    pub mark: Mark,
    /// What was seen and, unless it is well, what to do.
    pub text: String,
}

impl Finding {
    /// A finding.
    pub fn new(of: &'static str, mark: Mark, text: impl Into<String>) -> Self {
        Self { of, mark, text: text.into() }
    }
}

/// Everything that a node of this configuration needs, in the order in which it starts.
pub async fn run_all(config: &Config) -> Vec<Finding> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut findings = vec![data_dir(config), address(config).await, token_key_file(config), open_files()];
    findings.extend(event_log(config).await);
    findings.extend(seat_guard(config, &clock).await);
    findings.extend(payments(config).await);
    findings
}

fn data_dir(config: &Config) -> Finding {
    // Looked at as it is: a doctor does not make what is not there.
    let root = &config.data;
    let (mark, text) = if !root.exists() {
        (Mark::Well, format!("{} will be made at the first start", root.display()))
    } else {
        match DataDir::prepare(root) {
            Ok(_) => (Mark::Well, format!("{} can be written to", root.display())),
            Err(error) => (Mark::Wrong, error.to_string()),
        }
    };
    Finding::new("data", mark, text)
}

async fn address(config: &Config) -> Finding {
    match bind(config.listen).await {
        Ok(_) => Finding::new("address", Mark::Well, format!("{} is free", config.listen)),
        Err(error) => Finding::new("address", Mark::Warning, format!("{error}; fine if that is the node itself")),
    }
}

fn token_key_file(config: &Config) -> Finding {
    let file = config.token_key_file();
    let shared = config.eventstore.is_some() && config.token_key.is_none();
    match token_key::read(&file) {
        Err(error) => Finding::new("token key", Mark::Wrong, error.to_string()),
        Ok(_) if shared => Finding::new(
            "token key",
            Mark::Warning,
            format!(
                "{} is this node's own: with more nodes than one, name the same file to all of them with --token-key",
                file.display()
            ),
        ),
        Ok(Some(_)) => Finding::new("token key", Mark::Well, format!("{} is sound", file.display())),
        Ok(None) => Finding::new("token key", Mark::Well, format!("{} will be made at the first start", file.display())),
    }
}

fn open_files() -> Finding {
    match rlimit::increase_nofile_limit(1 << 20) {
        Ok(files) if files < ENOUGH_FILES => Finding::new(
            "open files",
            Mark::Warning,
            format!("only {files} at a time, and each connection is one; raise the limit (ulimit -Hn, LimitNOFILE)"),
        ),
        Ok(files) => Finding::new("open files", Mark::Well, format!("{files} at a time")),
        Err(error) => Finding::new("open files", Mark::Warning, format!("the limit can't be read: {error}")),
    }
}

async fn event_log(config: &Config) -> Vec<Finding> {
    const OF: &str = "event log";
    let Some(url) = &config.eventstore else { return vec![embedded_log(config).await] };
    let log = match open_cluster(url.expose()) {
        Ok(log) => log,
        Err(error) => return vec![Finding::new(OF, Mark::Wrong, error.to_string())],
    };
    let checkup = log.check().await;
    log.close();
    let mut findings = Vec::new();
    if checkup.reachable {
        let version = checkup.version.map(|version| format!(", version {version}")).unwrap_or_default();
        findings.push(Finding::new(OF, Mark::Well, format!("{} answers{version}", checkup.address)));
    }
    findings.extend(checkup.findings.into_iter().map(|finding| {
        let mark = if finding.serious { Mark::Wrong } else { Mark::Warning };
        Finding::new(OF, mark, format!("{}; {}", finding.what, finding.advice))
    }));
    findings
}

async fn embedded_log(config: &Config) -> Finding {
    const OF: &str = "event log";
    let file = match DataDir::at(&config.data).existing_events() {
        Ok(file) => file,
        Err(_) => return Finding::new(OF, Mark::Well, "a file in the data directory, made at the first start"),
    };
    match SqliteLog::open_read_only(&file) {
        Ok(log) => match log.head().await {
            Ok(head) => {
                Finding::new(OF, Mark::Well, format!("{} ends at position {head}; `lastseat verify` proves it", file.display()))
            }
            Err(fault) => Finding::new(OF, Mark::Wrong, fault.to_string()),
        },
        Err(error) => Finding::new(OF, Mark::Wrong, error.to_string()),
    }
}

async fn seat_guard(config: &Config, clock: &Arc<dyn Clock>) -> Vec<Finding> {
    const OF: &str = "seat guard";
    let Some(url) = &config.redis else {
        let (mark, text) = match config.eventstore {
            Some(_) => (Mark::Warning, "in this process: with more nodes than one, --redis keeps losers away from the event log"),
            None => (Mark::Well, "in this process"),
        };
        return vec![Finding::new(OF, mark, text)];
    };
    let options = super::redis::options(config, clock);
    let redis = match Redis::open(url.expose(), options) {
        Ok(redis) => redis,
        Err(error) => return vec![Finding::new(OF, Mark::Wrong, error.to_string())],
    };
    match redis.check().await {
        Ok(checkup) => checkup
            .findings
            .into_iter()
            .map(|finding| {
                let mark = match finding.severity {
                    Severity::Ok => Mark::Well,
                    Severity::Warn => Mark::Warning,
                    Severity::Refuse => Mark::Wrong,
                };
                Finding::new(OF, mark, finding.to_string())
            })
            .collect(),
        // A node starts and sells without it, slower.
        Err(error) => vec![Finding::new(OF, Mark::Wrong, error.to_string())],
    }
}

async fn payments(config: &Config) -> Vec<Finding> {
    const OF: &str = "payments";
    let mut findings = vec![Finding::new(OF, Mark::Warning, "a sandbox: not for production money")];
    match &config.sandbox {
        None if config.eventstore.is_some() => findings.push(Finding::new(
            OF,
            Mark::Warning,
            "this process's own sandbox: nodes that share an event log must share it, too (--sandbox-listen on one, --sandbox on the others)",
        )),
        None => {}
        Some(url) => findings.push(match RemoteSandbox::open(url.expose()) {
            Err(error) => Finding::new(OF, Mark::Wrong, error.to_string()),
            Ok(shared) => match shared.check().await {
                Ok(()) => Finding::new(OF, Mark::Well, format!("the sandbox at {url} answers")),
                Err(fault) => Finding::new(OF, Mark::Wrong, fault.to_string()),
            },
        }),
    }
    findings
}
