//! A steady load for a while, for figures: each connection sends one request after the other.

use super::client::{Connection, NoAnswer, Target};
use super::race::pay;
use super::seats::Won;
use super::tally::{Latency, Tally};
use bytes::Bytes;
use futures::future::join_all;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// What is done over and over.
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
    /// The server.
    pub target: Target,
    /// What to do.
    pub scenario: Scenario,
    /// The show whose seat is asked for in vain.
    pub show: String,
    /// Where seats come from; none to refuse.
    pub source: Option<Source>,
    /// The taken seat's request.
    pub taken: Bytes,
    /// How long.
    pub seconds: u64,
    /// How many connections.
    pub concurrency: usize,
}

/// Where free seats come from.
pub enum Source {
    /// Any place of an area of a show, until it is sold out.
    Area {
        /// The show.
        show: String,
        /// The area.
        area: String,
    },
    /// Labelled seats of shows made for this run, each seat asked for once.
    OwnShows(Mutex<OwnShows>),
}

/// Shows made for this run, one after the other as they are used up.
pub struct OwnShows {
    /// What their ids start with; unique to this run.
    pub prefix: String,
    /// An admin's token.
    pub token: String,
    /// Makes them.
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
            return Err(NoAnswer::Unexpected(format!("no show for the load: {}: {}", answer.status, answer.problem())));
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
    /// Of the scenario's own good outcome: refusals, holds, or confirmed bookings.
    done: u64,
    /// The same a second.
    pub per_second: f64,
    hold_latency: Option<Latency>,
    payment_latency: Option<Latency>,
    statuses: std::collections::BTreeMap<u16, u64>,
    /// Examples of trouble.
    pub examples: std::collections::BTreeMap<String, String>,
}

impl Sustained {
    /// Runs it.
    ///
    /// # Errors
    /// [`NoAnswer`] if not even the connections can be opened.
    pub async fn run(self, progress: &ProgressBar) -> Result<Figures, NoAnswer> {
        let opened = join_all((0..self.concurrency).map(|_| self.target.connect())).await;
        let connections = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
        let run = Arc::new(self);
        let started = Instant::now();
        let end = started + Duration::from_secs(run.seconds);
        let lanes: Vec<_> =
            connections.into_iter().map(|connection| tokio::spawn(lane(Arc::clone(&run), connection, end))).collect();
        while Instant::now() < end {
            progress.set_position(started.elapsed().as_millis().try_into().unwrap_or(u64::MAX));
            tokio::time::sleep(Duration::from_millis(100).min(end.saturating_duration_since(Instant::now()))).await;
        }
        let mut tally = Tally::default();
        for lane in lanes {
            tally.add(lane.await.map_err(|error| NoAnswer::Unexpected(format!("a connection's task failed: {error}")))?);
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
            #[expect(clippy::cast_precision_loss, reason = "a rate for people; 2^53 requests take years")]
            per_second: done as f64 / seconds,
            hold_latency: tally.hold_latency(),
            payment_latency: tally.payment_latency(),
            statuses: tally.statuses,
            examples: tally.examples,
        })
    }

    async fn request(&self) -> Result<(String, Bytes), NoAnswer> {
        match &self.source {
            None => Ok((self.show.clone(), self.taken.clone())),
            Some(Source::Area { show, area }) => Ok((show.clone(), json!({ "area": area, "quantity": 1 }).to_string().into())),
            Some(Source::OwnShows(shows)) => shows.lock().await.next().await,
        }
    }
}

async fn lane(run: Arc<Sustained>, mut connection: Connection, end: Instant) -> Tally {
    let mut tally = Tally::default();
    // Refusals are counted by the hundred thousand: what never changes is made once.
    let refused_at = format!("/v1/shows/{}/bookings", run.show);
    while Instant::now() < end {
        if run.source.is_none() {
            tally.hold(&connection.post(&refused_at, None, run.taken.clone()).await);
            continue;
        }
        let (show, body) = match run.request().await {
            Ok(request) => request,
            Err(error) => {
                tally.examples.entry("no show".into()).or_insert_with(|| error.to_string());
                return tally;
            }
        };
        let answer = connection.post(&format!("/v1/shows/{show}/bookings"), None, body).await;
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
