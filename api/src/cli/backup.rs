//! `lastseat backup` and `lastseat restore`: a copy of a data directory, and a data directory from a copy.

use super::terminal::{Paint, complain, count, say, say_json};
use super::verify::{Proof, Unreadable, prove};
use crate::backup::{self, BackupError, Contents};
use crate::config::Config;
use crate::data_dir::{DataDir, NoLog};
use crate::exit;
use crate::wiring::chosen::SystemClock;
use lastseat_domain::ports::Clock;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `backup`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Works while the server runs: nobody waits for it. The copy has the log, keys, accounts and the payment
sandbox of --data as they are at one moment each; payments at Stripe stay there. It is complete, or
has another name (DIR.unfinished). Keys that --token-key and --ticket-key name elsewhere are not in it.

Exit status: 0 the copy is whole and its log proves every guarantee, 1 a violation was found, 2 the
directory can't be used, 3 the log can't be read.")]
pub struct Backup {
    /// The new directory of the copy. It has secrets and names buyers: keep it as safe as the original
    dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `restore`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The files are compared with their hashes, and the log is proved. A backup is an older history: the start
names what has to be accepted (`--accept-loss`), and the log records it. Compare with the payment gateway
before you sell again: `lastseat payments reconcile`.")]
pub struct Restore {
    /// What `lastseat backup` has made
    backup: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("the event log is at {0}: back it up with the tools of EventStoreDB, and keep copies of token.key and ticket.key")]
    Elsewhere(String),
    #[error(transparent)]
    NoLog(#[from] NoLog),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("{} was made, but can't be read: {source}", dir.display())]
    Unreadable { dir: PathBuf, source: Unreadable },
    #[error("the task that copies has ended: {0}")]
    TaskEnded(#[from] tokio::task::JoinError),
}

impl Failed {
    fn exit(&self) -> u8 {
        match self {
            Self::Elsewhere(_) | Self::Backup(BackupError::Exists(_)) => exit::USAGE,
            _ => exit::UNREADABLE,
        }
    }
}

#[derive(Serialize)]
struct Outcome<'a> {
    directory: &'a Path,
    clean: bool,
    events: u64,
    #[serde(flatten)]
    contents: &'a Contents,
}

/// Copies.
pub async fn backup(args: &Backup, config: &Config) -> ExitCode {
    finish(&args.dir, args.json, make(args, config).await, |paint, _| {
        format!("restore it with {}", paint.bold(&format!("lastseat restore {} --data NEW", args.dir.display())))
    })
}

/// Makes a data directory of a copy.
pub async fn restore(args: &Restore, config: &Config) -> ExitCode {
    finish(&config.data, args.json, put_back(args, config).await, |paint, events| {
        // In the embedded log a position is a count.
        let start = format!("lastseat serve --data {} --accept-loss {events}", config.data.display());
        format!("start it once with {}: what came later is lost", paint.bold(&start))
    })
}

async fn make(args: &Backup, config: &Config) -> Result<(Contents, Proof), Failed> {
    elsewhere(config)?;
    let data = DataDir::at(&config.data);
    data.existing_events()?;
    let (to, now) = (args.dir.clone(), SystemClock.now());
    let contents = tokio::task::spawn_blocking(move || backup::make(&data, &to, now)).await??;
    Ok((contents, proof(config, &args.dir).await?))
}

async fn put_back(args: &Restore, config: &Config) -> Result<(Contents, Proof), Failed> {
    elsewhere(config)?;
    let (from, to) = (args.backup.clone(), config.data.clone());
    let contents = tokio::task::spawn_blocking(move || backup::restore(&from, &to)).await??;
    Ok((contents, proof(config, &config.data).await?))
}

fn elsewhere(config: &Config) -> Result<(), Failed> {
    config.eventstore.as_ref().map_or(Ok(()), |url| Err(Failed::Elsewhere(url.to_string())))
}

/// Proves the log of a copy.
async fn proof(config: &Config, dir: &Path) -> Result<Proof, Failed> {
    let copy = Config { data: dir.to_owned(), ..config.clone() };
    prove(&copy).await.map_err(|source| Failed::Unreadable { dir: dir.to_owned(), source })
}

fn finish(dir: &Path, json: bool, done: Result<(Contents, Proof), Failed>, next: impl FnOnce(Paint, u64) -> String) -> ExitCode {
    let (contents, proof) = match done {
        Ok(done) => done,
        Err(error) => {
            complain(&error.to_string());
            return error.exit().into();
        }
    };
    let clean = proof.report.holds();
    if json {
        say_json(&Outcome { directory: dir, clean, events: proof.events, contents: &contents });
    } else {
        print(dir, &contents, &proof, next);
    }
    if clean { ExitCode::SUCCESS } else { exit::VIOLATION.into() }
}

fn print(dir: &Path, contents: &Contents, proof: &Proof, next: impl FnOnce(Paint, u64) -> String) {
    let paint = Paint::stdout();
    say(&format!("\n  {}", paint.bold(&dir.display().to_string())));
    for file in &contents.files {
        say(&format!("  {} {}  {}", paint.green("✓"), file.name, paint.dim(&count(file.size, "byte", "bytes"))));
    }
    let events = count(proof.events, "event", "events");
    let verdict = if proof.report.holds() {
        format!("{} {events}: no violation found", paint.green("✓"))
    } else {
        paint.red(&format!("✗ {events}: the log breaks a guarantee; `lastseat verify --data {}` says which", dir.display()))
    };
    say(&format!("  {verdict}\n\n  {}\n", next(paint, proof.events)));
}
