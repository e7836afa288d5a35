//! The server with Stripe as its gateway. A sandbox that speaks Stripe's API takes its place, over HTTP.

use crate::id;
use crate::reconcile::{kinds, payments_with};
use crate::support::client::{Answer, Client};
use crate::support::test_server::{GALA, TestServer};
use crate::support::{self, text};
use axum::middleware::Next;
use axum::response::IntoResponse;
use hmac::{Hmac, Mac};
use lastseat::config::Config;
use lastseat::config::service_url::ServiceUrl;
use lastseat_domain::event::RefundRequested;
use lastseat_domain::ports::{Clock, PaymentGateway};
use lastseat_domain::{Currency, Money, Secret};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_webhook_confirms_and_its_repeats_change_nothing() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    for (seat, names_booking) in [("A-1", true), ("A-2", false)] {
        let booking = stripe.confirmed_at_the_bank(&server, seat).await;
        let body = event(&intent_of(&stripe, &booking), names_booking.then_some(&booking), false);
        for _ in 0..3 {
            deliver(&server, &sign(SECRET, now(), &body), &body).await.ok(200);
        }
        server.wait_for_status(&booking, "confirmed").await;
        let late = deliver(&server, &sign("whsec_old", now() - 290, &body), &body).await;
        assert_eq!(late.status, 200, "the secret that is being replaced, and a signature that is almost too old");
    }
    assert_eq!(counted(&server, "accepted").await, 8);
    assert!(stripe.sandbox.intents().iter().all(|record| record.captured == 4500), "once each");
    server.stop_and_keep().await;
}

/// What is forged says that a booking is paid; nothing follows, although a look would find that it is.
#[tokio::test(flavor = "multi_thread")]
async fn forged_old_and_foreign_webhooks_change_nothing() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let booking = stripe.confirmed_at_the_bank(&server, "A-1").await;
    let body = event(&intent_of(&stripe, &booking), Some(&booking), false);
    let right = sign(SECRET, now(), &body);
    let changed = body.replace("requires_capture", "succeeded");
    for (signature, body) in [
        (sign("whsec_other", now(), &body), &body),
        (sign(SECRET, now() - 301, &body), &body),
        (sign(SECRET, now() + 301, &body), &body),
        (right.clone(), &changed),
        ("t=1".to_owned(), &body),
        (String::new(), &body),
    ] {
        let answer = deliver(&server, &signature, body).await;
        answer.problem(400, "webhook_signature_invalid");
        assert!(!String::from_utf8_lossy(&answer.body).contains("evt_1"), "the body is not repeated");
    }
    server.client.post("/v1/webhooks/stripe").text(&body).send().await.problem(400, "webhook_signature_invalid");
    assert_eq!(counted(&server, "bad_signature").await, 7);

    deliver(&server, &sign(SECRET, now(), "{}"), "{}").await.problem(400, "invalid_json");
    assert_eq!((counted(&server, "bad_signature").await, counted(&server, "unreadable").await), (7, 1));

    let live = event(&intent_of(&stripe, &booking), Some(&booking), true);
    deliver(&server, &sign(SECRET, now(), &live), &live).await.ok(200);
    assert_eq!(counted(&server, "other_mode").await, 1);
    let unknown = event("pi_unknown", None, false);
    deliver(&server, &sign(SECRET, now(), &unknown), &unknown).await.ok(200);
    let nobodys = event("pi_unknown", Some(&json!({"id": "11112222-3333-4444-8555-666677770001"})), false);
    deliver(&server, &sign(SECRET, now(), &nobodys), &nobodys).await.ok(200);
    stripe.is_asked_for("pi_unknown").await;
    assert_eq!(server.booking(&booking).await["status"], "action_required");

    let huge = " ".repeat((256 << 10) + 1);
    deliver(&server, &sign(SECRET, now(), &huge), &huge).await.problem(413, "body_too_large");
    server.stop_and_keep().await;
}

