//! The shop's endpoints receive what happens: signed, in order for each booking, also when an endpoint is down for a while, a
//! server stops, or the node that sends is killed.

use crate::calm::standing_room;
use crate::nodes::Cluster;
use crate::support::client::Client;
use crate::support::process::{Server, token, verify};
use crate::support::{eventually, text};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use lastseat_shop_webhooks::Signer;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use tokio::net::TcpListener;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A message as an endpoint got it.
#[derive(Debug, Clone)]
struct Got {
    id: String,
    kind: String,
    data: Value,
    body: Bytes,
}

#[derive(Default)]
struct Shop {
    got: Mutex<Vec<Got>>,
    /// What it answers; 200 if there is nothing.
    answers: Mutex<Option<StatusCode>>,
}

impl Shop {
    /// Serves until the test ends. Every message has to have the right signature.
    async fn open() -> (Arc<Self>, String) {
        let shop = Arc::<Self>::default();
        let router = Router::new().route("/hooks", post(take)).with_state(Arc::clone(&shop));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        (shop, url)
    }

    fn answer(&self, status: Option<StatusCode>) {
        *self.answers.lock() = status;
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().clone()
    }

    async fn has(&self, kind: &str, times: usize) -> Vec<Got> {
        eventually(&format!("{times} messages {kind}"), async || {
            let got = self.got();
            (got.iter().filter(|got| got.kind == kind).count() >= times).then_some(got)
        })
        .await
    }
}

async fn take(State(shop): State<Arc<Shop>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (id, seconds) = (header("webhook-id"), header("webhook-timestamp").parse().unwrap());
    let signature = Signer::new([SECRET]).unwrap().sign(&id, seconds, std::str::from_utf8(&body).unwrap());
    if !header("webhook-signature").split(' ').any(|one| one == signature) {
        return StatusCode::UNAUTHORIZED;
    }
    if let Some(status) = *shop.answers.lock() {
        return status;
    }
    let message: Value = serde_json::from_slice(&body).unwrap();
    let (kind, data) = (message["type"].as_str().unwrap().to_owned(), message["data"].clone());
    shop.got.lock().push(Got { id, kind, data, body });
    StatusCode::NO_CONTENT
}

fn flags(endpoints: &[(&str, &str)]) -> Vec<String> {
    let of = |(name, url): &(&str, &str)| {
        let (endpoint, secret) = (format!("{name}={url}"), format!("{name}={SECRET}"));
        ["--webhook-endpoints".to_owned(), endpoint, "--webhook-endpoint-secrets".to_owned(), secret]
    };
    endpoints.iter().flat_map(of).collect()
}

async fn hold(client: &Client, reference: &str) -> (String, String) {
    let body = json!({"area": "floor", "quantity": 1, "reference": reference, "metadata": {"cart": reference}});
    let held = client.post("/v1/shows/big/bookings").json(&body).send().await.ok(201);
    (text(&held, "id").to_owned(), text(&held, "token").to_owned())
}

async fn buy(client: &Client, reference: &str) -> String {
    let (id, token) = hold(client, reference).await;
    let pay = json!({"payment_method": "pm_card_visa"});
    client.post(&format!("/v1/bookings/{id}/payment")).bearer(&token).json(&pay).send().await.ok(200);
    id
}

/// For each booking, its messages came in the order of its events.
#[track_caller]
fn assert_in_order(got: &[Got]) {
    let mut last: HashMap<&str, u64> = HashMap::new();
    for message in got.iter().filter(|message| message.data.get("booking").is_some()) {
        let revision = message.data["revision"].as_u64().unwrap();
        let before = last.insert(message.data["booking"].as_str().unwrap(), revision);
        assert!(before.is_none_or(|before| before < revision), "{message:?} after {before:?}");
    }
}

