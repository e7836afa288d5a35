//! The port's contract, over Stripe's API as the sandbox speaks it, and over whatever `LASTSEAT_TEST_STRIPE_URL` and
//! `LASTSEAT_TEST_STRIPE_KEY` name (Stripe's own test mode, for one).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use lastseat_domain::ports::{Clock, PaymentRecords};
use lastseat_domain::{IntentId, Secret};
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::{SandboxGateway, stripe};
use lastseat_payments_stripe::{StripeGateway, StripeSettings};
use lastseat_testkit::payments::{CASES, GatewayBench, SANDBOX_CASES};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

fn settings(key: &str, url: String) -> StripeSettings {
    StripeSettings::new(Secret::new(key).unwrap(), Some(url), "http://tickets.test/".to_owned())
}

/// A sandbox on a port of its own, and its gateway through Stripe's API.
async fn served() -> (Arc<SandboxGateway>, StripeGateway) {
    let sandbox = Arc::new(SandboxGateway::in_memory(Arc::new(SystemClock)).with_slow_answers(Duration::from_millis(200)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = stripe::router(Arc::clone(&sandbox), stripe::Options::default());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (sandbox, StripeGateway::open(&settings("sk_test_contract", url)).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_adapter_keeps_the_contract() {
    let (sandbox, gateway) = served().await;
    let authenticate = Arc::new(move |intent: IntentId, success: bool| {
        let sandbox = Arc::clone(&sandbox);
        Box::pin(async move { drop(sandbox.authenticate(&intent, success).unwrap()) }) as _
    });
    let bench = GatewayBench { gateway: Arc::new(gateway), authenticate: Some(authenticate), prefix: "stripe".to_owned() };
    for (name, case) in CASES.iter().chain(SANDBOX_CASES) {
        eprintln!("{name}");
        case(bench.clone()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_of_the_environment_keeps_the_contract() {
    let (Ok(url), Ok(key)) = (std::env::var("LASTSEAT_TEST_STRIPE_URL"), std::env::var("LASTSEAT_TEST_STRIPE_KEY")) else {
        return;
    };
    let gateway = Arc::new(StripeGateway::open(&settings(&key, url)).unwrap());
    let prefix = format!("contract {}", SystemClock.now());
    lastseat_testkit::payments::run(GatewayBench { gateway, authenticate: None, prefix }).await;
}

/// Every intent, once, newest first, whoever made it.
#[tokio::test(flavor = "multi_thread")]
async fn records_are_listed_page_by_page() {
    let (_sandbox, gateway) = served().await;
    let bench = GatewayBench { gateway: Arc::new(gateway.clone()), authenticate: None, prefix: "listed".to_owned() };
    let mut made = Vec::new();
    for number in 0..230_u32 {
        let booking = lastseat_domain::BookingId::from_key(&bench.prefix, &number.to_string());
        let amount = lastseat_domain::Money { value: 1_000, currency: lastseat_domain::Currency::new("EUR").unwrap() };
        made.push(bench.gateway.create(&lastseat_testkit::payments::order(booking, amount)).await.unwrap().id);
    }
    let (mut listed, mut before) = (Vec::new(), None);
    loop {
        let page = gateway.list(before.as_ref()).await.unwrap();
        listed.extend(page.records.iter().map(|record| record.intent.clone()));
        before = page.records.last().map(|record| record.intent.clone());
        if !page.more {
            break;
        }
    }
    // Those of one moment may be in any order; none is missing and none is there twice.
    listed.sort();
    made.sort();
    assert!(listed == made, "{} were listed, {} were made", listed.len(), made.len());
}
