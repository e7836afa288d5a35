//! Batches of holds over HTTP.

mod access;
mod answers;
mod contention;
mod kills;
mod repeats;
mod twins;

use crate::common::{Reply, TestServer};
use serde_json::{Value, json};

const BATCH: &str = "/v1/shows/demo/bookings:batch";
const REPLAYED: &str = "idempotent-replayed";

/// A body with these holds.
fn batch(holds: &[Value]) -> Value {
    json!({"holds": holds})
}

fn seats(buyer: &str, seats: &[&str]) -> Value {
    json!({"buyer": buyer, "seats": seats})
}

fn floor(buyer: &str, quantity: u32) -> Value {
    json!({"buyer": buyer, "area": "floor", "quantity": quantity})
}

/// Sends a batch as an admin; the answer has to be 200.
async fn send(server: &TestServer, holds: &[Value]) -> Vec<Value> {
    results(&server.post(BATCH).admin(server).json(batch(holds)).send().await)
}

#[track_caller]
fn results(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{reply:?}");
    let results = reply.json()["results"].as_array().unwrap().clone();
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["index"], index, "{result}");
        let of_problem = &result["problem"]["status"];
        assert!(if result["status"] == 201 { result["booking"]["id"].is_string() } else { *of_problem == result["status"] });
    }
    results
}

/// What each hold got: the seats of its booking, or the code of its problem.
fn outcomes(results: &[Value]) -> Vec<String> {
    let outcome = |result: &Value| match result["problem"]["code"].as_str() {
        Some(code) => code.to_owned(),
        None => crate::support::seats_of(&result["booking"]).join(" "),
    };
    results.iter().map(outcome).collect()
}

fn ids(results: &[Value]) -> Vec<Value> {
    results.iter().map(|result| result["booking"]["id"].clone()).collect()
}
