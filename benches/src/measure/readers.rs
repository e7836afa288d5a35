//! Readers of a seat stream: whether each gets every change once and in order, how late, and what a reader costs.
//!
//! A delay is the time from a change's own time, which the server takes before it writes the change to the log, to the
//! reader: writing and syncing are part of it, and so is the client's wait for a core.

mod changes;
mod crowd;

use super::plan::Plan;
use super::sale::schedule_rows;
use crate::figure::{Figure, Measured};
use crate::outcome::Outcome;
use crate::server::{Backing, Server};
use changes::{Target, WRITERS, make};
use crowd::Crowd;
use std::time::Duration;

/// Until what was needed to open the streams is given back.
const SETTLE: Duration = Duration::from_secs(3);
/// Until the last change has reached the last reader.
const PATIENCE: Duration = Duration::from_secs(20);

/// What one run has shown.
struct Shown {
    delivered: Measured,
    /// Of a message, in milliseconds.
    median: f64,
    late: f64,
    latest: f64,
    /// Bytes of a reader.
    at_rest: f64,
    streaming: f64,
}

/// Ours beside bare axum.
pub(super) async fn of_a_stream(plan: &Plan) -> Outcome<Vec<Figure>> {
    let figure = |name, unit| Figure::new(name, plan.readers, unit, "bare axum, one broadcast message");
    let mut figures = [
        figure("messages to readers", "messages/s"),
        figure("delay of a message, p50", "ms"),
        figure("delay of a message, p99", "ms"),
        figure("delay of a message, longest", "ms"),
        figure("memory of a reader, at rest", "bytes"),
        figure("memory of a reader, streaming", "bytes"),
    ];
    for _ in 0..plan.rounds {
        let limit = bare(plan).await?.values();
        for (figure, (ours, limit)) in figures.iter_mut().zip(lastseat(plan).await?.values().into_iter().zip(limit)) {
            figure.add(ours, limit);
        }
    }
    Ok(figures.into())
}

impl Shown {
    fn values(self) -> [Measured; 6] {
        let Self { delivered, median, late, latest, at_rest, streaming } = self;
        [delivered, median.into(), late.into(), latest.into(), at_rest.into(), streaming.into()]
    }
}

async fn bare(plan: &Plan) -> Outcome<Shown> {
    let server = Server::bare_stream().await?;
    show(&server, Target::Bare, "/stream", plan).await
}

async fn lastseat(plan: &Plan) -> Outcome<Shown> {
    let folder = tempfile::tempdir_in(".")?;
    let server = Server::lastseat(folder.path(), &Backing::default()).await?;
    schedule_rows(&server, "streamed", 2 * WRITERS).await?;
    let shown = show(&server, Target::Lastseat, "/v1/shows/streamed/seats/stream", plan).await?;
    server.stop().await?;
    Ok(shown)
}

async fn show(server: &Server, target: Target, path: &str, plan: &Plan) -> Outcome<Shown> {
    // What the server needs for the first of each belongs to no reader.
    let before = {
        let few = Crowd::open(server.address, path, 10).await?;
        let made = make(server, target, WRITERS, 20.0, 1.0).await?;
        few.wait_for(10 * made.changes, PATIENCE).await?;
        drop(few);
        tokio::time::sleep(SETTLE).await;
        server.memory()
    };
    let crowd = Crowd::open(server.address, path, plan.readers).await?;
    tokio::time::sleep(SETTLE).await;
    let at_rest = server.memory();
    let cpu_before = server.cpu_micros();
    let made = make(server, target, 0, plan.changes, plan.seconds).await?;
    let streaming = server.memory();
    let messages = made.changes * plan.readers as u64;
    crowd.wait_for(messages, PATIENCE).await?;
    let cpu = cpu_before.zip(server.cpu_micros()).map(|(before, after)| (after - before) / messages as f64);
    // Nothing comes twice.
    tokio::time::sleep(Duration::from_millis(500)).await;
    crowd.verify(made.changes)?;
    let tally = &crowd.tally;
    eprintln!(
        "{} readers got {} changes each, once and in order; a change was answered after {:.1} ms (p50), {:.1} ms (p99)",
        plan.readers,
        made.changes,
        made.answer(50),
        made.answer(99)
    );
    let each = |memory: Option<crate::server::Memory>| {
        let (before, memory) = before.zip(memory)?;
        Some(memory.now.saturating_sub(before.now) as f64 / plan.readers as f64)
    };
    Ok(Shown {
        delivered: Measured { value: messages as f64 / plan.seconds, cpu_micros: cpu },
        median: tally.delay(500),
        late: tally.delay(990),
        latest: tally.delay(1000),
        at_rest: each(at_rest).unwrap_or(f64::NAN),
        streaming: each(streaming).unwrap_or(f64::NAN),
    })
}
