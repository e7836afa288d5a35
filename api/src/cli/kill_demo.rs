//! `lastseat kill-demo`: kills a server in the middle of a rush, starts it again, and compares its log
//! with what it had acknowledged.

mod acknowledged;
mod server;

use super::load::buyers::{Buyers, Tokens};
use super::load::client::Target;
use super::load::race::{Counters, Finish, Race};
use super::load::seats::{Goal, Requests, SeatMap};
use super::load::shuffle::Shuffle;
use super::terminal::{Paint, complain, count, say, say_json, thousands, time};
use crate::auth::Role;
use crate::config::Config;
use crate::exit;
use crate::wiring::chosen::random_number;
use acknowledged::Comparison;
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use server::Server;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The show that is sold.
const SHOW: &str = "rush";
/// Rows of 100 seats. Buyers ask for random ones, so that some seats are asked for more than once.
const ROWS: u32 = 200;
const SEATS_IN_A_ROW: u32 = 100;
/// Far more than are answered before the kill.
const BUYERS: usize = 1_000_000;

/// Arguments of `kill-demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything happens in a temporary folder and on a free loopback port: a server that runs already is
not touched. The process is ended with SIGKILL, which leaves it no time to save anything.
Exit status: 0 nothing was lost, 1 something was, 2 wrong use, 3 the server did not start.")]
pub struct KillDemo {
    /// Confirmed bookings before the kill
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    bookings: u64,
    /// Connections that buy at the same time
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=1000))]
    connections: u32,
    /// Keep the folder, to look at it afterwards
    #[arg(long)]
    keep: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What happened.
#[derive(Serialize)]
struct Outcome {
    killed_process: u32,
    killed_after_seconds: f64,
    answers: u64,
    acknowledged_bookings: u64,
    acknowledged_holds: u64,
    lost_answers: u64,
    restart_seconds: f64,
    /// The log lines of the restart.
    recovery: Vec<String>,
    events: u64,
    violations: Vec<String>,
    /// Acknowledged, but not in the log.
    lost: Vec<String>,
    folder: Option<PathBuf>,
}

impl Outcome {
    fn nothing_lost(&self) -> bool {
        self.lost.is_empty() && self.violations.is_empty()
    }
}

/// Runs the demonstration.
pub async fn run(args: &KillDemo) -> ExitCode {
    let unique = random_number();
    let folder = std::env::temp_dir().join(format!("lastseat-kill-demo-{unique:016x}"));
    let result = demonstrate(args, &folder).await;
    if !args.keep {
        let _best_effort = std::fs::remove_dir_all(&folder);
    }
    match result {
        Ok(outcome) => {
            if args.json {
                say_json(&outcome);
            } else {
                print_verdict(&outcome);
            }
            if outcome.nothing_lost() { ExitCode::SUCCESS } else { exit::VIOLATION.into() }
        }
        Err(why) => {
            complain(&why);
            exit::UNREADABLE.into()
        }
    }
}

async fn demonstrate(args: &KillDemo, folder: &Path) -> Result<Outcome, String> {
    std::fs::create_dir(folder).map_err(|error| format!("{} can't be made: {error}", folder.display()))?;
    let data = folder.join("data");
    let step = |title: &str, text: &str| {
        if !args.json {
            say(&format!("  {}  {text}", Paint::stdout().bold(&format!("{title:<10}"))));
        }
    };
    if !args.json {
        say(&format!("\n  {}\n", Paint::stdout().bold("Kill a server in the middle of a rush, and look for what it lost")));
    }
    let mut server = Server::start(&data).await?;
    let process = server.process();
    step("Server", &format!("{}, process {process}, data in {}", server.url, data.display()));
    let target = Target::find(&server.url).await?;
    let tokens = Tokens::read(&Config { data: data.clone(), ..Config::default() })?;
    let seats = open_show(&target, &tokens).await?;
    let places = thousands(seats.available());
    step("Rush", &format!("{} buying random seats of {places}", count(args.connections.into(), "connection", "connections")));

    let (finish, after) = rush(args, target, &seats, tokens, &mut server).await?;
    let acknowledged = finish.tally.paid;
    let held = finish.tally.won.saturating_sub(acknowledged);
    step("Killed", &format!("process {process} with SIGKILL, {} into the rush", time(after)));
    step(
        "",
        &format!(
            "answered until then: {}, {} not yet paid for, {}",
            count(acknowledged, "confirmed booking", "confirmed bookings"),
            count(held, "hold", "holds"),
            count(finish.tally.taken, "refusal", "refusals"),
        ),
    );

    let restarted = Instant::now();
    let server = Server::start(&data).await?;
    let restart = restarted.elapsed();
    let recovery = server.log_lines();
    step("Restarted", &format!("ready after {}", time(restart)));
    for line in &recovery {
        step("", line);
    }
    server.stop().await;

    let Comparison { events, violations, lost } = acknowledged::compare(&data, SHOW, &finish.won).await?;
    step("Audited", &format!("all {} of the log", count(events, "event", "events")));
    Ok(Outcome {
        killed_process: process,
        killed_after_seconds: after.as_secs_f64(),
        answers: finish.tally.answered(),
        acknowledged_bookings: acknowledged,
        acknowledged_holds: held,
        lost_answers: finish.tally.unknown,
        restart_seconds: restart.as_secs_f64(),
        recovery,
        events,
        violations,
        lost,
        folder: args.keep.then(|| folder.to_owned()),
    })
}

