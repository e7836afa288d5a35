//! Complaints from the issue trackers of ticket shops, one scenario each, over real HTTP against the wiring
//! of the binary. Each ends with a clean audit, and log, gateway and seat map agree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod bad_orders;
mod lists;
mod opening;
mod payments;
mod realtime;
mod refunds;
mod repeats;
mod stock;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;
use tokio::task::JoinSet;

/// Runs `count` tasks at once and returns their results.
async fn at_once<T, F>(count: usize, run: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(tokio::sync::Barrier::new(count));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (start, run) = (start.clone(), run(number));
        tasks.spawn(async move {
            start.wait().await;
            run.await
        });
    }
    tasks.join_all().await
}
