//! `lastseat snapshot`: shows the stored snapshots of the write side, and exports or imports one.

use super::terminal::{Paint, complain, count, say, say_json, thousands};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit;
use crate::snapshots::{SnapshotFiles, Undecodable, decode, encode, write_for_owner};
use crate::wiring::chosen::SystemClock;
use crate::wiring::reading::{Exclusive, Readable, Unreadable};
use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::{Clock, EventLog, LogFault};
use lastseat_engine::{CheckedSnapshot, Fault, Snapshot, SnapshotDoubt};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `snapshot` can do.
#[derive(Debug, clap::Subcommand)]
pub enum SnapshotVerb {
    /// Show the stored snapshots of the write side
    Show(Show),
    /// Write a snapshot of the log as it is now to a file
    ///
    /// Reads only what the log has after the newest snapshot in --data. Works while the server runs.
    Export(File),
    /// Import a snapshot, if the log confirms it
    ///
    /// The next start reads only what the log has after it. The server of --data has to be stopped.
    #[command(after_help = "\
Example, for a node that joins a cluster:
  lastseat snapshot export now.snapshot --data node-1 --eventstore esdb://…
  lastseat snapshot import now.snapshot --data node-2 --eventstore esdb://…")]
    Import(File),
}

/// The snapshot's file.
#[derive(Debug, clap::Args)]
pub struct File {
    /// The file. It names buyers: keep it as safe as the log
    file: PathBuf,
}

/// How to print.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Log(#[from] LogFault),
    #[error("the event history can't be read: {0}; `lastseat verify` says more")]
    History(#[from] Fault),
    #[error("the log has no events yet, so there is nothing to export")]
    Empty,
    #[error("{}: {why}", path.display())]
    File { path: PathBuf, why: String },
    #[error("{} is not imported: {why}", path.display())]
    Doubt { path: PathBuf, why: String },
}

impl Failed {
    fn file(path: &Path, why: impl ToString) -> Self {
        Self::File { path: path.to_owned(), why: why.to_string() }
    }

    fn doubt(path: &Path, why: impl ToString) -> Self {
        Self::Doubt { path: path.to_owned(), why: why.to_string() }
    }
}

pub async fn run(verb: &SnapshotVerb, config: &Config) -> ExitCode {
    let done = match verb {
        SnapshotVerb::Show(output) => {
            show(config, output);
            Ok(())
        }
        SnapshotVerb::Export(to) => export(config, &to.file).await,
        SnapshotVerb::Import(from) => import(config, &from.file).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            exit::UNREADABLE.into()
        }
    }
}

/// A stored snapshot, as it is printed.
#[derive(Serialize)]
struct Line {
    file: PathBuf,
    bytes: u64,
    position: Option<Position>,
    taken_at: Option<Timestamp>,
    shows: Option<usize>,
    unfinished_bookings: Option<usize>,
    /// Why no start will use it.
    problem: Option<String>,
}

fn show(config: &Config, output: &Show) {
    let stored = SnapshotFiles::at(DataDir::at(&config.data).snapshots()).stored();
    let lines: Vec<Line> = stored
        .into_iter()
        .map(|it| {
            let snapshot = it.snapshot.as_ref().ok();
            Line {
                file: it.path,
                bytes: it.bytes,
                position: snapshot.map(|s| s.position),
                taken_at: snapshot.map(|s| s.taken_at),
                shows: snapshot.map(Snapshot::shows),
                unfinished_bookings: snapshot.map(Snapshot::unfinished),
                problem: it.snapshot.err(),
            }
        })
        .collect();
    if output.json {
        return say_json(&lines);
    }
    if lines.is_empty() {
        say("No snapshot is stored yet. A server stores one from time to time and when it stops.");
    }
    let paint = Paint::stdout();
    for line in &lines {
        let file = line.file.display();
        match (line.position, line.taken_at, &line.problem) {
            (Some(position), Some(taken_at), None) => {
                let of = format!(
                    "{}, {} unfinished, {} bytes",
                    count(line.shows.unwrap_or_default() as u64, "show", "shows"),
                    count(line.unfinished_bookings.unwrap_or_default() as u64, "booking", "bookings"),
                    thousands(line.bytes)
                );
                let taken_at = taken_at.format("%Y-%m-%d %H:%M:%S UTC");
                say(&format!("{file}  up to position {}, of {taken_at}  {}", thousands(position.0), paint.dim(&of)));
            }
            (_, _, problem) => say(&format!("{file}  {}", paint.red(problem.as_deref().unwrap_or_default()))),
        }
    }
}

async fn export(config: &Config, file: &Path) -> Result<(), Failed> {
    let Readable { log, .. } = Readable::open(config)?;
    let stored = SnapshotFiles::at(DataDir::at(&config.data).snapshots()).load(&*log).await?;
    let start = stored.map(|loaded| loaded.snapshot);
    let snapshot = Snapshot::of_log(&*log, start, SystemClock.now()).await?.ok_or(Failed::Empty)?;
    let bytes = encode(&snapshot).map_err(|why| Failed::file(file, why))?;
    // Under another name first: half a file must not pass for one.
    let temporary = file.with_added_extension("new");
    let written = write_for_owner(&temporary, &bytes).and_then(|()| std::fs::rename(&temporary, file));
    written.map_err(|why| Failed::file(file, why))?;
    say(&format!(
        "{}: up to position {}, {} bytes",
        file.display(),
        thousands(snapshot.position.0),
        thousands(bytes.len() as u64)
    ));
    Ok(())
}

async fn import(config: &Config, file: &Path) -> Result<(), Failed> {
    let bytes = std::fs::read(file).map_err(|why| Failed::file(file, why))?;
    let snapshot = decode(&bytes).map_err(|why: Undecodable| Failed::doubt(file, why))?;
    let position = snapshot.position;
    let held = Exclusive::open(config).await?;
    let confirmed = confirm(snapshot, &*held.log, file).await;
    let files = SnapshotFiles::at(DataDir::at(&config.data).snapshots());
    let stored = confirmed.and_then(|_| files.store(&bytes).map_err(|why| Failed::file(file, why)));
    if let Err(error) = held.close().await {
        complain(&error.to_string());
    }
    stored?;
    say(&format!("The next start reads what the log has after position {}.", thousands(position.0)));
    Ok(())
}

async fn confirm(snapshot: Snapshot, log: &dyn EventLog, file: &Path) -> Result<CheckedSnapshot, Failed> {
    snapshot.check(log).await.map_err(|doubt| match doubt {
        SnapshotDoubt::Log(fault) => fault.into(),
        SnapshotDoubt::Unusable(why) => Failed::doubt(file, why),
    })
}
