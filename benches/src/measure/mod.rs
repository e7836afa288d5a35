//! What is measured against what.

mod appends;
mod guard;
mod over_http;

use crate::Outcome;
use crate::figure::Figure;
use std::time::{Duration, Instant};

/// Connections, or callers, of each measurement.
const CONNECTIONS: [usize; 2] = [64, 500];

/// How long it is measured, and what.
pub(crate) struct Plan {
    /// Rounds of each pair.
    pub rounds: usize,
    /// Seconds of each measurement.
    pub seconds: f64,
    /// Only the groups whose names contain this.
    pub only: Option<String>,
}

impl Plan {
    fn has(&self, group: &str) -> bool {
        self.only.as_ref().is_none_or(|only| group.contains(only.as_str()))
    }
}

/// Measures everything that is planned and prints it.
pub(crate) async fn all(plan: &Plan, as_json: bool) -> Outcome<()> {
    let mut figures = Vec::new();
    for connections in CONNECTIONS {
        if plan.has("refusals") {
            figures.push(over_http::refusals(connections, plan).await?);
            figures.push(over_http::counted_refusals(connections, plan).await?);
        }
        if plan.has("holds") {
            figures.push(over_http::holds(connections, plan).await?);
        }
        if plan.has("bookings") {
            figures.push(over_http::bookings(connections, plan).await?);
        }
        if plan.has("redis") {
            figures.extend(over_http::holds_with_redis(connections, plan).await?);
        }
        if plan.has("eventstore") {
            figures.push(over_http::holds_on_a_served_log(connections, plan).await?);
            figures.push(appends::through_the_server(connections, plan).await?);
        }
    }
    if plan.has("guard") {
        figures.extend(guard::calls(plan).await?);
    }
    if as_json {
        println!("{}", serde_json::to_string_pretty(&figures.iter().map(Figure::to_json).collect::<Vec<_>>())?);
    } else {
        println!("{}", Figure::table(&figures));
    }
    Ok(())
}

/// Runs so many tasks for some seconds, each numbered from 0; what they did a second, all together.
async fn rate<Work, F>(tasks: usize, seconds: f64, work: Work) -> Outcome<f64>
where
    Work: Fn(usize, Instant) -> F,
    F: Future<Output = Outcome<u32>> + Send + 'static,
{
    let start = Instant::now();
    let until = start + Duration::from_secs_f64(seconds);
    let tasks: Vec<_> = (0..tasks).map(|number| tokio::spawn(work(number, until))).collect();
    let mut done = 0.0;
    for task in tasks {
        done += f64::from(task.await??);
    }
    Ok(done / start.elapsed().as_secs_f64())
}
