//! How long each measurement takes, and the loop that all of them share.

use crate::figure::Measured;
use crate::outcome::Outcome;
use crate::server::Server;
use std::time::{Duration, Instant};

/// How long it is measured, and what.
pub(crate) struct Plan {
    /// Rounds of each pair.
    pub rounds: usize,
    /// Seconds of each measurement.
    pub seconds: f64,
    /// Readers of a seat stream.
    pub readers: usize,
    /// Changes a second that they get.
    pub changes: f64,
    /// Only the groups whose names contain this.
    pub only: Option<String>,
}

impl Plan {
    /// The same, to see that everything runs.
    pub(crate) fn quick(self) -> Self {
        Self { rounds: 1, seconds: self.seconds.min(1.0), readers: self.readers.min(200), ..self }
    }

    pub(super) fn has(&self, group: &str) -> bool {
        self.only.as_ref().is_none_or(|only| group.contains(only.as_str()))
    }
}

/// Runs so many tasks for some seconds, each numbered from 0; what they did a second, all together, and what each cost
/// the server.
pub(super) async fn rate<Work, F>(server: Option<&Server>, tasks: usize, seconds: f64, work: Work) -> Outcome<Measured>
where
    Work: Fn(usize, Instant) -> F,
    F: Future<Output = Outcome<u32>> + Send + 'static,
{
    let cpu = || server.and_then(Server::cpu_micros);
    let (start, cpu_before) = (Instant::now(), cpu());
    let until = start + Duration::from_secs_f64(seconds);
    let tasks: Vec<_> = (0..tasks).map(|number| tokio::spawn(work(number, until))).collect();
    let mut done = 0.0;
    for task in tasks {
        done += f64::from(task.await??);
    }
    let value = done / start.elapsed().as_secs_f64();
    let cpu_micros = cpu_before.zip(cpu()).map(|(before, after)| (after - before) / done);
    Ok(Measured { value, cpu_micros })
}
