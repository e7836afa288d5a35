//! Sales on a log whose server behaves like a busy or failing cluster: it ends live subscriptions, falls silent, is late, and
//! is deposed in the middle of batches.

use crate::buyers::{Ledger, Market, Rng};
use crate::check;
use crate::kills::big_show;
use crate::nodes::Cluster;
use crate::support::process::{command, run};
use crate::support::{PATIENCE, eventually};
use parking_lot::Mutex;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::task::JoinSet;

const BUYERS: u64 = 12;
/// Enough to meet each disturbance many times.
const CONFIRMATIONS: usize = 60;
const SEED: u64 = 7;

/// Sells on two nodes, and checks every answer and the books.
async fn sell(with_redis: bool, disturbances: &[&str]) {
    let Some(cluster) = Cluster::start_disturbed(2, with_redis, disturbances).await else { return };
    cluster.put_on_sale(&big_show()).await;
    let market = Arc::new(Market {
        clients: cluster.clients(),
        outages: true,
        admin: cluster.admin.clone(),
        show: "show-0".to_owned(),
        ledger: Mutex::new(Ledger::default()),
        stop: AtomicBool::new(false),
        numbers: AtomicU64::new(0),
        seed: SEED,
    });
    let (mut buyers, mut rng) = (JoinSet::new(), Rng(SEED));
    for _ in 0..BUYERS {
        let (market, rng) = (market.clone(), Rng(rng.next()));
        buyers.spawn(async move { market.buy(rng).await });
    }
    let confirmed = || market.ledger.lock().count(|fact| fact.confirmed);
    eventually("enough is sold", async || (confirmed() >= CONFIRMATIONS).then_some(())).await;
    market.stop.store(true, Ordering::Relaxed);
    tokio::time::timeout(PATIENCE, buyers.join_all()).await.expect("every buyer gets an answer");
    // What was answered with "unknown" is known now.
    market.repeat().await;
    let market = Arc::into_inner(market).expect("all buyers have stopped");
    let ledger = market.ledger.into_inner();
    assert_eq!(ledger.unexpected, Vec::<String>::new());
    let books = cluster.at_rest(&["show-0"]).await;
    for node in &cluster.nodes {
        let wrong = check::false_answers(&node.client, ledger.facts.clone()).await;
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    cluster.assert_nothing_stays_in_redis();
    assert!(cluster.metric("lastseat_slow_subscriptions_total").await > 0, "no subscription was cut");
    eprintln!(
        "{disturbances:?}: {} holds acknowledged, {} confirmations, {} requests without an answer or answered 503, {} bookings",
        ledger.facts.len(),
        ledger.count(|fact| fact.confirmed),
        ledger.cut_off,
        books.bookings.len(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_goes_on_while_subscriptions_are_cut_and_the_log_stalls() {
    sell(false, &["--disturb-live-buffer", "2", "--disturb-stall-ms", "400", "--disturb-stall-every-ms", "1000"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_goes_on_while_the_log_is_late_and_its_leaders_are_deposed_with_redis() {
    let late = ["--disturb-slow-ms", "30", "--disturb-live-buffer", "8"];
    sell(true, &[&late[..], &["--disturb-depositions", "0.02", "--disturb-seed", "7"]].concat()).await;
}

/// What `eventstore-server` says when it starts.
fn greeting(disturbances: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut command = command(&["eventstore-server", "--listen", "127.0.0.1:0"], &dir.path().join("log"));
    let mut server = command.args(disturbances).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines().map_while(Result::ok);
    let greeting: Vec<String> = lines.take_while(|line| !line.contains("Ctrl-C")).collect();
    server.kill().unwrap();
    server.wait().unwrap();
    greeting.join("\n")
}

#[test]
fn a_server_that_disturbs_its_clients_says_so_and_no_other_does() {
    let said = greeting(&["--disturb-live-buffer", "32", "--disturb-slow-ms", "5"]);
    assert_eq!(said.matches("on purpose: for tests").count(), 2, "{said}");
    assert!(said.contains("Disturbed  live subscriptions end when more than 32 messages wait"), "{said}");
    let said = greeting(&[]);
    assert!(said.contains("Event log") && !said.contains("isturb"), "{said}");
    let dir = tempfile::tempdir().unwrap();
    let help = run(&["eventstore-server", "--help"], dir.path());
    assert!(help.code == 0 && !help.out.contains("disturb"), "{help:?}");
    let anywhere = ["eventstore-server", "--listen", "0.0.0.0:0", "--disturb-slow-ms", "5"];
    let mut anywhere = command(&anywhere, &dir.path().join("log"));
    let refused = anywhere.env("LASTSEAT_EVENTSTORE_LISTEN_TOKEN", "a-token-of-some-length").output().unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("127.0.0.1"), "{refused:?}");
}