/// A webhook that claims a payment which Stripe does not have: the look says so.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_signed_webhook_claims_is_not_believed() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_card_authenticationRequired").await.ok(202);
    let intent = intent_of(&stripe, &booking);
    let body = event(&intent, Some(&booking), false);
    stripe.requests.lock().clear();
    deliver(&server, &sign(SECRET, now(), &body), &body).await.ok(200);
    stripe.is_asked_for(&intent).await;
    assert_eq!(server.booking(&booking).await["status"], "action_required");
    server.stop_and_keep().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_stripe_or_a_secret_there_is_nothing_at_the_address() {
    let server = TestServer::open(600).await;
    deliver(&server, "t=1,v1=00", "{}").await.problem(404, "unknown_route");
    server.stop_and_keep().await;
    let stripe = Stripe::start().await;
    let server = stripe.server(Config { stripe_webhook_secret: vec![], ..stripe.config() }).await;
    deliver(&server, "t=1,v1=00", "{}").await.problem(404, "unknown_route");
    // Nor is there a bank to simulate.
    server
        .client
        .post("/v1/sandbox/intents/pi_1/authenticate")
        .json(&json!({"outcome": "succeeded"}))
        .send()
        .await
        .problem(404, "unknown_route");
    server.stop_and_keep().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_finds_a_payment_that_no_webhook_reported() {
    let stripe = Stripe::start().await;
    let server = stripe.server(Config { payments_sweep: Duration::from_secs(1), ..stripe.config() }).await;
    let booking = stripe.confirmed_at_the_bank(&server, "A-1").await;
    server.wait_for_status(&booking, "confirmed").await;
    server.stop_and_keep().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_that_stripe_can_not_charge_are_refused_when_a_show_is_scheduled() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let mut show = support::show("cheap", 600, 20);
    show["categories"][1]["price"] = json!(49);
    let refused = server.client.post("/v1/shows").bearer(&server.admin()).json(&show).send().await;
    let problem = refused.problem(422, "invalid_show");
    assert!(text(&problem, "detail").contains("Stripe charges at least 0.50 EUR"), "{problem}");
    show["categories"][1]["price"] = json!(0);
    server.put_on_sale(&show).await;
    server.stop_and_keep().await;

    let sandbox = TestServer::open(600).await;
    show["categories"][1]["price"] = json!(1);
    sandbox.put_on_sale(&show).await;
    sandbox.stop_and_keep().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_is_compared_with_the_log_while_the_server_runs() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let (kept, returned) = (server.hold_seat("A-1").await, server.hold_seat("A-2").await);
    for booking in [&kept, &returned] {
        server.pay(booking, "pm_card_visa").await.ok(200);
    }
    let environment = [("LASTSEAT_STRIPE_KEY", KEY.to_owned()), ("LASTSEAT_STRIPE_URL", stripe.url())];
    let run = |arguments: &[&str]| payments_with(server.data(), arguments, &environment);
    let (code, lines) = run(&["reconcile", "--json"]);
    assert_eq!((code, kinds(&lines)), (0, vec![]), "{lines:#?}");
    assert!(text(&lines[0], "gateway").contains("test mode") && !lines[0].to_string().contains("S3cret"), "{lines:#?}");

    // By hand, in Stripe's dashboard.
    let record = stripe.sandbox.intents().iter().find(|record| record.booking == id(&returned)).unwrap().clone();
    let amount = Money { value: 4500, currency: Currency::new("EUR").unwrap() };
    stripe.sandbox.refund(&record.id, record.booking, 9, amount).await.unwrap();
    let found = |outcome: &str| vec![("returned_by_hand".to_owned(), outcome.to_owned())];
    let (code, lines) = run(&["reconcile", "--json"]);
    assert_eq!((code, kinds(&lines)), (1, found("not_asked")), "{lines:#?}");
    let url = format!("http://{}", server.running().addr);
    let (code, lines) = run(&["reconcile", "--json", "--apply", "--url", &url]);
    assert_eq!((code, kinds(&lines)), (0, found("done")), "{lines:#?}");
    server.wait_for_status(&returned, "refunded").await;
    let (code, lines) = run(&["reconcile", "--json"]);
    assert_eq!((code, kinds(&lines)), (0, vec![]), "{lines:#?}");
    let (code, lines) = run(&["show", text(&returned, "id"), "--json"]);
    assert_eq!(code, 0, "{lines:#?}");
    server.stop_and_keep().await;
}

/// Stripe adds a status one day. The payment that has it must neither hide the others nor go unseen, nor be taken for
/// one that Stripe does not have.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_can_not_be_understood_is_named_and_the_others_are_compared() {
    let stripe = Stripe::start().await;
    let server = stripe.server(Config { payments_sweep: Duration::from_secs(1), ..stripe.config() }).await;
    let seats = ["A-1", "A-2", "B-1"];
    let mut bookings = Vec::new();
    for seat in seats {
        let booking = server.hold_seat(seat).await;
        server.pay(&booking, "pm_card_visa").await.ok(200);
        bookings.push(booking);
    }
    let odd = intent_of(&stripe, &bookings[1]);
    *stripe.odd.lock() = Some(odd.clone());
    let environment = [("LASTSEAT_STRIPE_KEY", KEY.to_owned()), ("LASTSEAT_STRIPE_URL", stripe.url())];
    let run = |arguments: &[&str]| payments_with(server.data(), arguments, &environment);
    let (code, lines) = run(&["reconcile", "--json"]);
    assert_eq!((code, kinds(&lines)), (3, vec![]), "nothing is wrong, and not all is known: {lines:#?}");
    assert_eq!((&lines[0]["unreadable"], &lines[0]["booking"]), (&json!(odd), &bookings[1]["id"]), "{lines:#?}");
    assert!(text(&lines[0], "why").contains("requires_patience"), "{lines:#?}");
    let summary = lines.last().unwrap();
    let counted = (&summary["payments"], &summary["unreadable"], &summary["clean"]);
    assert_eq!(counted, (&json!(2), &json!(1), &json!(false)));
    assert_eq!(run(&["show", text(&bookings[1], "id"), "--json"]).0, 3);
    assert_eq!(run(&["show", text(&bookings[0], "id"), "--json"]).0, 0);

    // What is wrong beside it is found, and repaired as ever; the odd one is never touched.
    let record = stripe.sandbox.intents().iter().find(|record| record.booking == id(&bookings[2])).unwrap().clone();
    let amount = Money { value: 4500, currency: Currency::new("EUR").unwrap() };
    stripe.sandbox.refund(&record.id, record.booking, 9, amount).await.unwrap();
    let (code, lines) = run(&["reconcile", "--json"]);
    assert_eq!((code, kinds(&lines).len()), (1, 1), "{lines:#?}");
    let url = format!("http://{}", server.running().addr);
    let (code, lines) = run(&["reconcile", "--json", "--apply", "--url", &url]);
    assert_eq!((code, kinds(&lines).len()), (3, 1), "{lines:#?}");
    let kept = |booking: &Value| stripe.sandbox.intents().iter().find(|record| record.booking == id(booking)).unwrap().kept();
    assert_eq!((kept(&bookings[0]), kept(&bookings[1])), (4500, 4500));

    // The sweep goes on, too: it finds what no webhook reported, and counts the odd one.
    let booking = stripe.confirmed_at_the_bank(&server, "B-2").await;
    server.wait_for_status(&booking, "confirmed").await;
    assert_eq!(metric(&server, "lastseat_payments_sweep_unreadable").await, 1);
    server.stop_and_keep().await;
}

