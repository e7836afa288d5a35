//! Events and webhooks.

use super::{Answer, Client};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use lastseat_domain::{Secret, Timestamp};
use lastseat_payments_sandbox::stripe::{Options, WebhookOptions, sign};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// An endpoint that keeps what it gets, and refuses the first few deliveries.
#[derive(Default)]
pub struct Endpoint {
    pub got: Mutex<Vec<(String, Bytes)>>,
    refusals: Mutex<u32>,
}

impl Endpoint {
    pub async fn start(refusals: u32) -> (Arc<Self>, String) {
        let endpoint = Arc::new(Self { refusals: Mutex::new(refusals), ..Self::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&endpoint));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (endpoint, url)
    }

    /// Ids and types, in the order in which they came, once there are so many.
    pub async fn events(&self, count: usize) -> Vec<(String, String)> {
        for _ in 0..400 {
            if self.got.lock().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
        let parse = |(_, body): &(String, Bytes)| serde_json::from_slice(body).unwrap();
        self.got.lock().iter().map(parse).map(|event: Value| (text(&event, "id"), text(&event, "type"))).collect()
    }
}

async fn take(State(endpoint): State<Arc<Endpoint>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut refusals = endpoint.refusals.lock();
    if *refusals > 0 {
        *refusals -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
    endpoint.got.lock().push((signature, body));
    StatusCode::OK
}

fn secret() -> Secret {
    Secret::new("whsec_sandbox").unwrap()
}

async fn telling(url: &str, change: impl FnOnce(&mut WebhookOptions)) -> Client {
    let mut webhooks = WebhookOptions::new(url, secret()).unwrap();
    change(&mut webhooks);
    Client::with(Options { webhooks, ..Options::default() }).await
}

const PAID: [&str; 5] = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.amount_capturable_updated",
    "charge.captured",
    "payment_intent.succeeded",
];

pub fn types(events: &[(String, String)]) -> Vec<&str> {
    events.iter().map(|(_, kind)| kind.as_str()).collect()
}

#[tokio::test]
async fn every_step_is_an_event_that_is_signed() {
    let (endpoint, url) = Endpoint::start(0).await;
    let stripe = telling(&url, |_| ()).await;
    stripe.paid().await;
    let mut kinds = types(&endpoint.events(5).await).iter().map(ToString::to_string).collect::<Vec<_>>();
    kinds.sort();
    let mut expected = PAID.to_vec();
    expected.sort_unstable();
    assert_eq!(kinds, expected);
    for (signature, body) in endpoint.got.lock().iter() {
        let seconds = signature.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
        let at = Timestamp::from_timestamp(seconds, 0).unwrap();
        assert_eq!(*signature, sign(&secret(), body, at));
        assert_ne!(*signature, sign(&Secret::new("another").unwrap(), body, at));
    }
}

#[tokio::test]
async fn events_are_listed_in_order() {
    let stripe = Client::start().await;
    let id = stripe.paid().await;
    stripe.post("/v1/refunds", &[("payment_intent", &id), ("amount", "100")]).await.ok();
    let other = stripe.intent().await;
    stripe.confirm(&other, "pm_card_chargeDeclined").await;
    stripe.confirm(&other, "pm_card_authenticationRequired").await.ok();
    stripe.post(&format!("/v1/payment_intents/{other}/cancel"), &[]).await.ok();
    let list = stripe.get("/v1/events", &[("limit", "100")]).await.ok();
    let kinds: Vec<_> = list["data"].as_array().unwrap().iter().rev().map(|event| event["type"].as_str().unwrap()).collect();
    let more = [
        "refund.created",
        "charge.refunded",
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "payment_intent.canceled",
    ];
    assert_eq!(kinds, [&PAID[..], &more[..]].concat());
    let one = &list["data"][0];
    let shown: Answer = stripe.get(&format!("/v1/events/{}", one["id"].as_str().unwrap()), &[]).await;
    assert_eq!(&shown.ok(), one);
    assert_eq!(one["data"]["object"]["status"], "canceled");
    let some = stripe.get("/v1/events", &[("type", "charge.*")]).await.ok();
    assert_eq!(some["data"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_refused_delivery_is_tried_again() {
    let (endpoint, url) = Endpoint::start(2).await;
    let stripe = telling(&url, |_| ()).await;
    stripe.intent().await;
    assert_eq!(types(&endpoint.events(1).await), ["payment_intent.created"]);
}

#[tokio::test]
async fn deliveries_can_be_lost_or_repeated() {
    let (endpoint, url) = Endpoint::start(0).await;
    let stripe = telling(&url, |webhooks| webhooks.repeat = 1.0).await;
    stripe.intent().await;
    let twice = endpoint.events(2).await;
    assert_eq!((twice.len(), &twice[0]), (2, &twice[1]));

    let (endpoint, url) = Endpoint::start(0).await;
    let stripe = telling(&url, |webhooks| webhooks.loss = 1.0).await;
    stripe.intent().await;
    // Nothing reports a delivery that is never made, so this waits for longer than one takes.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(endpoint.got.lock().is_empty());
}

#[tokio::test]
async fn deliveries_can_be_late_and_overtaken() {
    let (endpoint, url) = Endpoint::start(0).await;
    let stripe = telling(&url, |webhooks| {
        webhooks.delay = Duration::from_millis(100);
        webhooks.reorder = 0.5;
    })
    .await;
    for _ in 0..4 {
        stripe.paid().await;
    }
    let events = endpoint.events(20).await;
    let list = stripe.get("/v1/events", &[("limit", "100")]).await.ok();
    let in_order: Vec<_> = list["data"].as_array().unwrap().iter().rev().map(|event| event["id"].as_str().unwrap()).collect();
    let came: Vec<_> = events.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(came.len(), in_order.len());
    assert_ne!(came, in_order, "nothing was overtaken");
}
