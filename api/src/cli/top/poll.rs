//! Asks for what has no stream: metrics, readiness, shows, and how many seats of each are free.

use super::model::{Health, Show, Source, Update};
use super::reader::{NotRead, Server};
use super::scrape::Scrape;
use super::seats::SeatRows;
use crate::routes::shows::seats::ROWS;
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// When, since the start of this program, and what.
pub type News = (Duration, Update);

/// Shows come and go slowly.
const SHOWS_EVERY: Duration = Duration::from_secs(10);
/// Shows whose seats are asked for in one round: a whole season must not cost the server more than its buyers do.
const SEATS_A_ROUND: usize = 8;
/// Shows that are listed.
const MOST_SHOWS: usize = 1000;
const JSON: &str = "application/json";

/// Who asks.
#[derive(Debug)]
pub struct Poll {
    server: Server,
    /// Whose metrics and readiness are read: perhaps another address of the same server.
    metrics: Server,
    started: Instant,
    /// The shows, and when they were read.
    shows: Vec<String>,
    read_shows: Option<Instant>,
    /// The show whose seats are asked for next.
    next: usize,
    /// Whether the metrics have the seats already.
    has_series: bool,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Show>,
    has_more: bool,
}

impl Poll {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(server: Server, metrics: Server, started: Instant) -> Self {
        Self { server, metrics, started, shows: Vec::new(), read_shows: None, next: 0, has_series: false }
    }

    /// Asks until nobody reads the news.
    pub async fn run(mut self, every: Duration, news: mpsc::Sender<News>) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for one in self.round(SEATS_A_ROUND).await {
                if news.send(one).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Asks once, and for the seats of at most so many shows.
    pub async fn round(&mut self, seats: usize) -> Vec<News> {
        let mut news = Vec::new();
        self.ask_metrics(&mut news).await;
        if self.read_shows.is_none_or(|read| read.elapsed() >= SHOWS_EVERY) {
            self.ask_shows(&mut news).await;
        }
        if !self.has_series {
            self.ask_seats(seats, &mut news).await;
        }
        news
    }

    async fn ask_metrics(&mut self, news: &mut Vec<News>) {
        let started = self.started;
        let mut tell = |update| news.push((started.elapsed(), update));
        match self.metrics.text("/metrics").await {
            Ok(text) => match Scrape::read(started.elapsed(), &text) {
                Some(scrape) => {
                    self.has_series = scrape.value("lastseat_show_seats", &[]).is_some();
                    tell(Update::Metrics(scrape));
                }
                None => tell(Update::Lost(Source::Metrics, "/metrics: these are no metrics of lastseat's".to_owned())),
            },
            Err(error) => tell(Update::Lost(Source::Metrics, error.to_string())),
        }
        // A server that is not ready answers 503, and why.
        if let Ok((_, body)) = self.metrics.read("/health/ready", JSON).await
            && let Ok(health) = serde_json::from_slice::<Health>(&body)
        {
            tell(Update::Health(health));
        }
    }

    async fn ask_shows(&mut self, news: &mut Vec<News>) {
        match self.all_shows().await {
            Ok(shows) => {
                self.shows = shows.iter().map(|show| show.id.clone()).collect();
                self.read_shows = Some(Instant::now());
                news.push((self.started.elapsed(), Update::Shows(shows)));
            }
            Err(error) => news.push((self.started.elapsed(), Update::Lost(Source::Shows, error.to_string()))),
        }
    }

    async fn all_shows(&self) -> Result<Vec<Show>, NotRead> {
        let mut shows: Vec<Show> = Vec::new();
        loop {
            let after = shows.last().map(|show| format!("&starting_after={}", show.id)).unwrap_or_default();
            let page: Page = self.server.json(&format!("/v1/shows?limit=100{after}"), JSON).await?;
            let is_last = !page.has_more || page.data.is_empty();
            shows.extend(page.data);
            if is_last || shows.len() >= MOST_SHOWS {
                return Ok(shows);
            }
        }
    }

    async fn ask_seats(&mut self, most: usize, news: &mut Vec<News>) {
        for _ in 0..most.min(self.shows.len()) {
            let Some(show) = self.shows.get(self.next % self.shows.len()) else { return };
            self.next = self.next.wrapping_add(1);
            // A show that can't be read now has its turn again; that the server is gone shows elsewhere.
            if let Ok(rows) = self.server.json::<SeatRows>(&format!("/v1/shows/{show}/seats"), ROWS).await {
                news.push((self.started.elapsed(), Update::Seats(show.clone(), rows.counts())));
            }
        }
    }
}
