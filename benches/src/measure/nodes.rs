//! Nodes on one EventStoreDB-protocol store, each with a show of its own on sale, beside the appends that the same store
//! takes in the same round, before and after: with nothing of ours between, what a booking's appends allow.

use super::appends::appends;
use super::plan::{Plan, rate};
use super::sale::{buy, hold_request, schedule};
use crate::client::{Connection, get};
use crate::figure::{Figure, Measured};
use crate::outcome::Outcome;
use crate::server::{Backing, Server};
use lastseat_event_log_eventstore::{EventStoreLog, Options};
use lastseat_redis_testkit::RedisServer;
use std::sync::Arc;
use std::time::Duration;

/// Places on sale: more than can be sold in the time.
const PLACES: u32 = 150_000;

/// Nodes on the store.
const NODES: [usize; 2] = [1, 2];

/// A payment in the background, whose appends count.
const SETTLED: Duration = Duration::from_secs(2);

/// For each number of nodes two figures; none where Redis is not installed.
///
/// - Confirmed bookings a second beside what the raw appends allow. All programs share the machine's cores, so this says
///   what one machine does with everything on it.
/// - What the store works for a booking's appends when they are raw, and when they are a node's: how much of a store
///   bookings leave to be booked with, if the nodes have machines of their own. Both in microseconds of its processor time.
pub(super) async fn bookings(connections: usize, plan: &Plan) -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    for nodes in NODES {
        let (speed, work) = match nodes {
            1 => ("bookings, one node on a store", "store's work for one, one node"),
            _ => ("bookings, two nodes on a store", "store's work for one, two nodes"),
        };
        let mut speed = Figure::new(speed, connections, "bookings/s", "raw appends of the round, by those of a booking");
        let mut work = Figure::new(work, connections, "µs", "the same number of raw appends");
        for _ in 0..plan.rounds {
            let Some(redis) = tokio::task::spawn_blocking(RedisServer::start).await? else { return Ok(Vec::new()) };
            let round = round(nodes, connections, plan, &redis.url()).await?;
            speed.add(round.bookings, round.raw.value / round.appends);
            if let (Some(ours), Some(raw)) = (round.store_micros, round.raw.cpu_micros) {
                work.add(ours, raw * round.appends);
            }
            eprintln!("  {:.2} appends for a booking", round.appends);
        }
        figures.extend([speed, work].into_iter().filter(|figure| !figure.is_empty()));
    }
    Ok(figures)
}

struct Round {
    /// Confirmed bookings a second; processor time of all nodes for each.
    bookings: Measured,
    /// The store's processor time for each, in microseconds.
    store_micros: Option<f64>,
    /// What the nodes appended for each.
    appends: f64,
    /// Raw appends a second, the mean of before and after; the store's processor time for each.
    raw: Measured,
}

async fn round(nodes: usize, connections: usize, plan: &Plan, redis: &str) -> Outcome<Round> {
    let folder = tempfile::tempdir_in(".")?;
    let store = Server::eventstore_server(&folder.path().join("store")).await?;
    let sandbox = Server::sandbox().await?;
    let client = format!("esdb://{}?tls=false", store.address);
    let before = raw_appends(&store, &client, 0, connections, plan).await?;

    let backing = Backing {
        redis: Some(redis.to_owned()),
        eventstore: Some(client.clone()),
        stripe: Some(format!("http://{}", sandbox.address)),
        ..Backing::default()
    };
    let mut servers = Vec::new();
    for node in 0..nodes {
        let server = Server::lastseat(&folder.path().join(format!("node-{node}")), &backing).await?;
        schedule(&server, &show_of(node), PLACES).await?;
        servers.push(server);
    }
    let (appends_before, cpu_before, store_before) = (appended(&servers).await?, cpu(&servers), store.cpu_micros());
    let sold = sell(&servers, connections, plan).await?;
    tokio::time::sleep(SETTLED).await;
    let (appends_after, cpu_after, store_after) = (appended(&servers).await?, cpu(&servers), store.cpu_micros());
    let each = |before: Option<f64>, after: Option<f64>| Some((after? - before?) / sold.done);
    for server in servers {
        server.stop().await?;
    }

    let after = raw_appends(&store, &client, 1, connections, plan).await?;
    let mean = |a: f64, b: f64| f64::midpoint(a, b);
    Ok(Round {
        bookings: Measured { value: sold.rate, cpu_micros: each(cpu_before, cpu_after) },
        store_micros: each(store_before, store_after),
        appends: (appends_after - appends_before) / sold.done,
        raw: Measured {
            value: mean(before.value, after.value),
            cpu_micros: before.cpu_micros.zip(after.cpu_micros).map(|(before, after)| mean(before, after)),
        },
    })
}

async fn raw_appends(store: &Server, client: &str, run: u8, in_flight: usize, plan: &Plan) -> Outcome<Measured> {
    let log = Arc::new(EventStoreLog::open(client, Options::default())?);
    appends(log, Some(store), run, in_flight, plan.seconds).await
}

struct Sold {
    done: f64,
    rate: f64,
}

/// Connections in turn to the nodes; each buys at its node's show.
async fn sell(servers: &[Server], connections: usize, plan: &Plan) -> Outcome<Sold> {
    let started = std::time::Instant::now();
    let sold = rate(None, connections, plan.seconds, |number, until| {
        let node = number % servers.len();
        let of = servers.get(node).map(|server| (server.address, hold_request(server, number, &show_of(node))));
        async move {
            let (address, hold) = of.ok_or("no node")?;
            let mut connection = Connection::open(address).await?;
            let mut done = 0;
            while std::time::Instant::now() < until {
                buy(&mut connection, &hold, true).await?;
                done += 1;
            }
            Ok(done)
        }
    })
    .await?;
    Ok(Sold { done: sold.value * started.elapsed().as_secs_f64(), rate: sold.value })
}

fn show_of(node: usize) -> String {
    format!("sale-{node}")
}

fn cpu(servers: &[Server]) -> Option<f64> {
    servers.iter().map(Server::cpu_micros).sum()
}

/// Appends that the nodes have made since they were started, by their own count.
async fn appended(servers: &[Server]) -> Outcome<f64> {
    let mut appends = 0.0;
    for server in servers {
        let mut connection = Connection::open(server.address).await?;
        let answer = connection.send(&get("/metrics", "text/plain", "identity")).await?;
        let text = String::from_utf8_lossy(answer.body).into_owned();
        let counts = text.lines().filter(|line| {
            line.starts_with("lastseat_dependency_call_seconds_count{")
                && line.contains(r#"dependency="event_log""#)
                && line.contains(r#"call="append""#)
        });
        for count in counts {
            appends += count.rsplit(' ').next().unwrap_or_default().parse::<f64>()?;
        }
    }
    if appends > 0.0 { Ok(appends) } else { Err("the metrics count no appends".into()) }
}
