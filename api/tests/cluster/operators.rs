//! What operators see when Redis dies, then the log, and when both are back: each is named, and restarting
//! it is all that has to be done.

use crate::nodes::Cluster;
use crate::support::client::Client;
use crate::support::{eventually, show};
use serde_json::{Value, json};

/// The answer of `/health/ready`: its status, the names of the parts that fail, and the reasons.
async fn health(node: &Client) -> (u16, Vec<String>, String) {
    let answer = node.get("/health/ready").send().await;
    let body = answer.json();
    let bad: Vec<&Value> = body["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false).collect();
    let names = bad.iter().map(|check| check["name"].as_str().unwrap().to_owned()).collect();
    (answer.status, names, json!(bad).to_string())
}

async fn metric(node: &Client, series: &str) -> u64 {
    let answer = node.get("/metrics").send().await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}

/// Ready, event log, seat guard: 1 if it works.
async fn lamps(node: &Client) -> [u64; 3] {
    let (ready, log) = (metric(node, "lastseat_ready").await, metric(node, "lastseat_event_log_up").await);
    [ready, log, metric(node, "lastseat_seat_guard_up").await]
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_dies_then_the_log_and_each_is_reported_by_name() {
    let Some(mut cluster) = Cluster::start(1, true).await else { return };
    cluster.put_on_sale(&show("gala", 600, 20)).await;
    let node = cluster.nodes[0].client.clone();
    let hold = async |seat: &str| node.post("/v1/shows/gala/bookings").json(&json!({"seats": [seat]})).send().await;
    eventually("all is well", async || (lamps(&node).await == [1, 1, 1]).then_some(())).await;
    assert_eq!(health(&node).await.1, Vec::<String>::new());

    // No load at this time.
    cluster.redis.as_mut().unwrap().kill();
    eventually("it is seen that Redis is gone", async || (lamps(&node).await == [1, 1, 0]).then_some(())).await;
    let (status, names, why) = health(&node).await;
    assert_eq!((status, names), (200, vec!["degraded".to_owned()]), "{why}");
    assert!(why.contains("seat guard") && why.contains("no connection to 127.0.0.1"), "{why}");
    let before = metric(&node, "lastseat_seat_guard_failures_total").await;
    hold("B-1").await.ok(201);
    assert!(metric(&node, "lastseat_seat_guard_failures_total").await > before);

    let mut log_server = cluster.log_server.take().unwrap();
    log_server.kill();
    eventually("it is seen that the log is gone", async || (lamps(&node).await == [0, 0, 0]).then_some(())).await;
    let (status, names, why) = health(&node).await;
    assert!(status == 503 && names.contains(&"event_log".to_owned()), "{why}");
    let refused = hold("B-2").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").is_some());

    cluster.log_server = Some(log_server.restart(&cluster.log_dir()));
    cluster.redis.as_mut().unwrap().restart();
    eventually("all is well again", async || {
        let (status, names, _) = health(&node).await;
        (status == 200 && names.is_empty() && lamps(&node).await == [1, 1, 1]).then_some(())
    })
    .await;
    hold("B-2").await.ok(201);
}
