//! The server with Stripe as its gateway. A sandbox that speaks Stripe's API takes its place, over HTTP.

mod compared;
mod operators;
mod repair;
mod sweep;
mod webhooks;

use crate::id;
use crate::support::client::{Answer, Client};
use crate::support::test_server::{GALA, TestServer};
use crate::support::{self, text};
use axum::middleware::Next;
use axum::response::IntoResponse;
use hmac::{Hmac, Mac};
use lastseat::config::Config;
use lastseat::config::service_url::ServiceUrl;
use lastseat_domain::Secret;
use lastseat_domain::ports::Clock;
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_payments_sandbox::stripe::{Options, router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::Sha256;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const KEY: &str = "sk_test_S3cretKey";
const SECRET: &str = "whsec_S3cretHook";

/// A stand-in for Stripe.
struct Stripe {
    sandbox: Arc<SandboxGateway>,
    addr: SocketAddr,
    /// What was requested: method and path.
    requests: Arc<Mutex<Vec<String>>>,
    /// Whether nothing gets through to it.
    silent: Arc<AtomicBool>,
    /// An intent that is listed with a status that nobody knows.
    odd: Arc<Mutex<Option<String>>>,
}

impl Stripe {
    async fn start() -> Self {
        let sandbox = Arc::new(SandboxGateway::in_memory(Arc::new(SystemClock)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let silent = Arc::<AtomicBool>::default();
        let odd = Arc::<Mutex<Option<String>>>::default();
        let (seen, lost, strange) = (Arc::clone(&requests), Arc::clone(&silent), Arc::clone(&odd));
        let note = move |request: axum::extract::Request, next: Next| {
            seen.lock().push(format!("{} {}", request.method(), request.uri().path()));
            let lost = Arc::clone(&lost);
            let odd = strange.lock().clone().filter(|_| request.uri().path() == "/v1/payment_intents");
            async move {
                // A server on the way says something else.
                if lost.load(Ordering::SeqCst) {
                    return http::StatusCode::BAD_GATEWAY.into_response();
                }
                let answer = next.run(request).await;
                if let Some(odd) = odd { with_odd(&odd, answer).await } else { answer }
            }
        };
        let router = router(Arc::clone(&sandbox), Options::default()).layer(axum::middleware::from_fn(note));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { sandbox, addr, requests, silent, odd }
    }

    /// Until an intent was asked for since the start, or the last time.
    async fn is_asked_for(&self, intent: &str) {
        let request = format!("GET /v1/payment_intents/{intent}");
        support::eventually("Stripe is asked", async || {
            let mut requests = self.requests.lock();
            let found = requests.iter().position(|seen| *seen == request)?;
            drop(requests.drain(..=found));
            Some(())
        })
        .await;
    }

    fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    fn config(&self) -> Config {
        Config {
            stripe_key: Secret::new(KEY),
            stripe_url: ServiceUrl::of(&self.url(), &["http://"]),
            stripe_webhook_secret: vec![Secret::new("whsec_old").unwrap(), Secret::new(SECRET).unwrap()],
            // No sweep, unless a test is about it.
            payments_sweep: Duration::from_secs(3600),
            // Nor does the engine look by itself.
            settle: Duration::from_secs(3600),
            ..Config::default()
        }
    }

    /// A server that takes its money here, with the gala on sale.
    async fn server(&self, config: Config) -> TestServer {
        let server = TestServer::open_settling_as_configured(config).await;
        server.put_on_sale(&support::show(GALA, 600, 20)).await;
        server
    }

    /// A booking whose buyer has confirmed with the bank, which nobody has reported to the server.
    async fn confirmed_at_the_bank(&self, server: &TestServer, seat: &str) -> Value {
        let booking = server.hold_seat(seat).await;
        let paid = server.pay(&booking, "pm_card_authenticationRequired").await.ok(202);
        let url = text(&paid["next_action"], "url").to_owned();
        assert!(url.starts_with(&self.url()), "{url}");
        let path = url.strip_prefix(&self.url()).unwrap();
        let answered = Client::new(self.addr).post(path).text("result=complete").send().await;
        assert_eq!(answered.status, 303, "{answered:?}");
        let back = answered.header("location").unwrap();
        assert!(back.contains(&format!("/?booking={}&payment_intent=", text(&booking, "id"))), "{back}");
        assert!(!back.contains(text(&booking, "token")), "the browser has the token, nobody else: {back}");
        assert_eq!(server.booking(&booking).await["status"], "action_required");
        booking
    }
}

/// A list in which one intent has a status that nobody knows.
async fn with_odd(intent: &str, answer: axum::response::Response) -> axum::response::Response {
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let mut page: Value = serde_json::from_slice(&body).unwrap();
    // An intent that was just created is no list.
    for listed in page["data"].as_array_mut().into_iter().flatten().filter(|listed| listed["id"] == intent) {
        listed["status"] = json!("requires_patience");
    }
    axum::Json(page).into_response()
}

fn sign(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at},v1={hex}")
}

/// An event about an intent, as Stripe writes it. Without the booking, the intent has to be asked.
fn event(intent: &str, booking: Option<&Value>, livemode: bool) -> String {
    let metadata = booking.map_or(json!({}), |booking| json!({"lastseat_booking": booking["id"]}));
    let object = json!({"id": intent, "object": "payment_intent", "status": "requires_capture", "metadata": metadata});
    let kind = "payment_intent.amount_capturable_updated";
    json!({"id": "evt_1", "object": "event", "type": kind, "livemode": livemode, "data": {"object": object}}).to_string()
}

async fn deliver(server: &TestServer, signature: &str, body: &str) -> Answer {
    server.client.post("/v1/webhooks/stripe").header("stripe-signature", signature).text(body).send().await
}

async fn counted(server: &TestServer, outcome: &str) -> u64 {
    metric(server, &format!("lastseat_webhooks_total{{outcome=\"{outcome}\"}}")).await
}

async fn metric(server: &TestServer, series: &str) -> u64 {
    let metrics = server.client.get("/metrics").send().await;
    let line = format!("{series} ");
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    text.lines().find_map(|found| found.strip_prefix(&line)).unwrap().parse().unwrap()
}

fn now() -> i64 {
    SystemClock.now().timestamp()
}

fn intent_of(stripe: &Stripe, booking: &Value) -> String {
    stripe.sandbox.intents().iter().find(|record| record.booking == id(booking)).unwrap().id.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_and_a_refund_go_through_stripe() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_card_chargeDeclined").await.problem(402, "payment_declined");
    server.pay(&booking, "pm_card_visa").await.ok(200);
    let record = stripe.sandbox.intents()[0].clone();
    assert_eq!((record.captured, record.kept()), (4500, 4500));
    server.refund(&booking).await.ok(200);
    assert_eq!(stripe.sandbox.intents()[0].kept(), 0);
    server.stop_and_keep().await;
}