/// A refund fails days later, and its webhook has no metadata.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_fails_later_is_counted() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_card_visa").await.ok(200);
    server.refund(&booking).await.ok(200);
    let intent = intent_of(&stripe, &booking);
    for (kind, status) in [("refund.failed", "failed"), ("charge.refund.updated", "failed"), ("refund.updated", "succeeded")] {
        let object = json!({"id": "re_1", "object": "refund", "payment_intent": intent, "status": status, "metadata": {}});
        let event = json!({"id": "evt_1", "object": "event", "type": kind, "livemode": false, "data": {"object": object}});
        let body = event.to_string();
        deliver(&server, &sign(SECRET, now(), &body), &body).await.ok(200);
    }
    support::eventually("both are counted", async || (metric(&server, "lastseat_refunds_failed_total").await == 2).then_some(()))
        .await;
    server.stop_and_keep().await;
}

/// No webhook comes: neither of the dispute nor of money that was returned by hand.
#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_reports_what_a_lost_webhook_would_have_said() {
    let stripe = Stripe::start().await;
    let server = stripe.server(Config { payments_sweep: Duration::from_secs(1), ..stripe.config() }).await;
    let wrong = async |count| {
        let counted = async || (metric(&server, "lastseat_payments_sweep_wrong_total").await == count).then_some(());
        support::eventually(&format!("{count} reported"), counted).await;
    };
    let [disputed, returned, fine] = [("A-1", "pm_card_createDispute"), ("A-2", "pm_card_visa"), ("B-1", "pm_card_visa")];
    for (seat, method) in [disputed, fine] {
        server.pay(&server.hold_seat(seat).await, method).await.ok(200);
    }
    wrong(1).await;
    let booking = server.hold_seat(returned.0).await;
    server.pay(&booking, returned.1).await.ok(200);
    let intent = stripe.sandbox.intents().iter().find(|record| record.booking == id(&booking)).unwrap().id.clone();
    let amount = Money { value: 4500, currency: Currency::new("EUR").unwrap() };
    stripe.sandbox.refund(&intent, id(&booking), 9, amount).await.unwrap();
    wrong(2).await;
    let passes = "lastseat_payments_sweep_passes_total{outcome=\"done\"}";
    let before = metric(&server, passes).await;
    support::eventually("more passes", async || (metric(&server, passes).await > before + 1).then_some(())).await;
    wrong(2).await;
    server.stop_and_keep().await;
}

