//! Buyers of one show, who find everything from the common host.

use crate::deployment::{COMMON, Deployment, Deployments};
use crate::support::client::{Answer, Client};
use crate::support::text;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a buyer waits after an answer that is not final.
const LATER: Duration = Duration::from_millis(200);

/// The sale of a show.
pub struct Market {
    pub show: &'static str,
    pub common: Client,
    /// Its deployment's own host.
    pub own: Client,
    host: String,
    /// Buyers who have paid, and buyers who were too late.
    pub sold: AtomicUsize,
    pub refused: AtomicUsize,
    /// Answers that a buyer should not see: 503s, one line each.
    pub failed: Mutex<Vec<String>>,
}

impl Market {
    pub fn new(all: &Deployments, deployment: &Deployment, show: &'static str) -> Self {
        let host = deployment.host();
        Self {
            show,
            common: all.client(COMMON),
            own: all.client(&host),
            host,
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
        assert_eq!(at, format!("http://{}/v1/bookings/{}", self.host, text(&booking, "id")));
        let path = format!("/v1/bookings/{}/payment", text(&booking, "id"));
        let method = json!({"payment_method": "pm_card_visa"});
        let paid = self.ask(&self.own, &path, Some(text(&booking, "token")), &format!("p-{buyer}"), &method).await;
        assert_eq!((paid.status, text(&paid.json(), "status")), (200, "confirmed"));
        self.sold.fetch_add(1, Ordering::Relaxed);
    }
}
