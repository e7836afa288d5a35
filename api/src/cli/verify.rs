//! `lastseat verify`: proves the guarantees from the log alone.
//!
//! Reads only the log file, the cluster, or an export. No server has to run, and a running server is not
//! affected.

mod export;

use super::terminal::{Paint, complain, count, say, say_json};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit;
use crate::reconcile::{Difference, Reconciliation};
use crate::wiring::charges;
use crate::wiring::chosen::{Anchor, Integrity, OpenError, check_integrity};
use crate::wiring::reading::{self, Readable};
use export::{BadExport, Export};
use indicatif::{ProgressBar, ProgressStyle};
use lastseat_audit::{Audit, Report};
use lastseat_domain::ports::LogFault;
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter, Position, RecordedEvent};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Disagreements with the gateway that are printed; JSON has them all.
const SHOWN: usize = 20;

/// Events read at a time.
const PAGE: usize = 5000;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Works while the server runs and after a crash. For a cluster, add --eventstore esdb://…
An export must be whole and as `lastseat audit export` wrote it: ids cover every byte of a body.

Exit status: 0 clean, 1 a violation was found or acknowledged events are missing, 3 the log can't be
read.")]
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
pub(super) enum Unreadable {
    #[error(transparent)]
    Unreadable(#[from] reading::Unreadable),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] LogFault),
    #[error(transparent)]
    Export(#[from] BadExport),
    #[error("{0}")]
    Gateway(String),
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
    /// Absent for a cluster, which has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    high_water_mark: Option<HighWaterMark>,
    /// Absent if the gateway is not in this directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    payments: Option<Payments>,
    report: Report,
}

/// The log compared with the mark beside it.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum HighWaterMark {
    /// Every event up to `position` is as it was acknowledged.
    Holds { position: u64 },
    /// The same, but one entry of the mark is damaged, perhaps a newer one. No guarantee is known to be broken.
    Damaged { position: u64, problem: String },
    /// Events are missing or changed.
    Lost { expected: Option<u64>, found: u64, missing: Option<u64>, problem: String },
    /// There is none: a copy, or a log of an older version.
    None,
}

/// The log compared with the gateway's charges.
#[derive(Debug, Serialize)]
struct Payments {
    checked: usize,
    disagreements: Vec<Difference>,
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
        Some(file) => audit_export(file).map(Verified::of_events).map_err(Unreadable::from),
        None => verify(config).await,
    };
    match verified {
        Ok(verified) => {
            let clean = verified.is_clean();
            if args.json {
                let Verified { high_water_mark, payments, read: Read { events, streams, report }, .. } = verified;
                say_json(&Outcome { log: place, clean, events, streams, high_water_mark, payments, report });
            } else {
                print(&place, &verified);
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

/// What a log proves by itself: its file is intact, and its events say so much.
pub(super) struct Proof {
    pub events: u64,
    pub report: Report,
}

/// Proves the log of a copy, which has no mark and need not be as new as the gateway.
pub(super) async fn prove(config: &Config) -> Result<Proof, Unreadable> {
    let readable = Readable::open(config)?;
    if let Some(file) = readable.file {
        intact(file).await?;
    }
    let Read { events, report, .. } = audit(&*readable.log, None).await?;
    Ok(Proof { events, report })
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

struct Verified {
    integrity: Option<Integrity>,
    high_water_mark: Option<HighWaterMark>,
    payments: Option<Payments>,
    read: Read,
}

impl Verified {
    /// Of events alone, without the file that they come from.
    fn of_events(read: Read) -> Self {
        Self { integrity: None, high_water_mark: None, payments: None, read }
    }

    fn is_clean(&self) -> bool {
        let money_agrees = self.payments.as_ref().is_none_or(|payments| payments.disagreements.iter().all(|found| !found.wrong));
        self.read.report.holds() && !matches!(self.high_water_mark, Some(HighWaterMark::Lost { .. })) && money_agrees
    }
}

async fn verify(config: &Config) -> Result<Verified, Unreadable> {
    let readable = Readable::open(config)?;
    let has_sandbox = config.eventstore.is_none() && config.stripe_key.is_none();
    let data = has_sandbox.then(|| DataDir::at(&config.data));
    // Before the log: what the gateway has done by now was announced in the log before.
    let charges = || data.as_ref().map(charges::of_sandbox).transpose().map_err(Unreadable::Gateway);
    let before = charges()?;
    let integrity = match readable.file {
        Some(file) => Some(intact(file).await?),
        None => None,
    };
    let mut reconciliation = before.map(Reconciliation::of);
    let read = audit(&*readable.log, reconciliation.as_mut()).await?;
    // As in the rest of the report: a log that nobody has written to since does not get worse with age.
    let now = read.report.until.unwrap_or_default();
    let payments = reconciliation.map(|reconciliation| {
        let mut disagreements = reconciliation.differences(now);
        // What a running server has done since is no disagreement: only what differs both times counts.
        if let (false, Ok(Some(after))) = (disagreements.is_empty(), charges()) {
            let still = reconciliation.with(after).differences(now);
            disagreements.retain(|found| still.contains(found));
        }
        Payments { checked: reconciliation.payments(), disagreements }
    });
    let high_water_mark = integrity.as_ref().and_then(|integrity| match &integrity.anchor {
        Anchor::Holds { position } => Some(HighWaterMark::Holds { position: *position }),
        Anchor::HalfDamaged { position, warning } => {
            Some(HighWaterMark::Damaged { position: *position, problem: warning.clone() })
        }
        Anchor::Lost(loss) => Some(HighWaterMark::Lost {
            expected: loss.expected,
            found: loss.found,
            missing: loss.missing(),
            problem: loss.to_string(),
        }),
        Anchor::NoMark => Some(HighWaterMark::None),
        Anchor::NotChecked => None,
    });
    Ok(Verified { integrity, high_water_mark, payments, read })
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

async fn audit(log: &dyn EventLog, mut reconciliation: Option<&mut Reconciliation>) -> Result<Read, LogFault> {
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
            if let Some(reconciliation) = &mut reconciliation {
                reconciliation.observe(event);
            }
        }
        progress.set_position(position.0.min(head.0));
    }
    progress.finish_and_clear();
    Ok(counted.finish())
}

fn print(place: &str, verified: &Verified) {
    let paint = Paint::stdout();
    let report = &verified.read.report;
    let streams = count(verified.read.streams, "stream", "streams");
    let says = if verified.integrity.is_some() { format!("{streams}, file intact") } else { streams };
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
    if let Some(mark) = &verified.high_water_mark {
        say(&format!("  {}\n", mark_line(mark, paint)));
    }
    if let Some(payments) = verified.payments.as_ref().filter(|payments| payments.checked > 0) {
        print_payments(payments, paint);
    }
    let verdict = match (report.holds(), verified.is_clean()) {
        (_, true) => paint.green(verdict),
        (true, false) => {
            paint.red("The log's events fit together, but they are not all that was acknowledged or paid; see above.")
        }
        (false, _) => paint.red(verdict),
    };
    say(&format!("  {verdict}\n"));
}

fn mark_line(mark: &HighWaterMark, paint: Paint) -> String {
    match mark {
        HighWaterMark::Holds { position } => {
            format!("{} every event up to the high-water mark ({position}) is as it was acknowledged", paint.green("✓"))
        }
        HighWaterMark::Damaged { problem, .. } => format!("{} {problem}", paint.yellow("!")),
        HighWaterMark::Lost { problem, .. } => paint.red(&format!("✗ acknowledged events are missing or changed: {problem}")),
        HighWaterMark::None => {
            format!("{} no high-water mark (events.mark) beside it: whether its end is missing can't be known", paint.yellow("!"))
        }
    }
}

fn print_payments(payments: &Payments, paint: Paint) {
    let checked = count(payments.checked as u64, "payment", "payments");
    if payments.disagreements.is_empty() {
        say(&format!("  {} the payment gateway agrees with the log ({checked})\n", paint.green("✓")));
        return;
    }
    let differ = format!("the payment gateway and the log disagree on {} of {checked}:", payments.disagreements.len());
    say(&format!("  {differ}"));
    for found in payments.disagreements.iter().take(SHOWN) {
        let line = format!("{} ({}): {}", found.subject(), found.intent, found.text);
        say(&format!("    {}", if found.wrong { paint.red(&format!("✗ {line}")) } else { format!("! {line}") }));
    }
    if let more @ 1.. = payments.disagreements.len().saturating_sub(SHOWN) {
        say(&format!("    and {more} more; --json lists them"));
    }
    say("");
}