/// The charge stays disputed at Stripe for ever. Stripe refuses a refund of it, so a person says where the money is.
#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_that_is_lost_is_wrong_until_its_booking_is_over() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_card_createDispute").await.ok(200);
    let environment = [("LASTSEAT_STRIPE_KEY", KEY.to_owned()), ("LASTSEAT_STRIPE_URL", stripe.url())];
    let reconcile = || payments_with(server.data(), &["reconcile", "--json"], &environment);
    let (code, lines) = reconcile();
    assert_eq!((code, kinds(&lines)), (1, vec![("disputed".to_owned(), "not_asked".to_owned())]), "{lines:#?}");
    let client = Client::new(stripe.addr);
    let disputes = client.get("/v1/disputes").bearer(KEY).send().await.ok(200);
    let close = format!("/v1/disputes/{}/close", text(&disputes["data"][0], "id"));
    client.post(&close).bearer(KEY).text("").send().await.ok(200);
    let (code, lines) = reconcile();
    assert_eq!((code, kinds(&lines)), (1, vec![("dispute_lost".to_owned(), "not_asked".to_owned())]), "{lines:#?}");
    crate::append(&server, id(&booking), RefundRequested { booking: id(&booking), by: "root".into() }.into()).await;
    crate::flag(&server, id(&booking), "the gateway refuses to refund: charge_disputed").await;
    let (code, lines) = reconcile();
    assert_eq!((code, kinds(&lines)), (1, vec![("dispute_lost".to_owned(), "not_asked".to_owned())]), "{lines:#?}");
    let path = format!("/v1/bookings/{}/review", text(&booking, "id"));
    let body = json!({"outcome": "returned_elsewhere", "reason": "dispute lost"});
    server.client.post(&path).bearer(&server.admin()).json(&body).send().await.ok(200);
    server.wait_until_free("A-1").await;
    let (code, lines) = reconcile();
    assert_eq!((code, kinds(&lines)), (0, vec![]), "{lines:#?}");
    let data = server.data().to_owned();
    let dir = server.stop_and_keep().await;
    let (code, out) = crate::reconcile::run_with(&data, &["verify"], &environment);
    assert_eq!(code, 0, "{out}");
    drop(dir);
}

/// What the server left unfinished is sent again by a repair as it was: with the same page to come back to, or Stripe
/// would refuse the key.
#[tokio::test(flavor = "multi_thread")]
async fn a_repair_sends_a_payment_again_with_the_page_that_buyers_come_back_to() {
    let stripe = Stripe::start().await;
    let page = "https://tickets.example.org".to_owned();
    let server = stripe.server(Config { public_url: Some(page.clone()), ..stripe.config() }).await;
    let booking = server.hold_seat("A-1").await;
    // The intent is there, and what becomes of the attempt is not known.
    server.pay(&booking, "pm_card_chargeDeclined").await.problem(402, "payment_declined");
    stripe.silent.store(true, Ordering::SeqCst);
    server.pay(&booking, "pm_card_visa").await.ok(202);
    stripe.silent.store(false, Ordering::SeqCst);
    let data = server.data().to_owned();
    let dir = server.stop_and_keep().await;
    // Something that a repair is opened for.
    let other: lastseat_domain::BookingId = "11112222-3333-4444-8555-666677770001".parse().unwrap();
    let amount = Money { value: 700, currency: Currency::new("EUR").unwrap() };
    let reserved = stripe.sandbox.create(&lastseat_testkit::payments::order(other, amount)).await.unwrap();
    stripe.sandbox.confirm(&reserved.id, other, 1, "pm_card_visa").await.unwrap();
    let environment =
        [("LASTSEAT_STRIPE_KEY", KEY.to_owned()), ("LASTSEAT_STRIPE_URL", stripe.url()), ("LASTSEAT_PUBLIC_URL", page.clone())];
    payments_with(&data, &["reconcile", "--json", "--apply", "--unknown-bookings"], &environment);
    let (code, shown) = payments_with(&data, &["show", text(&booking, "id"), "--json"], &environment);
    assert_eq!((code, &shown[0]["status"]), (0, &"confirmed".into()), "{shown:#?}");
    let record = stripe.sandbox.intents().iter().find(|record| record.booking == id(&booking)).unwrap().clone();
    assert_eq!((record.kept(), record.details.return_url.clone()), (4500, Some(format!("{page}/?booking={}", id(&booking)))));
    drop(dir);
}

