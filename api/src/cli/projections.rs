//! `lastseat projections`: shows the stored views, and rebuilds them from the log.

use super::terminal::{Paint, complain, count, say, say_json, thousands};
use crate::config::Config;
use crate::data_dir::{DataDir, NoLog};
use crate::exit;
use crate::wiring::chosen::SystemClock;
use crate::wiring::reading::{Exclusive, Unreadable};
use indicatif::{ProgressBar, ProgressStyle};
use lastseat_domain::ports::Clock;
use lastseat_projections::{ProjectionError, RebuildReport, StoredView, rebuild, stored_status};
use std::process::ExitCode;
use std::sync::Arc;

/// What `projections` can do.
#[derive(Debug, clap::Subcommand)]
pub enum ProjectionsVerb {
    /// Show the position of each stored view
    Status(Output),
    /// Rebuild every view from the log, and say whether the stored ones had the same bytes
    ///
    /// The server has to be stopped: it writes the same files.
    Rebuild(Output),
}

/// A server makes the file of views at its first start, and stores the seat map from time to time.
const NOTHING_STORED: &str = "\
No view is stored yet. A server keeps bookings, loyalty and sales in a file from its first start on, and stores the seat map
every 5 minutes, after 500,000 events, and when it stops. While it runs, GET /health/ready and GET /metrics show how far they
are. To store them without a server, run `lastseat projections rebuild`.";

/// How to print.
#[derive(Debug, clap::Args)]
pub struct Output {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    NoLog(#[from] NoLog),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Views(#[from] ProjectionError),
}

pub async fn run(verb: &ProjectionsVerb, config: &Config) -> ExitCode {
    let done = match verb {
        ProjectionsVerb::Status(output) => status(config, output),
        ProjectionsVerb::Rebuild(output) => rebuild_all(config, output).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            exit::UNREADABLE.into()
        }
    }
}

fn status(config: &Config, output: &Output) -> Result<(), Failed> {
    let data = DataDir::at(&config.data);
    // A mistyped directory would pass for one whose views are not built yet.
    if config.eventstore.is_none() {
        data.existing_events()?;
    }
    let views = stored_status(data.views())?;
    if output.json {
        say_json(&views);
        return Ok(());
    }
    if views.is_empty() {
        say(NOTHING_STORED);
    }
    let paint = Paint::stdout();
    for StoredView { name, position, events, bytes, sha256, problem, .. } in &views {
        let hash: String = sha256.chars().take(12).collect();
        let place = format!("{:<10} up to position {:>10}", name, thousands(position.0));
        let size = paint.dim(&format!("{}, {} bytes, sha256 {hash}…", count(*events, "event", "events"), thousands(*bytes)));
        let problem = problem.as_ref().map(|why| format!("  {}", paint.red(why))).unwrap_or_default();
        say(&format!("{place}  {size}{problem}"));
    }
    Ok(())
}

async fn rebuild_all(config: &Config, output: &Output) -> Result<(), Failed> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let held = Exclusive::open(config).await?;
    let progress = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("  {bar:40.cyan/dim} {human_pos} of {human_len} positions") {
        progress.set_style(style.progress_chars("━╸─"));
    }
    let bar = progress.clone();
    let report = rebuild(Arc::clone(&held.log), clock, Some(held.views.clone()), move |position, head| {
        bar.set_length(head.0);
        bar.set_position(position.0);
    })
    .await;
    progress.finish_and_clear();
    if let Err(error) = held.close().await {
        complain(&error.to_string());
    }
    let report = report?;
    if output.json {
        say_json(&report);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(report: &RebuildReport) {
    let paint = Paint::stdout();
    let took = (report.ended_at - report.started_at).to_std().unwrap_or_default();
    for view in &report.views {
        let compared = match (view.identical, &view.problem) {
            (Some(true), _) => paint.green("same bytes as the stored one"),
            (Some(false), _) => paint.yellow("different from the stored one"),
            (None, Some(why)) => paint.yellow(&format!("the stored one could not be compared: {why}")),
            (None, None) => paint.dim("none was stored"),
        };
        let hash: String = view.sha256.chars().take(12).collect();
        let size = paint.dim(&format!("{:>10} events, sha256 {hash}…", thousands(view.events)));
        say(&format!("{:<10} {size}  {compared}", view.name));
    }
    let events = count(report.events, "event", "events");
    say(&format!("{events} folded in {}, up to position {}", super::terminal::time(took), thousands(report.position.0)));
}
