//! `lastseat doctor`: looks at everything that a node needs, and says what to do about what is wrong.
//! Changes nothing that was there before.

use super::terminal::{Paint, say, say_json};
use crate::config::{Config, Flags};
use crate::exit;
use crate::wiring::checks;
use lastseat_domain::ports::{Finding, Severity};
use serde::Serialize;
use std::process::ExitCode;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Takes the settings of `serve`, from flags, environment and file, and looks at what they name.
Exit status: 0 a node can sell with these, 3 it can't.")]
pub struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub flags: Flags,
}

#[derive(Serialize)]
struct Diagnosis<'a> {
    can_sell: bool,
    findings: &'a [Finding],
}

/// Looks, and prints.
pub async fn run(args: &Doctor, config: &Config) -> ExitCode {
    let findings = checks::run_all(config).await;
    let can_sell = findings.iter().all(|finding| finding.severity < Severity::Refuse);
    if args.json {
        say_json(&Diagnosis { can_sell, findings: &findings });
    } else {
        say(&text(&findings, Paint::stdout()));
    }
    if can_sell { ExitCode::SUCCESS } else { exit::UNREADABLE.into() }
}

fn text(findings: &[Finding], paint: Paint) -> String {
    let width = findings.iter().map(|finding| finding.subject.len()).max().unwrap_or(0);
    let mut lines = vec![String::new()];
    let mut above = "";
    for Finding { subject, severity, text } in findings {
        let sign = match severity {
            Severity::Ok => paint.green("✓"),
            Severity::Warn => paint.yellow("!"),
            Severity::Refuse => paint.red("✗"),
        };
        let shown_subject = if *subject == above { "" } else { *subject };
        above = subject;
        lines.push(format!("  {sign} {}  {text}", paint.bold(&format!("{shown_subject:width$}"))));
    }
    let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
    lines.push(String::new());
    lines.push(match worst {
        Severity::Ok => paint.green("  All is well."),
        Severity::Warn => paint.yellow("  A node can sell with this; see the lines marked with !"),
        Severity::Refuse => paint.red("  A node should not sell with this; see the lines marked with ✗"),
    });
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_part_is_named_once() {
        let findings = [
            Finding::new(Severity::Ok, "event log", "ends at 5"),
            Finding::new(Severity::Warn, "event log", "is old; get a new one"),
            Finding::new(Severity::Refuse, "payments", "are gone"),
        ];
        assert_eq!(
            text(&findings, Paint::plain()),
            "\n  ✓ event log  ends at 5\n  !            is old; get a new one\n  ✗ payments   are gone\n\n  A node should not sell with this; see the lines marked with ✗\n"
        );
    }
}