/// `lastseat doctor` beside a running node, and without one.
#[tokio::test(flavor = "multi_thread")]
async fn doctor_tries_the_key_and_the_secrets() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let doctor = |listen: SocketAddr, secrets: &str| {
        let environment = [
            ("LASTSEAT_STRIPE_KEY", KEY.to_owned()),
            ("LASTSEAT_STRIPE_URL", stripe.url()),
            ("LASTSEAT_STRIPE_WEBHOOK_SECRET", secrets.to_owned()),
            ("LASTSEAT_LISTEN", listen.to_string()),
        ];
        let found = crate::reconcile::run_with(server.data(), &["doctor", "--json"], &environment).1;
        assert!(!found.contains("S3cret"), "{found}");
        let found: Value = serde_json::from_str(&found).unwrap();
        let of = |subject: &str| {
            let findings = found["findings"].as_array().unwrap().iter().filter(|finding| finding["of"] == subject);
            findings.map(|finding| format!("{}: {}", text(finding, "mark"), text(finding, "text"))).collect::<Vec<_>>()
        };
        (of("payments"), of("webhooks"))
    };
    let node = server.running().addr;
    let (payments, webhooks) = doctor(node, &format!("{SECRET},whsec_unknown"));
    let elsewhere = format!("warning: at {}, which is not Stripe: not for production money", stripe.url());
    assert_eq!(payments, [elsewhere.as_str(), "well: Stripe accepts the key (test mode: no real money)"]);
    assert!(webhooks[0].starts_with("well: ") && webhooks[0].ends_with("takes what is signed with secret 1"), "{webhooks:?}");
    assert!(webhooks[1].starts_with("warning: ") && webhooks[1].contains("refuses secret 2"), "{webhooks:?}");
    // A port that nobody listens on.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_, webhooks) = doctor(closed, SECRET);
    assert!(webhooks[0].starts_with("well: secret 1 is set; no node answers"), "{webhooks:?}");
    let (_, webhooks) = doctor(closed, "");
    assert!(webhooks[0].starts_with("warning: stripe_webhook_secret is not set"), "{webhooks:?}");
    server.stop_and_keep().await;
}

/// The real binary, at its most talkative, with a payment, a refused webhook and a key in its environment.
#[tokio::test(flavor = "multi_thread")]
async fn neither_keys_nor_client_secrets_nor_bodies_are_in_the_log() {
    let stripe = Stripe::start().await;
    let dir = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let node = listener.local_addr().unwrap();
    drop(listener);
    let mut server = std::process::Command::new(env!("CARGO_BIN_EXE_lastseat"))
        .args(["serve", "--log-level", "trace", "--listen", &node.to_string()])
        .env_clear()
        .env("LASTSEAT_STRIPE_KEY", KEY)
        .env("LASTSEAT_STRIPE_URL", stripe.url())
        .env("LASTSEAT_STRIPE_WEBHOOK_SECRET", SECRET)
        .current_dir(dir.path())
        .stdin(std::process::Stdio::null())
        .stdout(std::fs::File::create(dir.path().join("out")).unwrap())
        .stderr(std::fs::File::create(dir.path().join("err")).unwrap())
        .spawn()
        .unwrap();
    let client = Client::new(node);
    support::eventually("the server is ready", async || {
        client.get("/health/ready").try_send().await.ok().filter(|answer| answer.status == 200)
    })
    .await;
    let held = client.post("/v1/shows/demo/bookings").json(&json!({"seats": ["A-1"]})).send().await.ok(201);
    let pay = client.post(&format!("/v1/bookings/{}/payment", text(&held, "id"))).bearer(text(&held, "token"));
    pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);
    let body = event("pi_fromTheBody", None, false);
    for signature in [sign("whsec_other", now(), &body), "S3cretSignature".to_owned()] {
        let forged = client.post("/v1/webhooks/stripe").header("stripe-signature", &signature).text(&body);
        forged.send().await.problem(400, "webhook_signature_invalid");
    }
    server.kill().unwrap();
    server.wait().unwrap();
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let (out, err) = (read("out"), read("err"));
    assert!(out.contains("Stripe  test mode") && err.len() > 1000, "it was talkative: {out} {err}");
    let client_secret = stripe.sandbox.intents()[0].client_secret();
    for hidden in ["S3cret", "pi_fromTheBody", &client_secret] {
        let line = out.lines().chain(err.lines()).find(|line| line.contains(hidden));
        assert_eq!(line, None, "{hidden} is shown");
    }
}
