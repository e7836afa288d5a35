//! How far two nodes are behind the log while 256 buyers hold and pay, with a calm server and with one that ends
//! subscriptions, beside what the same server appends without nodes. It measures, and asserts only that nothing is wrong:
//! see docs/PERFORMANCE.md.

use crate::calm::{BUYERS, Load, standing_room};
use crate::nodes::Cluster;
use crate::support::process::Server;
use futures::future::join_all;
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Expected, NewEvent, StreamWrite};
use lastseat_event_log_eventstore::{EventStoreLog, Options};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

const CUTS: [&str; 2] = ["--disturb-live-buffer", "32"];
const RAW: Duration = Duration::from_secs(5);
const LOAD: Duration = Duration::from_secs(20);
/// Each look costs the node a page of metrics.
const RESOLUTION: Duration = Duration::from_millis(10);
const PAUSE: Duration = Duration::from_millis(200);

/// Appends a second to streams of their own, one event each, with so many in flight.
async fn raw_appends(log: &EventStoreLog, in_flight: usize) -> f64 {
    let started = Instant::now();
    let one_after_the_other = async |worker: usize| {
        let mut done = 0_u32;
        while started.elapsed() < RAW {
            let stream = StreamName::from_log(&format!("raw-{in_flight}.{worker}.{done}"));
            let json = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
            let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, stream.as_str().as_bytes());
            let event = NewEvent { id, event_type: "Raw".to_owned(), data: json("{}"), metadata: json("{}") };
            log.append(vec![StreamWrite { stream, expected: Expected::NoStream, events: vec![event] }]).await.unwrap();
            done += 1;
        }
        done
    };
    let done: u32 = join_all((0..in_flight).map(one_after_the_other)).await.iter().sum();
    f64::from(done) / started.elapsed().as_secs_f64()
}

async fn position(node: &Server) -> u64 {
    let answer = node.client.get("/metrics").send().await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix("lastseat_read_model_position "));
    value.unwrap().parse().unwrap()
}

/// Until `until`: how many events the node is behind the log's head, and how long until it has that head.
async fn lags(log: &EventStoreLog, node: &Server, until: Instant) -> Vec<(u64, Duration)> {
    let mut lags = Vec::new();
    while Instant::now() < until {
        let head = log.head().await.unwrap().0;
        let asked = Instant::now();
        let first = position(node).await;
        let mut now = first;
        while now < head {
            tokio::time::sleep(RESOLUTION).await;
            now = position(node).await;
        }
        lags.push((head.saturating_sub(first), asked.elapsed()));
        tokio::time::sleep(PAUSE).await;
    }
    lags
}

fn quantile<T: Copy + Ord>(values: &mut [T], hundredths: usize) -> T {
    values.sort_unstable();
    values[(values.len() - 1) * hundredths / 100]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures for a minute; run it with --ignored --nocapture on a quiet machine, in release mode"]
async fn lag_and_sales_beside_the_raw_appends_of_the_same_server() {
    for disturbances in [&[][..], &CUTS] {
        measure(disturbances).await;
    }
}

async fn measure(disturbances: &[&str]) {
    let Some(cluster) = Cluster::start_disturbed(2, true, disturbances).await else { return };
    eprintln!("{}", if disturbances.is_empty() { "undisturbed:" } else { "subscriptions cut when 32 events wait:" });
    let log = EventStoreLog::open(&cluster.log_server.as_ref().unwrap().eventstore, Options::default()).unwrap();
    let raw = [raw_appends(&log, 64).await, raw_appends(&log, 256).await];
    cluster.put_on_sale(&standing_room()).await;
    let (load, clients) = (Arc::new(Load::default()), cluster.clients());
    let (before, started) = (log.head().await.unwrap().0, Instant::now());
    let mut buyers = JoinSet::new();
    for buyer in 0..BUYERS {
        let (client, load) = (clients[buyer % clients.len()].clone(), load.clone());
        buyers.spawn(async move { load.buy(&client, buyer).await });
    }
    let lags = join_all(cluster.nodes.iter().map(|node| lags(&log, node, started + LOAD))).await;
    load.stop.store(true, Ordering::Relaxed);
    buyers.join_all().await;
    let (took, sold) = (started.elapsed().as_secs_f64(), load.sold.load(Ordering::Relaxed));
    let events = log.head().await.unwrap().0 - before;
    let rate = |count: f64| count / took;
    eprintln!("raw appends/s: {:.0} with 64 in flight, {:.0} with 256", raw[0], raw[1]);
    eprintln!("{sold} bookings held and confirmed: {:.0}/s, {:.0} events/s", rate(sold as f64), rate(events as f64));
    eprintln!("{} holds lost their place to the other node", load.beaten.load(Ordering::Relaxed));
    eprintln!("{} cuts", cluster.metric("lastseat_slow_subscriptions_total").await);
    for (node, lags) in lags.into_iter().enumerate() {
        let (mut events, mut times): (Vec<u64>, Vec<Duration>) = lags.into_iter().unzip();
        let events = [50, 99, 100].map(|part| quantile(&mut events, part));
        let times = [50, 99, 100].map(|part| quantile(&mut times, part).as_millis());
        eprintln!("node {node} is behind by {events:?} events and {times:?} ms (p50, p99, most)");
    }
    cluster.at_rest(&["big"]).await;
}