/// Schedules the show, and returns its seats.
async fn open_show(target: &Target, tokens: &Tokens) -> Result<SeatMap, String> {
    let mut control = target.connect().await.map_err(|error| error.to_string())?;
    let token = tokens.of("kill-demo", Role::Admin)?;
    let rows: Vec<_> = (1..=ROWS).map(|row| json!({ "row": format!("R{row}"), "seats": SEATS_IN_A_ROW })).collect();
    let show = json!({
        "show": SHOW,
        "title": "Sold in a rush",
        "currency": "EUR",
        "categories": [{ "category": "standard", "price": 1000 }],
        "areas": [{ "area": "hall", "category": "standard", "rows": rows }],
        "hold_seconds": 600,
    });
    let answer = control.post("/v1/shows", Some(&token), Bytes::from(show.to_string())).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if !answer.status.is_success() {
        return Err(format!("the show was refused: {}: {}", answer.status, answer.problem()));
    }
    SeatMap::fetch(&mut control, SHOW).await.map_err(|error| error.to_string())
}

/// Sends the buyers, and kills the server once enough bookings are confirmed.
async fn rush(
    args: &KillDemo,
    target: Target,
    seats: &SeatMap,
    tokens: Tokens,
    server: &mut Server,
) -> Result<(Finish, Duration), String> {
    let seed = random_number();
    // The bodies are repeated in turn: as many as there are seats are enough.
    let bodies = usize::try_from(seats.available()).unwrap_or(usize::MAX);
    let requests = Requests::new(&Goal::Spread, seats, bodies, &mut Shuffle::new(seed))?;
    let counters = Arc::new(Counters::default());
    let race = Race {
        target,
        show: SHOW.to_owned(),
        as_buyers: Buyers::new(Some(tokens)),
        buyers: BUYERS,
        connections: args.connections as usize,
        pay: true,
        requests,
        counters: Arc::clone(&counters),
    };
    let progress = ProgressBar::new(args.bookings);
    if let Ok(style) = ProgressStyle::with_template("  {bar:40.cyan/dim} {human_pos} of {human_len} bookings confirmed") {
        progress.set_style(style.progress_chars("━╸─"));
    }
    let started = Instant::now();
    let hidden = ProgressBar::hidden();
    let buying = tokio::spawn(async move { race.run(&hidden).await });
    while !buying.is_finished() {
        let confirmed = counters.confirmed.load(Ordering::Relaxed);
        progress.set_position(confirmed);
        if confirmed >= args.bookings {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let after = started.elapsed();
    server.kill().await?;
    progress.finish_and_clear();
    let finish = buying.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    Ok((finish, after))
}

fn print_verdict(outcome: &Outcome) {
    let paint = Paint::stdout();
    for violation in &outcome.violations {
        say(&format!("  {} {violation}", paint.red("VIOLATION:")));
    }
    for lost in &outcome.lost {
        say(&format!("  {} {lost}", paint.red("LOST:")));
    }
    if outcome.violations.is_empty() {
        say(&format!("    {} no seat sold twice, nobody charged without getting the seats", paint.green("✓")));
    }
    if outcome.lost.is_empty() {
        let confirmed = thousands(outcome.acknowledged_bookings);
        let holds = count(outcome.acknowledged_holds, "hold", "holds");
        say(&format!(
            "    {} all {confirmed} confirmed bookings and {holds} that were acknowledged are in the log",
            paint.green("✓")
        ));
    }
    if outcome.nothing_lost() {
        say(&format!("\n  {}\n", paint.green("Nothing was lost.")));
    }
    if let Some(folder) = &outcome.folder {
        say(&format!("  The data is in {}; delete it when you are done.\n", folder.join("data").display()));
    }
}
