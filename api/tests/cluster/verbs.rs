//! The commands that read the log print the same through the server as from the file.

use crate::nodes::Cluster;
use crate::support::client::Client;
use crate::support::process::{LogServer, command, run};
use crate::support::{show, text};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

fn through(log_server: &LogServer, arguments: &[&str], data: &Path) -> Command {
    let mut command = command(arguments, data);
    command.args(["--eventstore", &log_server.eventstore]);
    command
}

fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn history_proof_and_views_are_the_same_by_file_and_through_the_server() {
    let cluster = Cluster::start(2, false).await.unwrap();
    cluster.put_on_sale(&show("gala", 600, 20)).await;
    for (number, client) in cluster.clients().iter().enumerate() {
        let selection = json!({"seats": [format!("A-{}", number + 1), format!("B-{}", number + 1)]});
        let booking = client.post("/v1/shows/gala/bookings").json(&selection).send().await.ok(201);
        let pay = client.post(&format!("/v1/bookings/{}/payment", text(&booking, "id"))).bearer(text(&booking, "token"));
        pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);
    }
    // This verifies the log by its file and through the server.
    let books = cluster.at_rest(&["gala"]).await;
    assert_eq!(books.seats.len(), 4);

    let (log_server, log) = (cluster.log_server.as_ref().unwrap(), cluster.log_dir());
    let by_file = run(&["audit", "export"], &log).out;
    assert_eq!(ok(&through(log_server, &["audit", "export"], &log).output().unwrap()), by_file);
    assert!(by_file.lines().count() > 15);
    let part = ["audit", "export", "--stream", "seat-gala.A-*", "--limit", "3", "--from", "2"];
    assert_eq!(ok(&through(log_server, &part, &log).output().unwrap()), run(&part, &log).out);
    let one = ["audit", "export", "--stream", "seat-gala.A-1"];
    assert_eq!(ok(&through(log_server, &one, &log).output().unwrap()).lines().count(), 2);

    // The views of a node that has stopped, rebuilt from the cluster, are the same to the byte.
    let Cluster { mut nodes, log_server, .. } = cluster;
    nodes.remove(0).stop();
    let log_server = log_server.unwrap();
    let node = log.with_file_name("node-0");
    let rebuilt = ok(&through(&log_server, &["projections", "rebuild", "--json"], &node).output().unwrap());
    let rebuilt: Value = serde_json::from_str(&rebuilt).unwrap();
    for view in rebuilt["views"].as_array().unwrap() {
        assert_eq!(view["identical"], true, "{rebuilt:#}");
    }
    // Refused while a node writes them.
    let busy = through(&log_server, &["projections", "rebuild"], &log.with_file_name("node-1")).output().unwrap();
    assert_eq!(busy.status.code(), Some(3), "{busy:?}");
    assert!(String::from_utf8(busy.stderr).unwrap().contains("another node has it"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_joins_starts_from_the_snapshot_of_another() {
    let cluster = Cluster::start(1, false).await.unwrap();
    cluster.put_on_sale(&show("gala", 600, 20)).await;
    let hold = async |client: &Client, seat: &str| {
        client.post("/v1/shows/gala/bookings").json(&json!({"seats": [seat]})).send().await.status
    };
    let first = &cluster.nodes[0].client;
    assert_eq!(hold(first, "A-1").await, 201);
    let (log_server, place) = (cluster.log_server.as_ref().unwrap(), |name: &str| cluster.log_dir().with_file_name(name));
    // Beside the node that sells.
    let file = place("now.snapshot").display().to_string();
    ok(&through(log_server, &["snapshot", "export", &file], &place("node-0")).output().unwrap());
    assert_eq!(hold(first, "A-2").await, 201);
    let busy = through(log_server, &["snapshot", "import", &file], &place("node-0")).output().unwrap();
    assert!(String::from_utf8_lossy(&busy.stderr).contains("another node has it"), "{busy:?}");
    // The log itself is embedded: what has to be remembered of it is another thing.
    let by_file = command(&["snapshot", "import", &file], &cluster.log_dir()).output().unwrap();
    assert!(!by_file.status.success(), "{by_file:?}");

    ok(&through(log_server, &["snapshot", "import", &file], &place("node-1")).output().unwrap());
    let shown = ok(&command(&["snapshot", "show", "--json"], &place("node-1")).output().unwrap());
    let position = serde_json::from_str::<Value>(&shown).unwrap()[0]["position"].clone();
    let second = cluster.node(1).await;
    let metrics = String::from_utf8(second.client.get("/metrics").send().await.body.to_vec()).unwrap();
    assert!(metrics.contains(&format!("lastseat_snapshot_position {position}\n")), "{position} {metrics}");
    for (seat, status) in [("A-1", 409), ("A-2", 409), ("A-3", 201)] {
        assert_eq!(hold(&second.client, seat).await, status, "{seat}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_for_auditors_lets_them_read_and_nobody_sell() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let token = "read-me-please";
    let log_server = LogServer::start_for_reading(&log, token);
    let verify = |url: &str| command(&["verify", "--eventstore", url], &log).output().unwrap();
    let bare = log_server.eventstore.clone();
    let with = |token: &str| bare.replace("esdb://", &format!("esdb://auditor:{token}@"));
    ok(&verify(&with(token)));
    for stranger in [bare.clone(), with("something-else")] {
        let refused = verify(&stranger);
        assert_eq!(refused.status.code(), Some(3), "{refused:?}");
        assert!(!String::from_utf8_lossy(&refused.stderr).contains("something-else"), "{refused:?}");
    }
    let flags = ["serve", "--listen", "127.0.0.1:0", "--eventstore", &with(token)];
    let node = command(&flags, &dir.path().join("node")).output().unwrap();
    let said = String::from_utf8(node.stderr).unwrap();
    assert!(!node.status.success() && said.contains("the demo show can't be put on sale"), "{said}");
    assert!(!said.contains(token), "{said}");
}
