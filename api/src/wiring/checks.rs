//! Checks everything that the configuration names, adapter by adapter, for `lastseat doctor`.

use super::charges;
use super::event_log::open_cluster;
use super::key_file::{self, Key};
use super::listener::bind;
use super::payments::NOT_SHARED;
use crate::config::Config;
use crate::config::stripe::STRIPE;
use crate::data_dir::DataDir;
use lastseat_domain::ports::{Clock, EventLog, Finding, Severity};
use lastseat_event_log_sqlite::{SqliteLog, check_end};
use lastseat_in_process::SystemClock;
use lastseat_redis::Redis;
use std::path::Path;
use std::sync::Arc;

/// Fewer open files than this, and a rush ends in refused connections.
const ENOUGH_FILES: u64 = 10_000;

/// No buyer pays here, so none comes back.
const NO_PAGE: &str = "http://localhost";

/// Everything that a node of this configuration needs, in the order in which it starts.
pub async fn run_all(config: &Config) -> Vec<Finding> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut findings = vec![data_dir(config), address(config).await];
    let (token_key, ticket_key) = (config.token_key.is_some(), config.ticket_key.is_some());
    findings.extend(key(config, Key::Token, &config.token_key_file(), token_key));
    findings.extend(key(config, Key::Ticket, &config.ticket_key_file(), ticket_key));
    findings.push(open_files());
    findings.extend(super::accounts::check(config).await);
    findings.extend(super::oidc::check(config).await);
    findings.extend(event_log(config).await);
    findings.extend(seat_guard(config, &clock).await);
    match &config.stripe_key {
        Some(_) => findings.extend(stripe(config, &*clock).await),
        None => findings.extend(sandbox(config)),
    }
    findings
}

fn data_dir(config: &Config) -> Finding {
    // The check must not create the directory.
    let root = &config.data;
    let (severity, text) = if !root.exists() {
        (Severity::Ok, format!("{} will be made at the first start", root.display()))
    } else {
        match DataDir::prepare(root) {
            Ok(_) => (Severity::Ok, format!("{} can be written to", root.display())),
            Err(error) => (Severity::Refuse, error.to_string()),
        }
    };
    Finding::new(severity, "data", text)
}

async fn address(config: &Config) -> Finding {
    match bind(config.listen).await {
        Ok(_) => Finding::new(Severity::Ok, "address", format!("{} is free", config.listen)),
        Err(error) => Finding::new(Severity::Warn, "address", format!("{error}; fine if that is the node itself")),
    }
}

/// `is_named`: whether the configuration names its file.
fn key(config: &Config, key: Key, file: &Path, is_named: bool) -> Vec<Finding> {
    let shared = config.eventstore.is_some() && !is_named;
    let shown = file.display();
    let (severity, text) = match key_file::read(key, file) {
        Err(error) => (Severity::Refuse, error.to_string()),
        Ok(_) if shared => {
            let flag = key.flag();
            let text =
                format!("{shown} is this node's own: with more nodes than one, name the same file to all of them with {flag}");
            (Severity::Warn, text)
        }
        Ok(Some(_)) => (Severity::Ok, format!("{shown} is sound")),
        Ok(None) => (Severity::Ok, format!("{shown} will be made at the first start")),
    };
    let exposure = key_file::exposure(key, file).map(|exposure| Finding::new(Severity::Warn, key.name(), exposure));
    std::iter::once(Finding::new(severity, key.name(), text)).chain(exposure).collect()
}

fn open_files() -> Finding {
    match rlimit::increase_nofile_limit(1 << 20) {
        Ok(files) if files < ENOUGH_FILES => Finding::new(
            Severity::Warn,
            "open files",
            format!("only {files} at a time, and each connection is one; raise the limit (ulimit -Hn, LimitNOFILE)"),
        ),
        Ok(files) => Finding::new(Severity::Ok, "open files", format!("{files} at a time")),
        Err(error) => Finding::new(Severity::Warn, "open files", format!("the limit can't be read: {error}")),
    }
}

