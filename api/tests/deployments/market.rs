//! Buyers of one show, who find everything from one address.

use crate::deployment::{COMMON, Deployment, Deployments};
use crate::support::books::End;
use crate::support::client::{Answer, Client};
use crate::support::sse::Stream;
use crate::support::{PATIENCE, text};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// How long a buyer waits after an answer that is not final.
const LATER: Duration = Duration::from_millis(200);

const ROWS: usize = 10;

/// A show of so many seats for a sale, a multiple of ten, and of one more.
pub fn show(id: &str, seats: usize) -> Value {
    let mut rows: Vec<_> = (0..ROWS).map(|row| json!({"row": format!("R{row}"), "seats": seats / ROWS})).collect();
    // With this seat the stream is tried before the sale.
    rows.push(json!({"row": "first", "seats": 1}));
    json!({
        "id": id, "title": id, "currency": "EUR", "hold_seconds": 600,
        "categories": [{"category": "stalls", "price": 4500}],
        "areas": [{"area": "hall", "category": "stalls", "rows": rows}],
    })
}

/// The sale of a show.
pub struct Market {
    pub show: &'static str,
    pub seats: usize,
    pub common: Client,
    /// Its deployment's own host.
    pub own: Client,
    /// What a hold's `Location` begins with.
    location_base: String,
    /// Buyers who have paid, and buyers who were too late.
    pub sold: AtomicUsize,
    pub refused: AtomicUsize,
    /// Answers that a buyer should not see: 503s, one line each.
    pub failed: Mutex<Vec<String>>,
}

impl Market {
    /// Of one of several deployments: found through the common host.
    pub fn new(all: &Deployments, deployment: &Deployment, show: &'static str, seats: usize) -> Self {
        let host = deployment.host();
        let market = Self::at(all.client(&host), show, seats);
        Self { common: all.client(COMMON), location_base: format!("http://{host}"), ..market }
    }

    /// At the one address that there is.
    pub fn at(client: Client, show: &'static str, seats: usize) -> Self {
        Self {
            show,
            seats,
            common: client.clone(),
            own: client,
            location_base: String::new(),
            sold: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            failed: Mutex::default(),
        }
    }

    pub fn sold(&self) -> usize {
        self.sold.load(Ordering::Relaxed)
    }

    /// The same request under one key until the answer is final. There is an answer each time, and a 503 says
    /// when to come back.
    async fn ask(&self, client: &Client, path: &str, token: Option<&str>, key: &str, body: &Value) -> Answer {
        loop {
            let call = client.post(path).key(key).json(body);
            let answer = match token {
                Some(token) => call.bearer(token).send().await,
                None => call.send().await,
            };
            match (answer.status, answer.code().as_str()) {
                (503, "unavailable" | "outcome_unknown" | "busy") => {
                    assert!(answer.header("retry-after").is_some(), "{answer:?}");
                    self.failed.lock().push(format!("{path}: {answer:?}"));
                }
                // An earlier try is still in progress.
                (202, _) | (409, "idempotency_in_flight" | "payment_in_progress") => {}
                (200 | 201, _) | (409, "seat_unavailable") => return answer,
                _ => panic!("{path}: {answer:?}"),
            }
            tokio::time::sleep(LATER).await;
        }
    }

    /// Holds a seat through the common host and pays for it where the answer's `Location` says.
    pub async fn buy(&self, buyer: usize, seat: &str) {
        let path = format!("/v1/shows/{}/bookings", self.show);
        let hold = self.ask(&self.common, &path, None, &format!("h-{buyer}"), &json!({"seats": [seat]})).await;
        if hold.status == 409 {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let booking = hold.json();
        let at = hold.header("location").unwrap();
        assert_eq!(at, format!("{}/v1/bookings/{}", self.location_base, text(&booking, "id")));
        let path = format!("/v1/bookings/{}/payment", text(&booking, "id"));
        let method = json!({"payment_method": "pm_card_visa"});
        let paid = self.ask(&self.own, &path, Some(text(&booking, "token")), &format!("p-{buyer}"), &method).await;
        assert_eq!((paid.status, text(&paid.json(), "status")), (200, "confirmed"));
        self.sold.fetch_add(1, Ordering::Relaxed);
    }

    /// Opens a seat stream through the common host, and sees one hold and its end arrive while it is open.
    pub async fn unbuffered_stream(&self) -> Stream {
        let opened = Stream::open(&self.common, self.show, None, None);
        let mut stream = tokio::time::timeout(PATIENCE, opened).await.expect("the proxy keeps the stream to itself");
        let path = format!("/v1/shows/{}/bookings", self.show);
        let booking = self.common.post(&path).json(&json!({"seats": ["first-1"]})).send().await.ok(201);
        let change = stream.next_seat(PATIENCE).await.expect("the stream shows the hold");
        assert_eq!((change.name.as_str(), text(&change.data, "seat")), ("seat_locked", "first-1"));
        self.cancel(&booking).await;
        assert_eq!(stream.next_seat(PATIENCE).await.unwrap().name, "seat_released");
        stream
    }

    pub async fn cancel(&self, booking: &Value) {
        let call = self.own.delete(&format!("/v1/bookings/{}", text(booking, "id")));
        call.bearer(text(booking, "token")).send().await.ok(200);
    }

    /// Sends buyers.
    pub fn send(self: &Arc<Self>, numbers: Range<usize>) -> JoinSet<()> {
        let mut buyers = JoinSet::new();
        for buyer in numbers {
            let market = Arc::clone(self);
            buyers.spawn(async move {
                let seat = buyer % market.seats;
                market.buy(buyer, &format!("R{}-{}", seat % ROWS, seat / ROWS + 1)).await;
            });
        }
        buyers
    }

    /// The log has exactly the sales that were answered, and each seat once.
    pub async fn books_agree(&self, deployment: &Deployment, buyers: usize) {
        let books = deployment.at_rest(self.show).await;
        let (sold, refused) = (self.sold(), self.refused.load(Ordering::Relaxed));
        assert_eq!((books.count(End::Confirmed), books.seats.len(), sold + refused), (sold, sold, buyers));
        assert_eq!(sold, self.seats, "{}: somebody wanted each seat until it was sold", self.show);
    }
}

/// Waits until every buyer has a final answer.
pub async fn all_done(mut buyers: JoinSet<()>) {
    while let Some(done) = tokio::time::timeout(PATIENCE, buyers.join_next()).await.expect("the sale makes no progress") {
        done.unwrap();
    }
}
