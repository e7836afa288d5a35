//! Two nodes and a proxy without sticky sessions: 500 buyers, and one node killed in the middle.

use crate::deployment::Deployment;
use crate::market::{Market, all_done, show};
use crate::proxy::Proxy;
use crate::support::client::Client;
use crate::support::process::token_with;
use crate::support::sse::Stream;
use crate::support::{PATIENCE, eventually, text};
use crate::{caddy, nginx};
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const BUYERS: usize = 500;
/// Fewer than buyers.
const SEATS: usize = 400;

/// Starts a proxy in front of two nodes; `None` if it is not installed.
type Front = fn([SocketAddr; 2]) -> Option<(Proxy, Client)>;

fn behind_nginx(nodes: [SocketAddr; 2]) -> Option<(Proxy, Client)> {
    let proxy = nginx::start(nginx::program()?, [nodes[0], nodes[1], nodes[0], nodes[1]]);
    let client = Client::new(proxy.addr).at_host("north.tickets.example");
    Some((proxy, client))
}

fn behind_caddy(nodes: [SocketAddr; 2]) -> Option<(Proxy, Client)> {
    let proxy = caddy::start(caddy::program()?, nodes);
    let client = Client::new(proxy.addr).at_host("tickets.example");
    Some((proxy, client))
}

/// Follows a stream until it has shown all seats as booked, over as many connections as that takes. Each seat is
/// shown once. How often the connection was cut.
async fn watch(market: Arc<Market>, mut stream: Stream) -> usize {
    let mut booked = BTreeSet::new();
    let mut cuts = 0;
    while booked.len() < SEATS {
        match stream.next_seat(PATIENCE).await {
            Some(change) if change.name == "seat_booked" => {
                let seat = text(&change.data, "seat").to_owned();
                assert!(booked.insert(seat), "shown twice: {change:?}");
            }
            Some(_) => {}
            None => {
                cuts += 1;
                assert!(cuts < 3, "the stream is cut again and again");
                stream = Stream::open(&market.common, market.show, None, stream.last_id.as_deref()).await;
            }
        }
    }
    cuts
}

async fn a_node_is_killed_during_a_sale(front: Front) {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("token.key");
    let admin = token_with(&key, &dir.path().join("nobody"), "root", "admin");
    let mut deployment = Deployment::start("north", dir.path(), &key).await;
    let Some((_proxy, client)) = front(deployment.addrs()) else { return };
    let gala = show("gala", SEATS);
    client.post("/v1/shows").bearer(&admin).json(&gala).send().await.ok(201);
    deployment.has_show(&gala).await;
    for inside in ["/metrics", "/health/ready", "/health/live"] {
        client.get(inside).send().await.problem(404, "not_here");
    }
    let market = Arc::new(Market::at(client, "gala", SEATS));
    // Each at the node with fewer connections, so one of them at each.
    let (first, second) = (market.unbuffered_stream().await, market.unbuffered_stream().await);
    let watching = [first, second].map(|stream| tokio::spawn(watch(Arc::clone(&market), stream)));

    let started = Instant::now();
    let buyers = market.send(0..BUYERS);
    eventually("a quarter is sold", async || (market.sold() >= SEATS / 4).then_some(())).await;
    deployment.kill_a_node();
    let sold = market.sold();
    // Who reads notices nothing, not even before the proxy has found out.
    for _ in 0..50 {
        market.common.get("/v1/shows/gala/seats").send().await.ok(200);
    }
    all_done(buyers).await;
    let took = started.elapsed();
    let mut cuts = 0;
    for watcher in watching {
        cuts += watcher.await.unwrap();
    }
    market.books_agree(&deployment, BUYERS).await;
    assert_eq!(cuts, 1, "streams that were at the killed node");
    let failed = market.failed.lock();
    eprintln!("a node killed after {sold} of {SEATS} were sold; sold out in {took:.1?}; {} answers of 503", failed.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_sells_on_when_a_node_is_killed() {
    a_node_is_killed_during_a_sale(behind_nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_sells_on_when_a_node_is_killed() {
    a_node_is_killed_during_a_sale(behind_caddy).await;
}

/// A node that reads a request and ends the connection; counts those with a method. It is well, if asked.
fn node_that_dies_over(method: &'static str, count: &Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let count = Arc::clone(count);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let _closed_by_the_proxy = answer_health_only(connection.unwrap(), method, &count);
        }
    });
    addr
}

fn answer_health_only(mut connection: TcpStream, method: &str, count: &AtomicUsize) -> std::io::Result<()> {
    let lines: Vec<_> =
        BufReader::new(connection.try_clone()?).lines().map_while(Result::ok).take_while(|l| !l.is_empty()).collect();
    let request = lines.first().map(String::as_str).unwrap_or_default();
    if request.contains(" /health/live ") {
        return connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    count.fetch_add(usize::from(request.starts_with(method)), Ordering::SeqCst);
    connection.shutdown(std::net::Shutdown::Both)
}

async fn only_reads_are_repeated(front: Front) {
    for (method, code) in [("POST", "outcome_unknown"), ("GET", "unavailable")] {
        let count = Arc::new(AtomicUsize::new(0));
        let nodes = [node_that_dies_over(method, &count), node_that_dies_over(method, &count)];
        let Some((_proxy, client)) = front(nodes) else { return };
        let path = "/v1/shows/gala/bookings";
        let answer = client.call(method, path).key("once").json(&json!({"seats": ["A-1"]})).send().await;
        answer.problem(503, code);
        assert_eq!(answer.header("retry-after"), Some("1"));
        let count = count.load(Ordering::SeqCst);
        assert!(if method == "POST" { count == 1 } else { count >= 2 }, "{method} was sent {count} times");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_repeats_nothing_but_reads() {
    only_reads_are_repeated(behind_nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_repeats_nothing_but_reads() {
    only_reads_are_repeated(behind_caddy).await;
}
