//! 256 buyers at two nodes with Redis, while the log's server falls silent for two seconds at a time and ends subscriptions:
//! silence is waited out. Only a new hold may be asked to come back, before anything was done for it.

use crate::nodes::Cluster;
use crate::support::client::{Answer, Client};
use crate::support::process::LogServer;
use crate::support::{PATIENCE, text};
use lastseat_domain::ports::EventLog;
use lastseat_event_log_eventstore::{EventStoreLog, Options};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

pub const BUYERS: usize = 256;
const DISTURBANCES: [&str; 8] = [
    "--disturb-live-buffer",
    "32",
    "--disturb-stall-ms",
    "2000",
    "--disturb-stall-every-ms",
    "5000",
    "--disturb-stall-after-ms",
    "5000",
];
/// Times of silence that the load lasts for.
const SILENCES: usize = 3;
/// A probe without an answer for so long means that the server is silent, and not only busy.
const SILENT: Duration = Duration::from_secs(1);
/// Begins the keys of holds.
const HOLD: &str = "hold-";
/// How long a buyer waits after a 503.
const LATER: Duration = Duration::from_millis(100);

/// Shared by all buyers.
#[derive(Default)]
pub struct Load {
    pub stop: AtomicBool,
    pub sold: AtomicUsize,
    /// Holds whose place was lost to the other node.
    pub beaten: AtomicUsize,
    /// Answers 503: to which request, and how it explained itself.
    refusals: Mutex<Vec<(String, String)>>,
}

impl Load {
    /// Repeats a request under its key until the answer is no 503 and no "still in progress".
    async fn ask(&self, client: &Client, path: &str, token: Option<&str>, key: &str, body: &Value) -> Answer {
        loop {
            let call = client.post(path).key(key).json(body);
            let call = match token {
                Some(token) => call.bearer(token),
                None => call,
            };
            let answer = call.send().await;
            match answer.status {
                503 => self.refusals.lock().push((key.to_owned(), answer.code())),
                202 => {}
                409 if answer.code() != "seat_unavailable" => {}
                _ => return answer,
            }
            tokio::time::sleep(LATER).await;
        }
    }

    /// Buys ticket after ticket.
    pub async fn buy(&self, client: &Client, buyer: usize) {
        for round in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let (key, place) = (format!("{HOLD}{buyer}-{round}"), json!({"area": "floor", "quantity": 1}));
            let hold = self.ask(client, "/v1/shows/big/bookings", None, &key, &place).await;
            // Both nodes chose the same place, and the other one was first.
            if [(409, "seat_unavailable"), (410, "booking_over")].contains(&(hold.status, hold.code().as_str())) {
                self.beaten.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let booking = hold.ok(201);
            let (path, method) =
                (format!("/v1/bookings/{}/payment", text(&booking, "id")), json!({"payment_method": "pm_card_visa"}));
            self.ask(client, &path, Some(text(&booking, "token")), &format!("pay-{buyer}-{round}"), &method).await.ok(200);
            self.sold.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Asks the server again and again, and until it has been silent often enough.
    async fn watch(&self, log_server: &LogServer) {
        let log = EventStoreLog::open(&log_server.eventstore, Options::default()).unwrap();
        let mut silences = 0;
        while silences < SILENCES {
            let sent = Instant::now();
            let _either_way = log.head().await;
            if sent.elapsed() > SILENT {
                silences += 1;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A show with more places than are sold.
pub fn standing_room() -> Value {
    json!({
        "id": "big", "title": "big", "currency": "EUR", "hold_seconds": 120,
        "categories": [{"category": "standing", "price": 3000}],
        "areas": [{"area": "floor", "category": "standing", "capacity": 20_000}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_seconds_of_silence_again_and_again_refuse_no_payment_and_open_no_circuit() {
    let Some(cluster) = Cluster::start_disturbed(2, true, &DISTURBANCES).await else { return };
    cluster.put_on_sale(&standing_room()).await;
    let (load, clients) = (Arc::new(Load::default()), cluster.clients());
    let mut buyers = JoinSet::new();
    for buyer in 0..BUYERS {
        let (client, load) = (clients[buyer % clients.len()].clone(), load.clone());
        buyers.spawn(async move { load.buy(&client, buyer).await });
    }
    let watched = load.watch(cluster.log_server.as_ref().unwrap());
    tokio::time::timeout(PATIENCE, watched).await.expect("the server stalls");
    tokio::time::timeout(PATIENCE, buyers.join_all()).await.expect("every buyer gets an answer");

    let sold = load.sold.load(Ordering::Relaxed);
    let refusals = load.refusals.lock().clone();
    let cuts = cluster.metric("lastseat_slow_subscriptions_total").await;
    eprintln!("{sold} sold, {:?} beaten, {} new holds too many; {cuts} cuts", load.beaten, refusals.len());
    // On a slow machine what waited may take longer than a new hold waits.
    let wrong: Vec<_> = refusals.iter().filter(|(key, code)| !key.starts_with(HOLD) || code != "busy").collect();
    assert!(wrong.is_empty(), "{:#?}", &wrong[..wrong.len().min(5)]);
    assert_eq!(cluster.metric("lastseat_log_suspensions_total").await, 0);
    assert!(cuts > 0 && sold > BUYERS, "{cuts} cuts, {sold} sold");
    let books = cluster.at_rest(&["big"]).await;
    assert_eq!(books.seats.len(), sold);
    cluster.assert_nothing_stays_in_redis();
}
