//! A steady load for a given time: each connection sends one request after the other.

use super::buyers::Buyers;
use super::check::Verdict;
use super::client::{Answer, Connection, NoAnswer, Target};
use super::race::pay;
use super::report::{print_latency, rate};
use super::seats::Won;
use super::tally::{Latency, Tally};
use crate::cli::terminal::{Paint, count, say, thousands};
use crate::exit;
use bytes::Bytes;
use futures::future::join_all;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// What each connection does over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Ask for a seat that is taken
    Refuse,
    /// Hold a free seat
    Hold,
    /// Hold a free seat and pay for it
    Book,
}

/// Rows and seats of a show made for a load: 100,000 seats, well under what a show may have.
const ROWS: u32 = 1000;
const SEATS_A_ROW: u32 = 100;

/// A steady load to run.
pub struct Sustained {
    pub buyers: Buyers,
    pub target: Target,
    pub scenario: Scenario,
    /// The show of the taken seat.
    pub show: String,
    /// Where free seats come from; none for [`Scenario::Refuse`].
    pub source: Option<Source>,
    /// The request for a taken seat.
    pub taken: Bytes,
    pub seconds: u64,
    /// How many connections.
    pub concurrency: usize,
    /// The server stopped taking connections.
    pub gone: AtomicBool,
}

/// Where free seats come from.
pub enum Source {
    /// Any place of an area of a show, until it is sold out.
    Area { show: String, area: String },
    /// Labelled seats of shows made for this run, each seat asked for once.
    OwnShows(Mutex<OwnShows>),
}

/// Shows made for this run, one after the other as they are used up.
pub struct OwnShows {
    /// What their ids start with; unique to this run.
    pub prefix: String,
    /// An admin's token.
    pub token: String,
    pub connection: Connection,
    made: u32,
    next: u32,
}

impl OwnShows {
    /// None yet.
    #[must_use]
    pub fn new(prefix: String, token: String, connection: Connection) -> Self {
        Self { prefix, token, connection, made: 0, next: ROWS * SEATS_A_ROW }
    }

    /// The next free seat: show and request body.
    async fn next(&mut self) -> Result<(String, Bytes), NoAnswer> {
        if self.next >= ROWS * SEATS_A_ROW {
            self.make().await?;
        }
        let (row, seat) = (self.next / SEATS_A_ROW + 1, self.next % SEATS_A_ROW + 1);
        self.next += 1;
        Ok((self.show(), json!({ "seats": [format!("R{row}-{seat}")] }).to_string().into()))
    }

    fn show(&self) -> String {
        format!("{}-{}", self.prefix, self.made)
    }

    /// Cancels the shows, so that nothing of the load stays on sale.
    ///
    /// # Errors
    /// [`NoAnswer`]: the first one that could not be cancelled.
    pub async fn cancel(&mut self) -> Result<u32, NoAnswer> {
        let prefix = self.prefix.clone();
        for number in 1..=self.made {
            let path = format!("/v1/shows/{prefix}-{number}/cancel");
            let answer = self.connection.post(&path, Some(&self.token), Bytes::new()).await?;
            if !answer.status.is_success() {
                return Err(NoAnswer::Unexpected(format!("{}: {}", answer.status, answer.problem())));
            }
        }
        Ok(self.made)
    }

    async fn make(&mut self) -> Result<(), NoAnswer> {
        self.made += 1;
        let rows: Vec<_> = (1..=ROWS).map(|row| json!({ "row": format!("R{row}"), "seats": SEATS_A_ROW })).collect();
        let show = json!({
            "show": self.show(),
            "title": "Made for a load",
            "currency": "EUR",
            "categories": [{ "category": "standard", "price": 1000 }],
            "areas": [{ "area": "hall", "category": "standard", "rows": rows }],
            "max_seats_per_booking": 10,
            "hold_seconds": 600,
        });
        let answer = self.connection.post("/v1/shows", Some(&self.token), show.to_string().into()).await?;
        if !answer.status.is_success() {
            self.made -= 1;
            return Err(NoAnswer::Unexpected(format!(
                "the show for the load was refused: {}: {}",
                answer.status,
                answer.problem()
            )));
        }
        self.next = 0;
        Ok(())
    }
}

/// How it went.
#[derive(Serialize)]
pub struct Figures {
    scenario: Scenario,
    connections: usize,
    seconds: f64,
    /// The scenario's intended outcome: refusals, holds, or confirmed bookings.
    done: u64,
    per_second: f64,
    server_gone: bool,
    hold_latency: Option<Latency>,
    payment_latency: Option<Latency>,
    statuses: BTreeMap<u16, u64>,
    examples: BTreeMap<String, String>,
    /// Filled in after the load.
    pub verdict: Verdict,
}