async fn start(data: &std::path::Path, endpoints: &[(&str, &str)]) -> Server {
    let flags = flags(endpoints);
    Server::start_with(data, &flags.iter().map(String::as_str).collect::<Vec<_>>()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_receives_what_happens_once_and_again_if_it_asks() {
    let (shop, url) = Shop::open().await;
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[("shop", &url)]).await;
    let admin = token(data.path(), "root", "admin");
    server.client.post("/v1/shows").bearer(&admin).json(&standing_room()).send().await.ok(201);
    let id = buy(&server.client, "order-1").await;
    let got = shop.has("booking.confirmed", 1).await;
    let kinds: Vec<&str> = got.iter().map(|got| got.kind.as_str()).filter(|kind| kind.starts_with("booking")).collect();
    assert_eq!(kinds, ["booking.held", "booking.confirmed"]);
    // The show's own message is of another stream, and may come after them.
    let sold = &got.iter().rfind(|got| got.kind == "booking.confirmed").unwrap().data;
    assert_eq!((&sold["booking"], &sold["status"], &sold["show"]), (&json!(id), &json!("confirmed"), &json!("big")));
    assert_eq!((&sold["reference"], &sold["metadata"]), (&json!("order-1"), &json!({"cart": "order-1"})));

    // An orderly stop leaves nothing to be repeated.
    server.stop();
    let before = shop.got().len();
    let server = start(data.path(), &[("shop", &url)]).await;
    buy(&server.client, "order-2").await;
    let got = shop.has("booking.confirmed", 2).await;
    assert_eq!(got.len(), before + 2, "{got:?}");
    assert_in_order(&got);

    // All of it again: the same ids and bodies.
    let replay = json!({"from": 0});
    let path = "/v1/webhook-endpoints/shop/replay";
    server.client.post(path).bearer(&admin).json(&json!({"from": u64::MAX})).send().await.problem(422, "invalid_request");
    server
        .client
        .post("/v1/webhook-endpoints/none/replay")
        .bearer(&admin)
        .json(&replay)
        .send()
        .await
        .problem(404, "endpoint_not_found");
    server.client.post(path).bearer(&admin).json(&replay).send().await.ok(202);
    let got = shop.has("booking.confirmed", 4).await;
    let mut bodies: BTreeMap<&str, HashSet<&Bytes>> = BTreeMap::new();
    for got in &got {
        bodies.entry(&got.id).or_default().insert(&got.body);
    }
    assert!(bodies.values().all(|bodies| bodies.len() == 1), "a repeat says the same");
    let listed = server.client.get("/v1/webhook-endpoints").bearer(&admin).send().await.ok(200);
    assert_eq!((&listed["items"][0]["endpoint"], &listed["items"][0]["sending"]), (&json!("shop"), &json!(true)), "{listed}");
    server.stop();
    assert_eq!(verify(data.path()).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_delays_nobody_else_and_gets_everything_in_order_afterwards() {
    let (down, bad) = Shop::open().await;
    let (well, good) = Shop::open().await;
    down.answer(Some(StatusCode::INTERNAL_SERVER_ERROR));
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[("bad", &bad), ("good", &good)]).await;
    let admin = token(data.path(), "root", "admin");
    server.client.post("/v1/shows").bearer(&admin).json(&standing_room()).send().await.ok(201);
    for n in 0..10 {
        buy(&server.client, &format!("order-{n}")).await;
    }
    assert_in_order(&well.has("booking.confirmed", 10).await);
    assert!(down.got().is_empty());
    eventually("its failures are counted", async || {
        let listed = server.client.get("/v1/webhook-endpoints").bearer(&admin).send().await.ok(200);
        let bad = &listed["items"][0];
        (bad["failures_in_a_row"].as_u64() >= Some(3) && bad["last_failure"]["reason"] == "answered 500").then_some(())
    })
    .await;
    // The next message that it takes brings all others.
    down.answer(None);
    buy(&server.client, "order-10").await;
    assert_in_order(&down.has("booking.confirmed", 11).await);
    server.stop();
    assert_eq!(verify(data.path()).0, 0);
}

/// The next start sends what was not taken, although nothing happens any more.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_before_a_restart_is_sent_after_it() {
    let (shop, url) = Shop::open().await;
    shop.answer(Some(StatusCode::UNAUTHORIZED));
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), &[("shop", &url)]).await;
    let admin = token(data.path(), "root", "admin");
    server.client.post("/v1/shows").bearer(&admin).json(&standing_room()).send().await.ok(201);
    buy(&server.client, "order-1").await;
    eventually("it has failed", async || {
        let listed = server.client.get("/v1/webhook-endpoints").bearer(&admin).send().await.ok(200);
        (listed["items"][0]["failed"].as_u64() >= Some(2)).then_some(())
    })
    .await;
    server.stop();
    shop.answer(None);
    let server = start(data.path(), &[("shop", &url)]).await;
    assert_in_order(&shop.has("booking.confirmed", 1).await);
    server.stop();
    assert_eq!(verify(data.path()).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_goes_on_where_the_one_that_sends_was_killed() {
    let (shop, url) = Shop::open().await;
    let flags = flags(&[("shop", &url)]);
    let Some(mut cluster) = Cluster::start_with(2, false, &flags).await else { return };
    cluster.put_on_sale(&standing_room()).await;
    for n in 0..20 {
        buy(&cluster.nodes[n % 2].client, &format!("order-{n}")).await;
    }
    shop.has("booking.confirmed", 20).await;
    let mut sends = Vec::new();
    for node in &cluster.nodes {
        let listed = node.client.get("/v1/webhook-endpoints").bearer(&cluster.admin).send().await.ok(200);
        sends.push(listed["items"][0]["sending"] == true);
    }
    assert_eq!(sends.iter().filter(|sends| **sends).count(), 1, "one of them sends");
    let sender = sends.iter().position(|sends| *sends).unwrap();
    cluster.nodes.remove(sender).kill();
    for n in 20..30 {
        buy(&cluster.nodes[0].client, &format!("order-{n}")).await;
    }
    let sold = |got: &[Got]| {
        let confirmed = got.iter().filter(|got| got.kind == "booking.confirmed");
        confirmed.map(|got| got.data["booking"].as_str().unwrap().to_owned()).collect::<HashSet<_>>()
    };
    eventually("all thirty were sent", async || (sold(&shop.got()).len() == 30).then_some(())).await;
    cluster.at_rest(&["big"]).await;
}
