//! The port's contract, over the sandbox's HTTP server and over a given Stripe.

use crate::support::{KEY, eur, settings};
use futures::FutureExt;
use lastseat_domain::ports::PaymentRecords;
use lastseat_domain::{BookingId, Secret};
use lastseat_in_process::{SystemClock, random_number};
use lastseat_payments_sandbox::{SandboxGateway, stripe};
use lastseat_payments_stripe::{StripeGateway, StripeSettings};
use lastseat_testkit::payments::{CASES, GatewayBench, GatewayCase, SANDBOX_CASES, order};
use lastseat_testkit::skipped::skip;
use std::sync::Arc;
use std::time::Duration;

const GIVEN_STRIPE: &str = "a given Stripe: set LASTSEAT_TEST_STRIPE_URL and LASTSEAT_TEST_STRIPE_KEY (a test key)";

fn open(url: &str, key: &str) -> StripeGateway {
    let key = Secret::new(key).unwrap();
    let settings = StripeSettings { key, timeout: Duration::from_secs(30), ..settings(url) };
    StripeGateway::open(&settings).unwrap()
}

/// Names of the cases that fail.
async fn failures(bench: &GatewayBench, cases: &[(&'static str, GatewayCase)]) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for (name, case) in cases {
        if tokio::spawn(case(bench.clone())).await.is_err() {
            failed.push(*name);
        }
    }
    failed
}

async fn sandbox() -> (Arc<SandboxGateway>, String) {
    let sandbox = SandboxGateway::in_memory(Arc::new(SystemClock)).with_slow_answers(Duration::from_millis(500));
    let sandbox = Arc::new(sandbox);
    let router = stripe::router(Arc::clone(&sandbox), stripe::Options::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (sandbox, url)
}

#[tokio::test]
async fn the_adapter_keeps_the_contract_over_the_sandboxs_server() {
    let (sandbox, url) = sandbox().await;
    let bench = GatewayBench {
        gateway: Arc::new(open(&url, KEY)),
        authenticate: Some(Arc::new(move |intent, success| {
            let sandbox = Arc::clone(&sandbox);
            async move { drop(sandbox.authenticate(&intent, success).await.unwrap()) }.boxed()
        })),
        prefix: "stripe-http".to_owned(),
    };
    assert_eq!(failures(&bench, CASES).await, Vec::<&str>::new());
    assert_eq!(failures(&bench, SANDBOX_CASES).await, Vec::<&str>::new());
}

/// Stripe's test mode, or anything that speaks its API: `LASTSEAT_TEST_STRIPE_URL` and `LASTSEAT_TEST_STRIPE_KEY`. Skipped
/// without these, and reported so; with `LASTSEAT_REQUIRE_STRIPE=1` it fails.
#[tokio::test]
async fn the_adapter_keeps_the_contract_over_a_given_stripe() {
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (url, key) = (var("LASTSEAT_TEST_STRIPE_URL"), var("LASTSEAT_TEST_STRIPE_KEY"));
    let (Some(url), Some(key)) = (url, key) else {
        return skip(GIVEN_STRIPE, "LASTSEAT_REQUIRE_STRIPE");
    };
    // Stripe remembers keys for a day: each run has bookings of its own.
    let bench =
        GatewayBench { gateway: Arc::new(open(&url, &key)), authenticate: None, prefix: format!("{:016x}", random_number()) };
    assert_eq!(failures(&bench, CASES).await, Vec::<&str>::new());
}

/// Every intent, once, newest first, made by lastseat or not.
#[tokio::test]
async fn records_are_listed_page_by_page() {
    let (_sandbox, url) = sandbox().await;
    let gateway = open(&url, KEY);
    let bench = GatewayBench { gateway: Arc::new(gateway.clone()), authenticate: None, prefix: "listed".to_owned() };
    let mut made = Vec::new();
    for number in 0..230_u32 {
        let booking = BookingId::from_key(&bench.prefix, &number.to_string());
        let amount = eur(1_000);
        made.push(bench.gateway.create(&order(booking, amount)).await.unwrap().id);
    }
    let (mut listed, mut before) = (Vec::new(), None);
    loop {
        let page = gateway.list(before.as_ref()).await.unwrap();
        listed.extend(page.records.iter().map(|record| record.intent.clone()));
        assert_eq!(page.unreadable, []);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    // Those of one moment may be in any order; none is missing and none is there twice.
    listed.sort();
    made.sort();
    assert!(listed == made, "{} were listed, {} were made", listed.len(), made.len());
}
