//! All buyers at once: the connections are opened first, then all send together.

use super::buyers::Buyers;
use super::client::{Answer, Connection, NoAnswer, Target};
use super::seats::{Requests, Won};
use super::tally::Tally;
use bytes::Bytes;
use futures::future::join_all;
use indicatif::ProgressBar;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Barrier;

/// Counts while the race runs, for an observer.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bookings whose payment was answered "confirmed".
    pub confirmed: AtomicU64,
}

/// A race to run.
pub struct Race {
    pub target: Target,
    pub show: String,
    pub as_buyers: Buyers,
    pub buyers: usize,
    /// Connections that the buyers share.
    pub connections: usize,
    /// Whether winners pay.
    pub pay: bool,
    pub requests: Requests,
    pub counters: Arc<Counters>,
}

/// How it went.
#[derive(Default)]
pub struct Finish {
    pub tally: Tally,
    /// Every booking that was won.
    pub won: Vec<Won>,
    /// From the first request to the last answer.
    pub took: Duration,
    /// The server stopped taking connections before every buyer had sent.
    pub server_gone: bool,
}

impl Race {
    /// Runs it.
    ///
    /// # Errors
    /// [`NoAnswer`] if the connections can't be opened.
    pub async fn run(self, progress: &ProgressBar) -> Result<Finish, NoAnswer> {
        progress.set_message("opening connections");
        let opened = join_all((0..self.connections).map(|_| self.target.connect())).await;
        let connections = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
        progress.set_message("buying");
        let start = Arc::new(Barrier::new(connections.len() + 1));
        let race = Arc::new(self);
        let queue = Arc::new(AtomicUsize::new(0));
        let gone = Arc::new(AtomicBool::new(false));
        let workers: Vec<_> = connections
            .into_iter()
            .map(|connection| {
                let worker = Worker {
                    race: Arc::clone(&race),
                    queue: Arc::clone(&queue),
                    gone: Arc::clone(&gone),
                    connection,
                    finish: Finish::default(),
                    progress: progress.clone(),
                };
                let start = Arc::clone(&start);
                tokio::spawn(async move {
                    start.wait().await;
                    worker.run().await
                })
            })
            .collect();
        start.wait().await;
        let started = Instant::now();
        let mut finish = Finish::default();
        for worker in workers {
            match worker.await {
                Ok(part) => {
                    finish.tally.add(part.tally);
                    finish.won.extend(part.won);
                }
                Err(error) => return Err(NoAnswer::Unexpected(format!("a connection's task failed: {error}"))),
            }
        }
        finish.took = started.elapsed();
        finish.server_gone = gone.load(Ordering::Relaxed);
        Ok(finish)
    }
}

/// One connection and what its buyers got.
struct Worker {
    race: Arc<Race>,
    queue: Arc<AtomicUsize>,
    gone: Arc<AtomicBool>,
    connection: Connection,
    finish: Finish,
    progress: ProgressBar,
}

impl Worker {
    async fn run(mut self) -> Finish {
        let path = format!("/v1/shows/{}/bookings", self.race.show);
        loop {
            let buyer = self.queue.fetch_add(1, Ordering::Relaxed);
            if buyer >= self.race.buyers || self.gone.load(Ordering::Relaxed) {
                return self.finish;
            }
            let token = self.race.as_buyers.next();
            let answer = self.connection.post(&path, token.as_deref(), self.race.requests.of(buyer)).await;
            if let Err(NoAnswer::NotSent { .. }) = answer {
                // The others would only be refused, too; what was counted so far is the result.
                self.gone.store(true, Ordering::Relaxed);
            }
            if self.finish.tally.hold(&answer)
                && let Ok(answer) = answer
            {
                self.take(&answer).await;
            }
            self.progress.inc(1);
        }
    }

    async fn take(&mut self, answer: &Answer) {
        let mut won: Won = match answer.json() {
            Ok(won) => won,
            Err(error) => {
                // Counted as won, but which seats is unknown: the check afterwards finds a difference,
                // and this says why.
                self.finish.tally.examples.entry("201".into()).or_insert_with(|| error.to_string());
                return;
            }
        };
        if self.race.pay {
            let answer = pay(&mut self.connection, &won).await;
            won.paid = self.finish.tally.payment(&answer);
            if won.paid {
                self.race.counters.confirmed.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.finish.won.push(won);
    }
}

/// Pays for a booking with the test card that always works.
///
/// # Errors
/// [`NoAnswer`].
pub async fn pay(connection: &mut Connection, won: &Won) -> Result<Answer, NoAnswer> {
    let body = Bytes::from(json!({ "payment_method": "pm_card_visa" }).to_string());
    connection.post(&format!("/v1/bookings/{}/payment", won.id), Some(&won.token), body).await
}
