//! The log is killed or stopped (SIGSTOP): every request gets a quick and true answer, and everything works
//! again once the log is back.

use crate::nodes::Cluster;
use crate::support::client::{Answer, Client};
use crate::support::{PATIENCE, eventually, show};
use serde_json::{Value, json};
use std::time::Instant;

/// A hold of a free seat.
async fn hold(client: &Client, seat: &str, key: &str) -> Answer {
    let started = Instant::now();
    let answer = client.post("/v1/shows/gala/bookings").key(key).json(&json!({"seats": [seat]})).send().await;
    assert!(started.elapsed() < PATIENCE / 2, "an answer after {:?}", started.elapsed());
    answer
}

fn log_check(health: &Answer) -> bool {
    let body: Value = health.json();
    body["checks"].as_array().unwrap().iter().any(|check| check["name"] == "event_log" && check["ok"] == true)
}

/// How a node answers while its log does not.
async fn is_out(client: &Client, seat: &str) {
    let refused = hold(client, seat, "during").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(["unavailable", "outcome_unknown"].contains(&refused.code().as_str()), "{refused:?}");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    let health = eventually("the node is not ready", async || {
        Some(client.get("/health/ready").send().await).filter(|health| health.status == 503)
    })
    .await;
    assert!(!log_check(&health), "{health:?}");
    assert_eq!(client.get("/health/live").send().await.status, 200);
    // The seat table needs no log: a taken seat is refused.
    let taken = client.post("/v1/shows/gala/bookings").json(&json!({"seats": ["A-1"]})).send().await;
    taken.problem(409, "seat_unavailable");
}

/// How it answers when the log is back.
async fn is_back(client: &Client, seat: &str) {
    eventually("the node is ready again", async || {
        client.get("/health/ready").try_send().await.ok().filter(|health| health.status == 200)
    })
    .await;
    // The request of the outage, sent again, has one effect, whatever happened to the first one.
    let booking = eventually("the hold comes through", async || {
        Some(hold(client, seat, "during").await).filter(|answer| answer.status != 503)
    })
    .await;
    assert_eq!(booking.status, 201, "{booking:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_gone_and_comes_back() {
    let mut cluster = Cluster::start(1, false).await.unwrap();
    cluster.put_on_sale(&show("gala", 600, 20)).await;
    let client = cluster.clients().remove(0);
    assert_eq!(hold(&client, "A-1", "before").await.status, 201);
    let mut log_server = cluster.log_server.take().unwrap();
    log_server.kill();
    is_out(&client, "A-2").await;
    cluster.log_server = Some(log_server.restart(&cluster.log_dir()));
    is_back(&client, "A-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_stopped_and_continues() {
    let cluster = Cluster::start(1, false).await.unwrap();
    cluster.put_on_sale(&show("gala", 600, 20)).await;
    let client = cluster.clients().remove(0);
    assert_eq!(hold(&client, "A-1", "before").await.status, 201);
    let log_server = cluster.log_server.as_ref().unwrap();
    log_server.signal("STOP");
    is_out(&client, "A-3").await;
    log_server.signal("CONT");
    is_back(&client, "A-3").await;
}
