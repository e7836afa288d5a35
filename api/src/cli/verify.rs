//! `lastseat verify`: proves the guarantees from the log alone.
//!
//! Reads only the log file, the cluster, or an export. No server has to run, and a running server is not
//! affected.

mod export;

use super::terminal::{Paint, complain, count, say, say_json};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit;
use crate::wiring::chosen::OpenError;
use crate::wiring::chosen::{Integrity, check_integrity};
use crate::wiring::reading::{self, Readable};
use export::{BadExport, Export};
use indicatif::{ProgressBar, ProgressStyle};
use lastseat_audit::{Audit, Report};
use lastseat_domain::ports::LogFault;
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter, Position, RecordedEvent};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Events read at a time.
const PAGE: usize = 5000;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Works while the server runs and after a crash. For a cluster, add --eventstore esdb://…
An export must be whole and as `lastseat audit export` wrote it: ids cover every byte of a body.

Exit status: 0 clean, 1 a violation was found, 3 the log can't be read.")]
pub struct Verify {
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Check an export of `audit export` instead of a log
    #[arg(long, value_name = "NDJSON")]
    file: Option<PathBuf>,
}

/// Why the log can't be read.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Unreadable(#[from] reading::Unreadable),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] LogFault),
    #[error(transparent)]
    Export(#[from] BadExport),
    #[error("the check was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
    #[error("the event log {} is damaged: {}; restore it from a copy", file.display(), findings.join("; "))]
    Damaged { file: PathBuf, findings: Vec<String> },
}

#[derive(Serialize)]
struct Outcome {
    log: String,
    clean: bool,
    events: u64,
    streams: u64,
    report: Report,
}

#[derive(Serialize)]
struct Failure {
    log: String,
    clean: bool,
    error: String,
}

pub async fn run(args: &Verify, config: &Config) -> ExitCode {
    let place = match (&args.file, &config.eventstore) {
        (Some(file), _) => file.display().to_string(),
        (None, Some(url)) => url.to_string(),
        (None, None) => DataDir::at(&config.data).events().display().to_string(),
    };
    let verified = match &args.file {
        Some(file) => audit_export(file).map(|read| (None, read)).map_err(Unreadable::from),
        None => verify(config).await,
    };
    match verified {
        Ok((integrity, read)) => {
            let clean = read.report.holds();
            if args.json {
                let Read { events, streams, report } = read;
                say_json(&Outcome { log: place, clean, events, streams, report });
            } else {
                print(&place, integrity.as_ref(), &read);
            }
            if clean { ExitCode::SUCCESS } else { exit::VIOLATION.into() }
        }
        Err(error) => {
            if args.json {
                say_json(&Failure { log: place, clean: false, error: error.to_string() });
            }
            complain(&error.to_string());
            exit::UNREADABLE.into()
        }
    }
}

/// What was read, and what it proves.
struct Read {
    events: u64,
    streams: u64,
    report: Report,
}

/// An audit that counts what it reads.
#[derive(Default)]
struct Counted {
    audit: Audit,
    events: u64,
    streams: u64,
}

impl Counted {
    fn observe(&mut self, event: &RecordedEvent) {
        self.audit.observe(event);
        self.events += 1;
        self.streams += u64::from(event.revision == 0);
    }

    fn finish(self) -> Read {
        Read { events: self.events, streams: self.streams, report: self.audit.finish() }
    }
}

fn audit_export(file: &Path) -> Result<Read, BadExport> {
    let mut counted = Counted::default();
    for event in Export::open(file)? {
        counted.observe(&event?);
    }
    Ok(counted.finish())
}

async fn verify(config: &Config) -> Result<(Option<Integrity>, Read), Unreadable> {
    let readable = Readable::open(config)?;
    let integrity = match readable.file {
        Some(file) => Some(intact(file).await?),
        None => None,
    };
    Ok((integrity, audit(&*readable.log).await?))
}

/// Checks the file itself.
async fn intact(file: PathBuf) -> Result<Integrity, Unreadable> {
    let progress = ProgressBar::new_spinner().with_message("checking the file");
    progress.enable_steady_tick(std::time::Duration::from_millis(100));
    let path = file.clone();
    let integrity = tokio::task::spawn_blocking(move || check_integrity(path)).await;
    progress.finish_and_clear();
    let integrity = integrity??;
    if integrity.findings.is_empty() { Ok(integrity) } else { Err(Unreadable::Damaged { file, findings: integrity.findings }) }
}

async fn audit(log: &dyn EventLog) -> Result<Read, LogFault> {
    let head = log.head().await?;
    let progress = ProgressBar::new(head.0);
    if let Ok(style) = ProgressStyle::with_template("  {bar:40.cyan/dim} position {human_pos} of {human_len}") {
        progress.set_style(style.progress_chars("━╸─"));
    }
    let mut counted = Counted::default();
    let mut position = Position::START;
    // Up to the head as it was: a running server may be faster than this.
    while position < head {
        let page = log.read_all(Some(position), Direction::Forwards, PAGE, &Filter::all()).await?;
        let Some(last) = page.last() else { break };
        position = last.position;
        for event in page.iter().filter(|event| event.position <= head) {
            counted.observe(event);
        }
        progress.set_position(position.0.min(head.0));
    }
    progress.finish_and_clear();
    Ok(counted.finish())
}

fn print(place: &str, integrity: Option<&Integrity>, read: &Read) {
    let paint = Paint::stdout();
    let report = &read.report;
    let streams = count(read.streams, "stream", "streams");
    let says = if integrity.is_some() { format!("{streams}, file intact") } else { streams };
    say(&format!("\n  {}  {}\n", paint.bold(place), paint.dim(&says)));
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
