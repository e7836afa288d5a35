//! `lastseat doctor`: looks at everything that a node needs, and says what to do about what is wrong.
//! Changes nothing that was there before.

use super::terminal::{Paint, say, say_json};
use crate::config::{Config, Flags};
use crate::exit;
use crate::wiring::checks::{self, Finding, Mark};
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
    let can_sell = findings.iter().all(|finding| finding.mark < Mark::Wrong);
    if args.json {
        say_json(&Diagnosis { can_sell, findings: &findings });
    } else {
        say(&text(&findings, Paint::stdout()));
    }
    if can_sell { ExitCode::SUCCESS } else { exit::UNREADABLE.into() }
}

fn text(findings: &[Finding], paint: Paint) -> String {
    let width = findings.iter().map(|finding| finding.of.len()).max().unwrap_or(0);
    let mut lines = vec![String::new()];
    let mut above = "";
    for Finding { of, mark, text } in findings {
        let sign = match mark {
            Mark::Well => paint.green("✓"),
            Mark::Warning => paint.yellow("!"),
            Mark::Wrong => paint.red("✗"),
        };
        let of_shown = if *of == above { "" } else { *of };
        above = of;
        lines.push(format!("  {sign} {}  {text}", paint.bold(&format!("{of_shown:width$}"))));
    }
    let worst = findings.iter().map(|finding| finding.mark).max().unwrap_or(Mark::Well);
    lines.push(String::new());
    lines.push(match worst {
        Mark::Well => paint.green("  All is well."),
        Mark::Warning => paint.yellow("  A node can sell with this; see the lines marked with !"),
        Mark::Wrong => paint.red("  A node should not sell with this; see the lines marked with ✗"),
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
            Finding::new("event log", Mark::Well, "ends at 5"),
            Finding::new("event log", Mark::Warning, "is old; get a new one"),
            Finding::new("payments", Mark::Wrong, "are gone"),
        ];
        assert_eq!(
            text(&findings, Paint::plain()),
            "\n  ✓ event log  ends at 5\n  !            is old; get a new one\n  ✗ payments   are gone\n\n  A node should not sell with this; see the lines marked with ✗\n"
        );
    }
}
