//! `lastseat verify`: the guarantees, proven from the log alone.
//!
//! Reads the file and nothing else: no server has to run, and one that runs is not disturbed.

use super::exit;
use super::terminal::{Paint, complain, count, say, say_json};
use crate::config::Config;
use crate::wiring::data_dir::{DataDir, NoLog};
use indicatif::{ProgressBar, ProgressStyle};
use lastseat_domain::ports::LogFault;
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter, Position};
use lastseat_engine::adapters::event_log::sqlite::{Integrity, check_integrity};
use lastseat_engine::adapters::event_log::{OpenError, SqliteLog};
use lastseat_projections::audit::{Audit, Report};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Events read at a time.
const PAGE: usize = 5000;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Works while the server runs, and after it was killed.
Exit status: 0 clean, 1 a violation was found, 3 the log can't be read.")]
pub struct Verify {
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Why the log can't be read.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    NoLog(#[from] NoLog),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] LogFault),
    #[error("the check was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
    #[error("the event log {} is damaged: {}; restore it from a copy", file.display(), findings.join("; "))]
    Damaged { file: PathBuf, findings: Vec<String> },
}

#[derive(Serialize)]
struct Outcome {
    log: PathBuf,
    clean: bool,
    events: u64,
    streams: u64,
    report: Report,
}

#[derive(Serialize)]
struct Failure {
    log: PathBuf,
    clean: bool,
    error: String,
}

/// Verifies.
pub async fn run(args: &Verify, config: &Config) -> ExitCode {
    let data = DataDir::at(&config.data);
    let file = data.events();
    match verify(&data).await {
        Ok((integrity, report)) => {
            let clean = report.holds();
            if args.json {
                say_json(&Outcome { log: file, clean, events: integrity.events, streams: integrity.streams, report });
            } else {
                print(&file, &integrity, &report);
            }
            if clean { ExitCode::SUCCESS } else { exit::VIOLATION.into() }
        }
        Err(error) => {
            if args.json {
                say_json(&Failure { log: file, clean: false, error: error.to_string() });
            }
            complain(&error.to_string());
            exit::UNREADABLE.into()
        }
    }
}

async fn verify(data: &DataDir) -> Result<(Integrity, Report), Unreadable> {
    let file = data.existing_events()?;
    let progress = ProgressBar::new_spinner().with_message("checking the file");
    progress.enable_steady_tick(std::time::Duration::from_millis(100));
    let path = file.clone();
    let integrity = tokio::task::spawn_blocking(move || check_integrity(path)).await??;
    if !integrity.findings.is_empty() {
        progress.finish_and_clear();
        return Err(Unreadable::Damaged { file, findings: integrity.findings });
    }
    let log = SqliteLog::open_read_only(file)?;
    progress.finish_and_clear();
    let report = audit(&log).await?;
    Ok((integrity, report))
}

async fn audit(log: &SqliteLog) -> Result<Report, LogFault> {
    let head = log.head().await?;
    let progress = ProgressBar::new(head.0);
    if let Ok(style) = ProgressStyle::with_template("  {bar:40.cyan/dim} {human_pos} of {human_len} events") {
        progress.set_style(style.progress_chars("━╸─"));
    }
    let mut audit = Audit::new();
    let mut position = Position::START;
    // Up to the head as it was: a running server may be faster than this.
    while position < head {
        let page = log.read_all(Some(position), Direction::Forwards, PAGE, &Filter::all()).await?;
        let Some(last) = page.last() else { break };
        position = last.position;
        for event in page.iter().filter(|event| event.position <= head) {
            audit.observe(event);
        }
        progress.set_position(position.0.min(head.0));
    }
    progress.finish_and_clear();
    Ok(audit.finish())
}

fn print(file: &Path, integrity: &Integrity, report: &Report) {
    let paint = Paint::stdout();
    let file_says = format!("{}, file intact", count(integrity.streams, "stream", "streams"));
    say(&format!("\n  {}  {}\n", paint.bold(&file.display().to_string()), paint.dim(&file_says)));
    let text = report.to_string();
    let mut lines = text.lines().collect::<Vec<_>>();
    let verdict = lines.pop().unwrap_or_default();
    for line in lines {
        let painted = match line.trim_start().chars().next() {
            Some('✓') => line.replacen('✓', &paint.green("✓"), 1),
            Some('✗') => paint.red(line),
            _ => line.to_owned(),
        };
        say(&format!("  {painted}"));
    }
    let verdict = if report.holds() { paint.green(verdict) } else { paint.red(verdict) };
    say(&format!("  {verdict}\n"));
}
