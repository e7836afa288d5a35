//! A sale while the gateway is disturbed: lost answers, repeated and shuffled webhooks, declines, bursts of 429, an
//! outage. Afterwards gateway and log agree on every cent.
//!
//! `LASTSEAT_DISTURBED_BOOKINGS` sets how many bookings (300).

use crate::support::client::Client;
use crate::support::process::{SandboxServer, Server, run, token, verify};
use crate::support::{books, text};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const BUYERS: usize = 32;
const WEBHOOK_SECRET: &str = "whsec_disturbed";

/// 5 % lost answers, 2 % declines, 1 % of the calls begin a burst of 429; webhooks 5 % lost, 5 % twice, shuffled.
const DISTURBANCES: [&str; 16] = [
    "--lost-answers",
    "0.05",
    "--declines",
    "0.02",
    "--too-many-requests",
    "0.01",
    "--webhook-delay-ms",
    "50",
    "--webhook-loss",
    "0.05",
    "--webhook-repeat",
    "0.05",
    "--webhook-reorder",
    "0.2",
    "--seed",
    "7",
];

fn bookings() -> u64 {
    std::env::var("LASTSEAT_DISTURBED_BOOKINGS").map_or(300, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disturbed_gateway_costs_nobody_a_cent() {
    let folder = tempfile::tempdir().unwrap();
    let (data, gateway_data) = (folder.path().join("data"), folder.path().join("gateway"));
    let count = bookings();
    let port = free_port();
    let webhook = format!("http://127.0.0.1:{port}/v1/webhooks/stripe");
    let sandbox = SandboxServer::start(
        &gateway_data,
        &[&DISTURBANCES[..], &["--webhook", &webhook, "--webhook-secret", WEBHOOK_SECRET]].concat(),
    );
    let server = Server::start_with(
        &data,
        &[
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--stripe-key",
            "sk_test_disturbed",
            "--stripe-url",
            &sandbox.url,
            "--stripe-webhook-secret",
            WEBHOOK_SECRET,
            "--payments-sweep-seconds",
            "5",
            "--rate-limit-address",
            "off",
        ],
    )
    .await;
    let admin = token(&data, "admin", "admin");
    server.client.post("/v1/shows").bearer(&admin).json(&show(count)).send().await;

    let (next, again) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut buyers = JoinSet::new();
    for buyer in 0..BUYERS {
        let (client, next, again) = (server.client.clone(), Arc::clone(&next), Arc::clone(&again));
        buyers.spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < count {
                again.fetch_add(buy(&client, buyer).await, Ordering::Relaxed);
            }
        });
    }
    // In the middle of it the gateway is gone for a while.
    while next.load(Ordering::Relaxed) <= count / 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sandbox.signal("STOP");
    tokio::time::sleep(Duration::from_secs(if count > 5_000 { 10 } else { 2 })).await;
    sandbox.signal("CONT");
    buyers.join_all().await;

    agree(&data, &sandbox).await;
    let confirmed = {
        let (_, books) = books::read(&data).await;
        books.bookings.values().filter(|book| book.end == books::End::Confirmed).count()
    };
    let again = again.load(Ordering::Relaxed);
    eprintln!("{count} bookings, {confirmed} confirmed; {again} payments had to be sent again");
    assert!(again > 0, "nothing was disturbed");
    assert!(confirmed as u64 > count * 9 / 10, "only {confirmed} of {count} were confirmed");
    server.stop();
    let (code, report) = verify(&data);
    assert_eq!((code, &report["clean"]), (0, &json!(true)), "{report:#}");
}

/// Gateway and log say the same, once what is under way has come to its end.
async fn agree(data: &Path, sandbox: &SandboxServer) {
    let stripe = ["--stripe-key", "sk_test_disturbed", "--stripe-url"];
    let url = &sandbox.url;
    let arguments = [&["payments", "reconcile", "--json"], &stripe[..], &[url.as_str()]].concat();
    let mut last = String::new();
    for _ in 0..60 {
        let reconciled = run(&arguments, data);
        if reconciled.code == 0 {
            return;
        }
        last = format!("{reconciled:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("payments reconcile still finds differences: {last}");
}

/// One floor place for each booking.
fn show(places: u64) -> Value {
    json!({
        "id": "gala", "title": "Gala", "currency": "EUR", "hold_seconds": 120,
        "categories": [{"category": "standing", "price": 3000}],
        "areas": [{"area": "floor", "category": "standing", "capacity": places}],
    })
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Holds and pays as a patient buyer does: the same request again while the answer is not final, another card after a
/// decline. Returns how often the payment had to be sent again.
async fn buy(client: &Client, buyer: usize) -> u64 {
    let held = loop {
        let order = json!({"area": "floor", "quantity": 1});
        let answer = client.post("/v1/shows/gala/bookings").json(&order).send().await;
        match answer.status {
            201 => break answer.json(),
            503 => tokio::time::sleep(Duration::from_millis(200)).await,
            status => panic!("a hold was answered {status}: {answer:?}"),
        }
    };
    let (id, token) = (text(&held, "id").to_owned(), text(&held, "token").to_owned());
    let card = ["pm_card_visa", "pm_card_mastercard", "pm_card_amex"];
    let mut sent_again = 0;
    for attempt in 0..200 {
        let body = json!({"payment_method": card[(buyer + attempt) % card.len()]});
        let answer = client.post(&format!("/v1/bookings/{id}/payment")).bearer(&token).json(&body).send().await;
        match (answer.status, answer.json()["status"].as_str()) {
            // Confirmed, or the hold has ended during the outage.
            (200, Some("confirmed")) | (410, _) => return sent_again,
            (402 | 202 | 409 | 503, _) => {
                sent_again += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (status, _) => panic!("a payment was answered {status}: {answer:?}"),
        }
    }
    panic!("booking {id} comes to no end");
}
