//! 4,350 tickets, 1,000 buyers, two nodes, and the log's process killed while they buy.

use crate::nodes::Cluster;
use crate::support::books::End;
use crate::support::client::{Answer, Client};
use crate::support::text;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const TICKETS: usize = 4_350;
const BUYERS: usize = 1_000;
/// How long a buyer waits here after a 503.
const LATER: Duration = Duration::from_millis(100);

/// Shared by all buyers.
#[derive(Default)]
struct Counter {
    sold: AtomicUsize,
    turned_away: AtomicUsize,
    /// Latency of each hold and payment that needed no retry.
    holds: Mutex<Vec<Duration>>,
    payments: Mutex<Vec<Duration>>,
}

impl Counter {
    /// Retries under one key until the answer is final.
    async fn ask(
        &self,
        client: &Client,
        path: &str,
        token: Option<&str>,
        key: &str,
        body: &Value,
        times: &Mutex<Vec<Duration>>,
    ) -> Answer {
        loop {
            let started = Instant::now();
            let call = client.post(path).key(key).json(body);
            let call = match token {
                Some(token) => call.bearer(token),
                None => call,
            };
            match call.try_send().await {
                Ok(answer) if ![409, 503].contains(&answer.status) || answer.code() == "seat_unavailable" => {
                    times.lock().push(started.elapsed());
                    return answer;
                }
                // 503: down, busy or outcome unknown. 409: the same request is still in progress.
                _ => {
                    self.turned_away.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(LATER).await;
                }
            }
        }
    }

    /// Buys tickets one by one until none are left.
    async fn buy(&self, client: &Client, buyer: usize) {
        for round in 0.. {
            let wanted = json!({"area": "floor", "quantity": 1});
            let hold =
                self.ask(client, "/v1/shows/big/bookings", None, &format!("h-{buyer}-{round}"), &wanted, &self.holds).await;
            match (hold.status, hold.code().as_str()) {
                (201, _) => {}
                // Sold out, unless a hold ends.
                (410, "sold_out") if self.sold.load(Ordering::Relaxed) >= TICKETS => return,
                (410, "sold_out" | "booking_over") | (409, "seat_unavailable") => {
                    tokio::time::sleep(LATER).await;
                    continue;
                }
                _ => panic!("{hold:?}"),
            }
            let booking = hold.json();
            let path = format!("/v1/bookings/{}/payment", text(&booking, "id"));
            let method = json!({"payment_method": "pm_card_visa"});
            loop {
                let key = format!("p-{buyer}-{round}");
                let paid = self.ask(client, &path, Some(text(&booking, "token")), &key, &method, &self.payments).await;
                match (paid.status, paid.code().as_str()) {
                    (200, _) => {
                        self.sold.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    // The payment continues; the answer comes later.
                    (202, _) => tokio::time::sleep(LATER).await,
                    (410, "booking_over") => break,
                    _ => panic!("{paid:?}"),
                }
            }
        }
    }
}

fn percentile(times: &Mutex<Vec<Duration>>, percent: usize) -> Duration {
    let mut times = times.lock().clone();
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100]
}

async fn sell_everything(with_redis: bool) {
    let Some(mut cluster) = Cluster::start(2, with_redis).await else { return };
    let show = json!({
        "id": "big", "title": "big", "currency": "EUR", "hold_seconds": 120,
        "categories": [{"category": "standing", "price": 3000}],
        "areas": [{"area": "floor", "category": "standing", "capacity": TICKETS}],
    });
    cluster.put_on_sale(&show).await;
    let counter = Arc::new(Counter::default());
    let clients = cluster.clients();
    let started = Instant::now();
    let mut buyers = JoinSet::new();
    for buyer in 0..BUYERS {
        let (client, counter) = (clients[buyer % clients.len()].clone(), counter.clone());
        buyers.spawn(async move { counter.buy(&client, buyer).await });
    }
    while counter.sold.load(Ordering::Relaxed) < TICKETS / 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(started.elapsed() < Duration::from_secs(300), "only {:?} were sold", counter.sold);
    }
    let before = counter.sold.load(Ordering::Relaxed);
    cluster.kill_the_log();
    while let Some(done) =
        tokio::time::timeout(Duration::from_secs(300), buyers.join_next()).await.expect("the sale makes no progress")
    {
        done.unwrap();
    }
    let took = started.elapsed();
    let books = cluster.at_rest(&["big"]).await;
    assert_eq!((books.count(End::Confirmed), books.seats.len()), (TICKETS, TICKETS));
    assert_eq!(books.revenue(), 3000 * i64::try_from(TICKETS).unwrap());
    cluster.assert_nothing_stays_in_redis();
    eprintln!(
        "with Redis: {with_redis}; {TICKETS} sold to {BUYERS} buyers over 2 nodes in {took:.1?}, the log killed after {before}; \
         hold p95 {:.0?}, payment p95 {:.0?}; {} requests came back later",
        percentile(&counter.holds, 95),
        percentile(&counter.payments, 95),
        counter.turned_away.load(Ordering::Relaxed),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ticket_is_sold_once_though_the_log_is_killed() {
    sell_everything(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ticket_is_sold_once_though_the_log_is_killed_with_redis() {
    sell_everything(true).await;
}
