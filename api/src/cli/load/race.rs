//! All buyers at once: connections are opened first, then released together.

use super::client::{Answer, Connection, NoAnswer, Target};
use super::seats::{Wishes, Won};
use super::tally::Tally;
use bytes::Bytes;
use futures::future::join_all;
use indicatif::ProgressBar;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Barrier;

/// A race to run.
pub struct Race {
    /// The server.
    pub target: Target,
    /// The show.
    pub show: String,
    /// How many buyers.
    pub buyers: usize,
    /// Connections that they share.
    pub connections: usize,
    /// Whether winners pay.
    pub pay: bool,
    /// What they want.
    pub wishes: Wishes,
}

/// How it went.
#[derive(Default)]
pub struct Finish {
    /// Counts and times.
    pub tally: Tally,
    /// Every booking that was won.
    pub won: Vec<Won>,
    /// From the release to the last answer.
    pub took: Duration,
}

impl Race {
    /// Runs it.
    ///
    /// # Errors
    /// [`NoAnswer`] if not even the connections can be opened.
    pub async fn run(self, progress: &ProgressBar) -> Result<Finish, NoAnswer> {
        progress.set_message("opening connections");
        let opened = join_all((0..self.connections).map(|_| self.target.connect())).await;
        let connections = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
        progress.set_message("buying");
        let start = Arc::new(Barrier::new(connections.len() + 1));
        let race = Arc::new(self);
        let queue = Arc::new(AtomicUsize::new(0));
        let lanes: Vec<_> = connections
            .into_iter()
            .map(|connection| {
                let lane = Lane {
                    race: Arc::clone(&race),
                    queue: Arc::clone(&queue),
                    connection,
                    finish: Finish::default(),
                    progress: progress.clone(),
                };
                let start = Arc::clone(&start);
                tokio::spawn(async move {
                    start.wait().await;
                    lane.run().await
                })
            })
            .collect();
        start.wait().await;
        let started = Instant::now();
        let mut finish = Finish::default();
        for lane in lanes {
            match lane.await {
                Ok(part) => {
                    finish.tally.add(part.tally);
                    finish.won.extend(part.won);
                }
                Err(error) => return Err(NoAnswer::Unexpected(format!("a connection's task failed: {error}"))),
            }
        }
        finish.took = started.elapsed();
        Ok(finish)
    }
}

/// One connection and what its buyers got.
struct Lane {
    race: Arc<Race>,
    queue: Arc<AtomicUsize>,
    connection: Connection,
    finish: Finish,
    progress: ProgressBar,
}

impl Lane {
    async fn run(mut self) -> Finish {
        let path = format!("/v1/shows/{}/bookings", self.race.show);
        loop {
            let buyer = self.queue.fetch_add(1, Ordering::Relaxed);
            if buyer >= self.race.buyers {
                return self.finish;
            }
            let answer = self.connection.post(&path, None, self.race.wishes.of(buyer)).await;
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
                // Counted as won, but what was won can't be told: the check afterwards finds a
                // difference, and this says why.
                self.finish.tally.examples.entry("201".into()).or_insert_with(|| error.to_string());
                return;
            }
        };
        if self.race.pay {
            let answer = pay(&mut self.connection, &won).await;
            won.paid = self.finish.tally.payment(&answer);
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
