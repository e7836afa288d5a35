//! `lastseat load`: sends many buyers at once, then proves that no seat was sold twice.

mod audit;
pub(super) mod buyers;
mod check;
pub(super) mod client;
pub(super) mod race;
mod report;
pub(super) mod seats;
pub(super) mod shuffle;
mod sustained;
mod tally;

use super::terminal::{complain, count, say_json};
use crate::auth::Role;
use crate::config::Config;
use crate::exit;
use crate::wiring::chosen::{SystemClock, random_number};
use buyers::{Buyers, Tokens};
use bytes::Bytes;
use check::Verdict;
use client::{NoAnswer, Target};
use indicatif::{ProgressBar, ProgressStyle};
use lastseat_domain::ports::Clock;
use race::Race;
use report::Report;
use seats::{Goal, Requests, SeatMap};
use serde_json::json;
use shuffle::Shuffle;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use sustained::{OwnShows, Scenario, Source, Sustained};

/// More connections than this measure the operating system, not the server.
const MOST_CONNECTIONS: usize = 1000;

/// Arguments of `load`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lastseat load                                     500 buyers, one seat: one wins, 499 are refused
  lastseat load --buyers 10000 --area floor         10,000 buyers, 1,000 places
  lastseat load --buyers 2000 --best circle --quantity 2
  lastseat load --seconds 10 --scenario book        a steady load for ten seconds

More buyers than connections share them in turn: each connection carries one request at a time.
Exit status: 0 clean, 1 a violation was found, 2 wrong use, 3 the server can't be reached or went away.")]
pub struct Load {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// How many buyers come at once
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    buyers: u32,
    /// Whose seats they ask for
    #[arg(long, value_name = "SHOW", default_value = crate::demo::SHOW)]
    show: String,
    /// All ask for this seat [default: the first free one]
    #[arg(long, value_name = "LABEL", group = "goal")]
    seat: Option<String>,
    /// Each asks for places in this unlabelled area
    #[arg(long, value_name = "AREA", group = "goal")]
    area: Option<String>,
    /// Each asks for the best seats side by side in this category
    #[arg(long, value_name = "CATEGORY", group = "goal")]
    best: Option<String>,
    /// Each asks for a random one of the free seats
    #[arg(long, group = "goal")]
    spread: bool,
    /// How many places each asks for, with --area and --best
    #[arg(long, value_name = "N", default_value_t = 1)]
    quantity: u32,
    /// Winners pay with pm_card_visa [default]
    #[arg(long, overrides_with = "no_pay")]
    pay: bool,
    /// Winners only hold their seats
    #[arg(long, overrides_with = "pay")]
    no_pay: bool,
    /// Connections that the buyers share [default: one each, up to 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=60_000))]
    connections: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Instead of a race: a steady load for this long
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Connections of the steady load, each with one request at a time
    #[arg(long, value_name = "C", default_value_t = 64, requires = "seconds", value_parser = clap::value_parser!(u32).range(1..=60_000))]
    concurrency: u32,
    /// What the steady load does: refuse (ask for a taken seat), hold or book (free seats: from
    /// --area, or from shows that are made for it with the key in --data and cancelled afterwards)
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = Scenario::Refuse, requires = "seconds")]
    scenario: Scenario,
}

/// Why a load could not be run.
enum Failed {
    Usage(String),
    Unreachable(NoAnswer),
}

impl From<NoAnswer> for Failed {
    fn from(error: NoAnswer) -> Self {
        Self::Unreachable(error)
    }
}

/// Runs a load.
pub async fn run(args: &Load, config: &Config) -> ExitCode {
    let result = match args.seconds {
        Some(seconds) => steady(args, config, seconds).await,
        None => race(args, config).await,
    };
    match result {
        Ok(code) => code,
        Err(Failed::Usage(line)) => {
            complain(&line);
            exit::USAGE.into()
        }
        Err(Failed::Unreachable(error @ NoAnswer::NotSent { .. })) => {
            complain(&format!("{error}; start the server with `lastseat serve`, or name it with --url"));
            exit::UNREADABLE.into()
        }
        Err(Failed::Unreachable(error)) => {
            complain(&error.to_string());
            exit::UNREADABLE.into()
        }
    }
}

impl Load {
    fn goal(&self) -> Goal {
        match (&self.area, &self.best) {
            (Some(area), _) => Goal::Area { area: area.clone(), quantity: self.quantity },
            (_, Some(category)) => Goal::Best { category: category.clone(), quantity: self.quantity },
            _ if self.spread => Goal::Spread,
            _ => Goal::OneSeat(self.seat.clone()),
        }
    }

    fn pays(&self) -> bool {
        self.pay || !self.no_pay
    }

    fn connections(&self) -> usize {
        let buyers = self.buyers as usize;
        self.connections.map_or(MOST_CONNECTIONS, |connections| connections as usize).min(buyers)
    }
}

/// Mints a token from the key of the data directory; `Err` says in words why that can't be.
fn token(config: &Config, role: Role) -> Result<String, String> {
    Tokens::read(config)?.of("load", role)
}

