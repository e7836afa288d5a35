//! What the proofs share: a client, a whole server in a directory of its own, the books that its
//! log and its gateway keep, and the real binary as a process.
#![allow(dead_code, reason = "every test binary uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

pub mod books;
pub mod client;
pub mod issuer;
pub mod process;
pub mod sse;
pub mod surgery;
pub mod test_server;

use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine: waiting this long means a defect.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is an answer. Fails after [`PATIENCE`] and says what was waited for.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let given_up = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < given_up, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A show: rows A to C of 10 in the category `stalls`, and `floor` places in an area `floor`.
pub fn show(id: &str, hold_seconds: u32, floor: u32) -> Value {
    json!({
        "id": id,
        "title": id,
        "currency": "EUR",
        "hold_seconds": hold_seconds,
        "categories": [{"category": "stalls", "price": 4500}, {"category": "standing", "price": 3000}],
        "areas": [
            {"area": "parquet", "category": "stalls", "rows": [
                {"row": "A", "seats": 10}, {"row": "B", "seats": 10}, {"row": "C", "seats": 10}]},
            {"area": "floor", "category": "standing", "capacity": floor},
        ],
        "rewards": [{"reward": "One drink", "weight": 3}, {"reward": "A poster", "weight": 1}],
    })
}

/// Names of the seats of a booking's answer.
pub fn seats_of(booking: &Value) -> Vec<String> {
    booking["seats"].as_array().unwrap().iter().map(|seat| seat["seat"].as_str().unwrap().to_owned()).collect()
}

/// The text of a member.
#[track_caller]
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}