impl Figures {
    /// Exit status: a violation counts more than a server that went away.
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        match (self.verdict.holds(), self.server_gone) {
            (false, _) => exit::VIOLATION.into(),
            (true, true) => exit::UNREADABLE.into(),
            (true, false) => ExitCode::SUCCESS,
        }
    }

    /// Prints them for people.
    pub fn print(&self) {
        let paint = Paint::stdout();
        let (does, done) = match self.scenario {
            Scenario::Refuse => ("asking for a taken seat", "refusals"),
            Scenario::Hold => ("holding free seats", "holds"),
            Scenario::Book => ("holding free seats and paying", "confirmed bookings"),
        };
        let connections = count(self.connections as u64, "connection", "connections");
        say(&format!("\n  {}\n", paint.bold(&format!("{connections} {does}, for {:.1} s", self.seconds))));
        if self.server_gone {
            say(&format!("  {}; counted until then:", paint.red("the server went away")));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate for people")]
        let rate = thousands(self.per_second as u64);
        say(&format!("  {} {done}: {} a second", paint.bold(&thousands(self.done)), paint.bold(&rate)));
        for (status, number) in &self.statuses {
            let status = if *status == 0 { "no answer".to_owned() } else { status.to_string() };
            say(&format!("  {}", paint.dim(&format!("{status}: {}", thousands(*number)))));
        }
        for (kind, example) in &self.examples {
            say(&format!("  {}", paint.dim(&format!("for example {kind}: {example}"))));
        }
        print_latency(paint, [("holds", self.hold_latency), ("payments", self.payment_latency)]);
        say("");
        self.verdict.print(paint);
    }
}

impl Sustained {
    /// Runs it.
    ///
    /// # Errors
    /// [`NoAnswer`] if the connections can't be opened.
    pub async fn run(self: Arc<Self>, progress: &ProgressBar) -> Result<Figures, NoAnswer> {
        let opened = join_all((0..self.concurrency).map(|_| self.target.connect())).await;
        let connections = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
        let run = self;
        let started = Instant::now();
        let end = started + Duration::from_secs(run.seconds);
        let workers: Vec<_> =
            connections.into_iter().map(|connection| tokio::spawn(send_until(Arc::clone(&run), connection, end))).collect();
        while Instant::now() < end && !run.gone.load(Ordering::Relaxed) {
            progress.set_position(started.elapsed().as_millis().try_into().unwrap_or(u64::MAX));
            tokio::time::sleep(Duration::from_millis(100).min(end.saturating_duration_since(Instant::now()))).await;
        }
        let mut tally = Tally::default();
        for worker in workers {
            tally.add(worker.await.map_err(|error| NoAnswer::Unexpected(format!("a connection's task failed: {error}")))?);
        }
        let seconds = started.elapsed().as_secs_f64();
        let done = match run.scenario {
            Scenario::Refuse => tally.taken + tally.sold_out,
            Scenario::Hold => tally.won,
            Scenario::Book => tally.paid,
        };
        Ok(Figures {
            scenario: run.scenario,
            connections: run.concurrency,
            seconds,
            done,
            per_second: rate(done, seconds),
            server_gone: run.gone.load(Ordering::Relaxed),
            hold_latency: tally.hold_latency(),
            payment_latency: tally.payment_latency(),
            statuses: tally.statuses,
            examples: tally.examples,
            verdict: Verdict::default(),
        })
    }

    /// Ends the load early if the server takes no more connections.
    fn notice(&self, answer: &Result<Answer, NoAnswer>) {
        if let Err(NoAnswer::NotSent { .. }) = answer {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    async fn request(&self) -> Result<(String, Bytes), NoAnswer> {
        match &self.source {
            None => Ok((self.show.clone(), self.taken.clone())),
            Some(Source::Area { show, area }) => Ok((show.clone(), json!({ "area": area, "quantity": 1 }).to_string().into())),
            Some(Source::OwnShows(shows)) => shows.lock().await.next().await,
        }
    }
}

async fn send_until(run: Arc<Sustained>, mut connection: Connection, end: Instant) -> Tally {
    let mut tally = Tally::default();
    // Refusals come by the hundred thousand: the path is built once.
    let refused_at = format!("/v1/shows/{}/bookings", run.show);
    while Instant::now() < end && !run.gone.load(Ordering::Relaxed) {
        if run.source.is_none() {
            let answer = connection.post(&refused_at, None, run.taken.clone()).await;
            run.notice(&answer);
            tally.hold(&answer);
            continue;
        }
        let (show, body) = match run.request().await {
            Ok(request) => request,
            Err(error) => {
                run.notice(&Err(error.clone()));
                tally.examples.entry("no seats".into()).or_insert_with(|| error.to_string());
                return tally;
            }
        };
        let token = run.buyers.next();
        let answer = connection.post(&format!("/v1/shows/{show}/bookings"), token.as_deref(), body).await;
        run.notice(&answer);
        if tally.hold(&answer)
            && run.scenario == Scenario::Book
            && let Ok(won) = answer.and_then(|answer| answer.json::<Won>())
        {
            let paid = pay(&mut connection, &won).await;
            tally.payment(&paid);
        }
    }
    tally
}