fn bar(length: u64, template: &str) -> ProgressBar {
    // Drawn to stderr, and only if that is a terminal.
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

async fn race(args: &Load, config: &Config) -> Result<ExitCode, Failed> {
    let target = Target::find(&args.url).await.map_err(Failed::Usage)?;
    let mut control = target.connect().await?;
    let before = SeatMap::fetch(&mut control, &args.show).await?;
    let seed = random_number();
    let requests = Requests::new(&args.goal(), &before, args.buyers as usize, &mut Shuffle::new(seed)).map_err(Failed::Usage)?;
    let what = requests.what.clone();
    let progress = bar(u64::from(args.buyers), "  {bar:26.cyan/dim} {human_pos} of {human_len} buyers  {msg}");
    let tokens = Tokens::read(config);
    let guests = Buyers::note(&tokens);
    let race = Race {
        target,
        as_buyers: Buyers::new(tokens.ok()),
        show: args.show.clone(),
        buyers: args.buyers as usize,
        connections: args.connections(),
        pay: args.pays(),
        requests,
        counters: Arc::default(),
    };
    let finish = race.run(&progress).await?;
    progress.set_message("checking");
    let verdict = match Verdict::of_seats(&mut control, &args.show, &before, &finish, || SystemClock.now()).await {
        Ok(mut verdict) => {
            audit_log(&mut control, config, &progress, &mut verdict).await;
            verdict.notes.extend(guests);
            verdict
        }
        // What was counted is worth more than an error line.
        Err(error) => Verdict::unavailable(&error),
    };
    progress.finish_and_clear();
    let report = Report::new(args.buyers, &args.show, what, args.connections(), args.pays(), finish, verdict);
    if args.json {
        say_json(&report);
    } else {
        report.print();
    }
    Ok(report.exit())
}

/// Audits the server's history, if a token for that can be made.
async fn audit_log(control: &mut client::Connection, config: &Config, progress: &ProgressBar, verdict: &mut Verdict) {
    match token(config, Role::Auditor) {
        Ok(token) => audit::check(control, &token, progress, verdict).await,
        Err(why) => verdict.unverified.push(format!("the event log: {why}")),
    }
}

async fn steady(args: &Load, config: &Config, seconds: u64) -> Result<ExitCode, Failed> {
    let target = Target::find(&args.url).await.map_err(Failed::Usage)?;
    let mut control = target.connect().await?;
    let mut taken = Bytes::new();
    let source = match (args.scenario, &args.area) {
        (Scenario::Refuse, _) => {
            taken = take_a_seat(args, &mut control).await?;
            None
        }
        (_, Some(area)) => Some(Source::Area { show: args.show.clone(), area: area.clone() }),
        (_, None) => {
            let token = token(config, Role::Admin).map_err(|why| {
                Failed::Usage(format!("shows can't be made for the load: {why}; or take places of an area with --area"))
            })?;
            let unique = random_number();
            let own = OwnShows::new(format!("load-{unique:x}"), token, target.connect().await?);
            Some(Source::OwnShows(own.into()))
        }
    };
    let progress = bar(seconds * 1000, "  {bar:40.cyan/dim} {elapsed}  {msg}");
    let tokens = Tokens::read(config);
    let guests = Buyers::note(&tokens).filter(|_| args.scenario != Scenario::Refuse);
    let load = Arc::new(Sustained {
        target,
        buyers: Buyers::new(tokens.ok()),
        scenario: args.scenario,
        show: args.show.clone(),
        source,
        taken,
        seconds,
        concurrency: args.concurrency as usize,
        gone: AtomicBool::new(false),
    });
    let mut figures = Arc::clone(&load).run(&progress).await?;
    figures.verdict.notes.extend(guests);
    if let Some(Source::OwnShows(shows)) = &load.source {
        match shows.lock().await.cancel().await {
            Ok(shows) => {
                figures.verdict.notes.push(format!("cancelled {} made for the load", count(shows.into(), "show", "shows")))
            }
            Err(error) => figures.verdict.notes.push(format!("shows of the load are still on sale: {error}")),
        }
    }
    audit_log(&mut control, config, &progress, &mut figures.verdict).await;
    progress.finish_and_clear();
    if args.json {
        say_json(&figures);
    } else {
        figures.print();
    }
    Ok(figures.exit())
}

/// Makes sure that a seat is taken; returns the request for it, which will be refused.
async fn take_a_seat(args: &Load, control: &mut client::Connection) -> Result<Bytes, Failed> {
    let map = SeatMap::fetch(control, &args.show).await?;
    let taken = map.seats.iter().find(|line| args.seat.as_ref().map_or(line.state == "booked", |seat| line.seat == *seat));
    let Some(seat) = taken.or(map.seats.first()).map(|line| line.seat.clone()) else {
        return Err(Failed::Usage(format!("the show {} has no labelled seats", args.show)));
    };
    let body = Bytes::from(json!({ "seats": [seat] }).to_string());
    let answer = control.post(&format!("/v1/shows/{}/bookings", args.show), None, body.clone()).await?;
    if answer.status == http::StatusCode::CREATED {
        // A hold alone would expire during a long run.
        race::pay(control, &answer.json()?).await?;
    }
    Ok(body)
}
