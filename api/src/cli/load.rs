//! `lastseat load`: many buyers at once, and the proof afterwards that nothing was sold twice.

mod audit;
mod check;
mod client;
mod race;
mod report;
mod seats;
mod shuffle;
mod sustained;
mod tally;

use super::terminal::{complain, say_json};
use crate::auth::{Auth, Role};
use crate::config::Config;
use crate::exit;
use crate::wiring::token_key;
use bytes::Bytes;
use check::Verdict;
use client::{NoAnswer, Target};
use indicatif::{ProgressBar, ProgressStyle};
use lastseat_domain::BuyerId;
use lastseat_domain::ports::{Clock, Ids};
use lastseat_in_process::{RandomIds, SystemClock};
use race::Race;
use report::Report;
use seats::{Goal, SeatMap, Wishes};
use serde_json::json;
use shuffle::Shuffle;
use std::process::ExitCode;
use std::time::Duration;
use sustained::{OwnShows, Scenario, Source, Sustained};

/// More connections than that measure the operating systems rather than the server.
const MOST_CONNECTIONS: usize = 1000;
/// Tokens of a run outlive it, but not for long.
const TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// Arguments of `load`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lastseat load                                     500 buyers, one seat: one wins, 499 are told so
  lastseat load --buyers 10000 --area floor         10,000 buyers, 1,000 places
  lastseat load --buyers 2000 --best circle --quantity 2
  lastseat load --seconds 10 --scenario book        a steady load, for figures

More buyers than connections share them in turn: each connection carries one request at a time.
Exit status: 0 clean, 1 a violation was found, 2 wrong use, 3 the server can't be reached.")]
pub struct Load {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// How many buyers come at once
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    buyers: u32,
    /// The show they want to see
    #[arg(long, value_name = "SHOW", default_value = crate::demo::SHOW)]
    show: String,
    /// All want this seat [default: the first free one]
    #[arg(long, value_name = "LABEL", group = "goal")]
    seat: Option<String>,
    /// Each wants places in this unlabelled area
    #[arg(long, value_name = "AREA", group = "goal")]
    area: Option<String>,
    /// Each wants the best seats side by side in this category
    #[arg(long, value_name = "CATEGORY", group = "goal")]
    best: Option<String>,
    /// Each wants a random one of the free seats
    #[arg(long, group = "goal")]
    spread: bool,
    /// How many places each wants, with --area and --best
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
    /// What the steady load does: refuse (ask for a taken seat), hold or book (free seats; they come
    /// from --area, or from shows that are made for the purpose with the key in --data)
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
    let file = config.token_key_file();
    match token_key::read(&file) {
        Ok(Some(key)) => {
            let load = BuyerId::new("load").map_err(|error| error.to_string())?;
            Ok(Auth::new(&key).mint(&load, role, TOKEN_LIFE, &SystemClock))
        }
        Ok(None) => Err(format!("there is no key {} (name the server's data directory with --data)", file.display())),
        Err(error) => Err(error.to_string()),
    }
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
    let (seed, _) = RandomIds.uuid().as_u64_pair();
    let wishes = Wishes::new(&args.goal(), &before, args.buyers as usize, &mut Shuffle::new(seed)).map_err(Failed::Usage)?;
    let what = wishes.what.clone();
    let progress = bar(u64::from(args.buyers), "  {bar:26.cyan/dim} {human_pos} of {human_len} buyers  {msg}");
    let race = Race {
        target,
        show: args.show.clone(),
        buyers: args.buyers as usize,
        connections: args.connections(),
        pay: args.pays(),
        wishes,
    };
    let finish = race.run(&progress).await?;
    progress.set_message("checking");
    let mut verdict = Verdict::of_seats(&mut control, &args.show, &before, &finish, || SystemClock.now()).await?;
    match token(config, Role::Auditor) {
        Ok(token) => audit::check(&mut control, &token, &progress, &mut verdict).await,
        Err(why) => verdict.unverified.push(format!("the event log: {why}")),
    }
    progress.finish_and_clear();
    let report = Report::new(args.buyers, &args.show, what, args.connections(), args.pays(), finish, verdict);
    if args.json {
        say_json(&report);
    } else {
        report.print();
    }
    Ok(if report.clean() { ExitCode::SUCCESS } else { exit::VIOLATION.into() })
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
            let (unique, _) = RandomIds.uuid().as_u64_pair();
            Some(Source::OwnShows(OwnShows::new(format!("load-{unique:x}"), token, control).into()))
        }
    };
    let progress = bar(seconds * 1000, "  {bar:40.cyan/dim} {elapsed} of a steady load");
    let load = Sustained {
        target,
        scenario: args.scenario,
        show: args.show.clone(),
        source,
        taken,
        seconds,
        concurrency: args.concurrency as usize,
    };
    let figures = load.run(&progress).await?;
    progress.finish_and_clear();
    for (kind, example) in &figures.examples {
        complain(&format!("for example {kind}: {example}"));
    }
    say_json(&figures);
    Ok(ExitCode::SUCCESS)
}

/// Makes sure that a seat is taken, and says how to ask for it in vain.
async fn take_a_seat(args: &Load, control: &mut client::Connection) -> Result<Bytes, Failed> {
    let map = SeatMap::fetch(control, &args.show).await?;
    let taken = map.seats.iter().find(|line| args.seat.as_ref().map_or(line.state == "booked", |seat| line.seat == *seat));
    let Some(seat) = taken.or(map.seats.first()).map(|line| line.seat.clone()) else {
        return Err(Failed::Usage(format!("the show {} has no labelled seats", args.show)));
    };
    let body = Bytes::from(json!({ "seats": [seat] }).to_string());
    let answer = control.post(&format!("/v1/shows/{}/bookings", args.show), None, body.clone()).await?;
    if answer.status == http::StatusCode::CREATED {
        // Held only, it would be free again before a long run ends.
        race::pay(control, &answer.json()?).await?;
    }
    Ok(body)
}