async fn event_log(config: &Config) -> Vec<Finding> {
    const OF: &str = "event log";
    let Some(url) = &config.eventstore else { return embedded_log(config).await };
    let log = match open_cluster(url.expose()) {
        Ok(log) => log,
        Err(error) => return vec![Finding::new(Severity::Refuse, OF, error.to_string())],
    };
    let checkup = log.check().await;
    log.close();
    let mut findings = Vec::new();
    if checkup.reachable {
        let version = checkup.version.map(|version| format!(", version {version}")).unwrap_or_default();
        findings.push(Finding::new(Severity::Ok, OF, format!("{} answers{version}", checkup.address)));
    }
    findings.extend(checkup.findings);
    findings
}

async fn embedded_log(config: &Config) -> Vec<Finding> {
    const OF: &str = "event log";
    let data = DataDir::at(&config.data);
    let evidence = charges::evidence_of_sales(&data);
    let file = data.events();
    if data.existing_events().is_err() && evidence.is_none() {
        return vec![Finding::new(Severity::Ok, OF, "a file in the data directory, made at the first start")];
    }
    if let Err(error) = check_end(&file, evidence.as_deref()) {
        return vec![Finding::new(Severity::Refuse, OF, error.to_string())];
    }
    let log = match SqliteLog::open_read_only(&file) {
        Ok(log) => log,
        Err(error) => return vec![Finding::new(Severity::Refuse, OF, error.to_string())],
    };
    let mut findings = vec![match log.head().await {
        Ok(head) => {
            Finding::new(Severity::Ok, OF, format!("{} ends at position {head}; `lastseat verify` proves it", file.display()))
        }
        Err(fault) => Finding::new(Severity::Refuse, OF, fault.to_string()),
    }];
    if config.stripe_key.is_none() {
        for found in charges::newest_unmatched(&log, charges::newest_of_sandbox(&data)).await {
            findings.push(Finding::new(Severity::Warn, "payments", format!("{}: {}", found.subject(), found.text)));
        }
    }
    findings
}

async fn seat_guard(config: &Config, clock: &Arc<dyn Clock>) -> Vec<Finding> {
    const OF: &str = "seat guard";
    let Some(url) = &config.redis else {
        let (severity, text) = match config.eventstore {
            Some(_) => {
                (Severity::Warn, "in this process: with more nodes than one, --redis keeps losers away from the event log")
            }
            None => (Severity::Ok, "in this process"),
        };
        return vec![Finding::new(severity, OF, text)];
    };
    let options = super::redis::options(config, clock);
    let redis = match Redis::open(url.expose(), options) {
        Ok(redis) => redis,
        Err(error) => return vec![Finding::new(Severity::Refuse, OF, error.to_string())],
    };
    match redis.check().await {
        Ok(checkup) => checkup.findings.iter().map(|finding| Finding::new(finding.severity, OF, finding.to_string())).collect(),
        // A node starts and sells without it, slower.
        Err(error) => vec![Finding::new(Severity::Refuse, OF, error.to_string())],
    }
}

async fn stripe(config: &Config, clock: &dyn Clock) -> Vec<Finding> {
    const OF: &str = "payments";
    if let Err(why) = crate::config::stripe::check_to_sell(config) {
        return vec![Finding::new(Severity::Refuse, OF, why)];
    }
    let gateway = match super::stripe::open(config, NO_PAGE) {
        Ok(Some(gateway)) => gateway,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![Finding::new(Severity::Refuse, OF, error.to_string())],
    };
    let mut findings = Vec::new();
    if let Some(url) = config.stripe_url.as_ref().filter(|url| url.expose() != STRIPE) {
        findings.push(Finding::new(Severity::Warn, OF, format!("at {url}, which is not Stripe: not for production money")));
    }
    findings.extend(super::stripe::foreign_page(config));
    findings.extend(super::stripe::examine(&gateway, clock).await);
    findings.extend(super::webhook_check::run(config, clock.now()).await);
    findings
}

fn sandbox(config: &Config) -> Vec<Finding> {
    const OF: &str = "payments";
    if let Err(why) = crate::config::stripe::check_to_sell(config) {
        return vec![Finding::new(Severity::Refuse, OF, why)];
    }
    let mut findings = vec![Finding::new(Severity::Warn, OF, "a sandbox: not for production money")];
    if config.eventstore.is_some() {
        findings.push(Finding::new(Severity::Warn, OF, NOT_SHARED));
    }
    findings
}
