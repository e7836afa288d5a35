//! Devices that scanned the same tickets offline send that to two nodes at the same time.

use crate::nodes::Cluster;
use crate::support::{eventually, show, text};
use futures::future::join_all;
use lastseat_domain::ports::Clock;
use lastseat_in_process::SystemClock;
use serde_json::{Value, json};
use uuid::Uuid;

const TICKETS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_are_sent_the_same_tickets_at_once_name_every_double_entry() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("ticket.key");
    std::fs::write(&key, [7; 32]).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let flags = ["--ticket-key".to_owned(), key.display().to_string()];
    let Some(cluster) = Cluster::start_with(2, false, &flags).await else { return };
    cluster.put_on_sale(&show("gala", 600, 200)).await;
    let (nodes, admin) = (cluster.clients(), cluster.admin.clone());
    let mut codes = Vec::new();
    for n in 0..TICKETS {
        let node = &nodes[n % 2];
        let body = json!({"area": "floor", "quantity": 1});
        let held = node.post("/v1/shows/gala/bookings").bearer(&admin).json(&body).send().await.ok(201);
        let path = |what: &str| format!("/v1/bookings/{}/{what}", text(&held, "id"));
        node.post(&path("payment")).bearer(&admin).json(&json!({"payment": "complimentary"})).send().await.ok(200);
        let tickets = node.get(&path("tickets")).bearer(&admin).send().await.ok(200);
        codes.push(text(&tickets["tickets"][0], "ticket").to_owned());
    }
    let at = SystemClock.now();
    let last = at + chrono::TimeDelta::milliseconds(4);
    std::iter::repeat_with(|| SystemClock.now()).find(|now| *now > last).unwrap();
    // Every device has scanned every ticket, a millisecond after the device before it.
    let scans = |device: usize| -> Vec<Value> {
        let scanned_at = at + chrono::TimeDelta::milliseconds(device as i64);
        let one = |(n, code): (usize, &String)| {
            let scan = Uuid::from_u128((device * TICKETS + n) as u128);
            json!({"ticket": code, "gate": "field", "scan": scan, "scanned_at": scanned_at})
        };
        codes.iter().enumerate().map(one).collect()
    };
    let send = async |device: usize, node: usize| -> Vec<Value> {
        let body = json!({"device": format!("hand-{device}"), "scans": scans(device)});
        let answer = nodes[node].post("/v1/checkins:batch").bearer(&admin).json(&body).send().await.ok(200);
        answer["results"].as_array().unwrap().clone()
    };
    // Each batch goes to both nodes, as when a device gave up on the first.
    let sent = join_all((0..8).map(|n| send(n / 2, (n + n / 2) % 2))).await;
    for results in &sent {
        assert!(results.iter().all(|result| ["recorded", "repeat"].contains(&text(result, "result"))), "{results:?}");
    }
    for node in &nodes {
        let path = "/v1/shows/gala/checkins?limit=100";
        let report = eventually("the node has all scans", async || {
            let report = node.get(path).bearer(&admin).send().await.ok(200);
            (report["entries"] == 4 * TICKETS).then_some(report)
        })
        .await;
        assert_eq!((&report["tickets"], &report["inside"]), (&json!(TICKETS), &json!(TICKETS)));
        assert_eq!(report["double_entries"], 3 * TICKETS);
        assert_eq!(report["data"].as_array().unwrap().len(), 4 * TICKETS, "both of each are listed");
    }
    // What the events say is judged by the audit: each names what it should.
    cluster.at_rest(&["gala"]).await;
}
