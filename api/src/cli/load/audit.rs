//! The proof after the load: the whole event history, read over HTTP and audited here.

use super::check::Verdict;
use super::client::{Connection, NoAnswer};
use crate::cli::audit_export::Line;
use crate::cli::terminal::count;
use indicatif::ProgressBar;
use lastseat_audit::{Audit, Report, Violation};
use lastseat_domain::ports::event_log::RecordedEvent;

/// Events requested at a time.
const PAGE: usize = 1000;

/// Audits the server's history and adds what it finds.
pub async fn check(connection: &mut Connection, token: &str, progress: &ProgressBar, verdict: &mut Verdict) {
    match audit(connection, token, progress).await {
        Ok((events, report)) => {
            let say = |found: &Violation| format!("{} (position {}, {})", found.text, found.position, found.stream);
            verdict.violations.extend(report.violations.iter().map(say));
            if report.holds() {
                verdict.verified.push(format!("the audit of all {} finds no violation", count(events, "event", "events")));
            }
        }
        Err(why) => verdict.unverified.push(format!("the event log: {why}")),
    }
}

async fn audit(connection: &mut Connection, token: &str, progress: &ProgressBar) -> Result<(u64, Report), NoAnswer> {
    let mut audit = Audit::new();
    let (mut from, mut events) = (0, 0);
    loop {
        let page = connection.get(&format!("/v1/audit/events?from={from}&limit={PAGE}"), Some(token)).await?;
        if !page.status.is_success() {
            return Err(NoAnswer::Unexpected(format!("{}: {}", page.status, page.problem())));
        }
        let mut seen = 0_usize;
        for line in page.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Line = serde_json::from_slice(line)
                .map_err(|error| NoAnswer::Unexpected(format!("an unreadable event after {from}: {error}")))?;
            let event = RecordedEvent::from(line);
            if event.position.0 <= from {
                return Err(NoAnswer::Unexpected(format!("position {} again, after {from}", event.position)));
            }
            from = event.position.0;
            audit.observe(&event);
            seen += 1;
        }
        events += seen as u64;
        progress.set_message(format!("auditing: {}", count(events, "event", "events")));
        if seen == 0 {
            return Ok((events, audit.finish()));
        }
    }
}
