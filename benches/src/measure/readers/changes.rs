//! Changes at a steady rate.

use crate::client::{Connection, delete, post};
use crate::outcome::Outcome;
use crate::server::Server;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections that make them in turn.
pub(super) const WRITERS: usize = 20;

/// What was made.
pub(super) struct Made {
    pub changes: u64,
    /// Times from a request to its answer, sorted.
    pub answers: Vec<Duration>,
}

impl Made {
    /// In milliseconds, what so many of a hundred answers don't exceed.
    pub(super) fn answer(&self, of_hundred: usize) -> f64 {
        let index = (self.answers.len() * of_hundred / 100).min(self.answers.len().saturating_sub(1));
        self.answers.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}

/// Who makes a change, and how.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// Holds a seat and cancels that, in turn.
    Lastseat,
    /// Bare axum, which only has to be asked.
    Bare,
}

/// Makes so many changes a second for some seconds, of row A's seats after `taken`. Each has been answered when this
/// returns.
pub(super) async fn make(server: &Server, target: Target, taken: usize, rate: f64, seconds: f64) -> Outcome<Made> {
    let (begun, period) = (Instant::now(), Duration::from_secs_f64(WRITERS as f64 / rate));
    let until = begun + Duration::from_secs_f64(seconds);
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let first = begun + period.mul_f64(number as f64 / WRITERS as f64);
            let (address, buyer) = (server.address, server.buyers.get(number).cloned());
            tokio::spawn(async move {
                let mut writer = Writer::new(Connection::open(address).await?, target, buyer, taken + number);
                let mut turns = tokio::time::interval_at(first.into(), period);
                let mut answers = Vec::new();
                loop {
                    turns.tick().await;
                    if Instant::now() >= until {
                        return Outcome::Ok(answers);
                    }
                    let begun = Instant::now();
                    writer.change().await?;
                    answers.push(begun.elapsed());
                }
            })
        })
        .collect();
    let mut answers = Vec::new();
    for writer in writers {
        answers.extend(writer.await??);
    }
    answers.sort_unstable();
    Ok(Made { changes: answers.len() as u64, answers })
}

struct Writer {
    connection: Connection,
    /// Makes one change.
    request: Arc<[u8]>,
    buyer: Option<String>,
    target: Target,
    /// The booking that holds the seat.
    held: Option<String>,
}

impl Writer {
    fn new(connection: Connection, target: Target, buyer: Option<String>, number: usize) -> Self {
        let request = match target {
            Target::Lastseat => {
                let seat = format!(r#"{{"seats":["A-{}"]}}"#, number + 1);
                post("/v1/shows/streamed/bookings", buyer.as_deref(), &seat)
            }
            Target::Bare => post("/changes", None, "{}"),
        };
        Self { connection, request: request.into(), buyer, target, held: None }
    }

    async fn change(&mut self) -> Outcome<()> {
        let (request, expected): (Arc<[u8]>, _) = match (self.target, self.held.take()) {
            (Target::Lastseat, Some(id)) => (delete(&format!("/v1/bookings/{id}"), self.buyer.as_deref()).into(), 200),
            (Target::Lastseat, None) => (Arc::clone(&self.request), 201),
            (Target::Bare, _) => (Arc::clone(&self.request), 200),
        };
        let answer = self.connection.send(&request).await?;
        if answer.status != expected {
            return Err(format!("a change was answered {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into());
        }
        if expected == 201 {
            self.held = Some(answer.text("id").ok_or("a hold without id")?);
        }
        Ok(())
    }
}
