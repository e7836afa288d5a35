//! The payment gateway's contract: the sandbox keeps it, and every broken rule fails it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod rules;
mod survival;
mod twin;

use futures::FutureExt;
use lastseat_domain::ports::payments::{GatewayFault, IntentStatus};
use lastseat_domain::ports::{Clock, PaymentGateway};
use lastseat_domain::{BookingId, Currency, Money};
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_payments_sandbox::TEST_METHODS;
use lastseat_testkit::SteppingClock;
use lastseat_testkit::payments::{CASES, GatewayBench, GatewayCase, SANDBOX_CASES, order};
use lastseat_testkit::{FaultyGateway, GatewayCall, GatewayCallFault};
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin::{Fault, Twin};

fn clock() -> Arc<dyn Clock> {
    Arc::new(SteppingClock::default())
}

fn booking(name: &str) -> BookingId {
    BookingId::from_key("payments_contract", name)
}

fn eur(value: i64) -> Money {
    Money { value, currency: Currency::new("EUR").unwrap() }
}

fn bench(gateway: Arc<SandboxGateway>) -> GatewayBench {
    let bank = gateway.clone();
    GatewayBench {
        gateway,
        authenticate: Some(Arc::new(move |intent, success| {
            let bank = bank.clone();
            async move { drop(bank.authenticate(&intent, success).await.unwrap()) }.boxed()
        })),
        prefix: "t".to_owned(),
    }
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

#[tokio::test]
async fn the_sandbox_keeps_the_contract() {
    let bench = bench(Arc::new(SandboxGateway::in_memory(clock())));
    assert_eq!(failures(&bench, CASES).await, Vec::<&str>::new());
    assert_eq!(failures(&bench, SANDBOX_CASES).await, Vec::<&str>::new());
}

#[tokio::test]
async fn the_sandbox_with_a_file_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let bench = bench(Arc::new(SandboxGateway::open(&directory.path().join("sandbox.db"), clock()).unwrap()));
    assert_eq!(failures(&bench, CASES).await, Vec::<&str>::new());
    assert_eq!(failures(&bench, SANDBOX_CASES).await, Vec::<&str>::new());
}

#[tokio::test]
async fn every_broken_rule_is_caught() {
    let twins = [
        (Fault::IgnoresKeys, "a_booking_has_one_intent"),
        (Fault::IgnoresKeys, "an_intent_created_by_many_at_once_is_one"),
        (Fault::IgnoresKeys, "an_attempt_repeated_is_one_attempt"),
        (Fault::IgnoresKeys, "captures_once"),
        (Fault::IgnoresParameters, "an_attempt_has_one_method"),
        (Fault::CapturesWhenConfirmed, "pays"),
        (Fault::CapturesWhatWasNotAuthorised, "capture_needs_an_authorisation"),
        (Fault::CancelsWhatWasTaken, "does_not_cancel_after_capture"),
        (Fault::RefundsByVoiding, "refund_needs_a_capture"),
        (Fault::DeclinesAsFaults, "a_decline_leaves_the_intent_open"),
        (Fault::ForgetsTheDecline, "declines_say_why"),
        (Fault::ChargesAnotherAmount, "pays"),
    ];
    for (fault, case) in twins {
        let gateway = Arc::new(Twin { inner: SandboxGateway::in_memory(clock()), fault });
        let bench = GatewayBench { gateway, authenticate: None, prefix: "t".to_owned() };
        let failed = failures(&bench, CASES).await;
        assert!(failed.contains(&case), "{fault:?} is not caught by {case}, only by {failed:?}");
    }
}

#[tokio::test]
async fn every_listed_method_is_known_and_documented() {
    let readme = include_str!("../../README.md");
    let gateway = SandboxGateway::in_memory(clock());
    for (name, what) in TEST_METHODS {
        let intent = gateway.create(&order(booking(name), eur(100))).await.unwrap();
        let answer = gateway.confirm(&intent.id, booking(name), 1, name).await;
        assert!(!matches!(answer, Err(GatewayFault::Refused { .. })), "{name}: {answer:?}");
        assert!(readme.contains(&format!("| `{name}` | {what} |")), "the README lacks: | `{name}` | {what} |");
    }
    assert_eq!(readme.matches("| `pm_").count(), TEST_METHODS.len());
}

#[tokio::test]
async fn gateways_fail_when_told_to() {
    let inner = Arc::new(SandboxGateway::in_memory(clock()));
    let faulty = FaultyGateway::new(inner.clone());
    let ann = booking("faulty");

    faulty.fail_nth(GatewayCall::Create, 1, GatewayCallFault::RequestLost);
    faulty.fail_nth(GatewayCall::Create, 2, GatewayCallFault::AnswerLost);
    assert!(matches!(faulty.create(&order(ann, eur(100))).await, Err(GatewayFault::OutcomeUnknown(_))));
    assert_eq!(inner.intents().len(), 0);
    assert!(matches!(faulty.create(&order(ann, eur(100))).await, Err(GatewayFault::OutcomeUnknown(_))));
    assert_eq!(inner.intents().len(), 1);
    let intent = faulty.create(&order(ann, eur(100))).await.unwrap();

    faulty.fail_next(GatewayCall::Confirm, GatewayCallFault::Unavailable);
    let confirm = || faulty.confirm(&intent.id, ann, 1, "pm_card_visa");
    assert!(matches!(confirm().await, Err(GatewayFault::Unavailable(_))));
    assert_eq!(confirm().await.unwrap().status, IntentStatus::RequiresCapture);

    faulty.fail_all(GatewayCall::Capture, Some(GatewayCallFault::RequestLost));
    for _ in 0..3 {
        faulty.capture(&intent.id, ann).await.unwrap_err();
    }
    faulty.fail_all(GatewayCall::Capture, None);
    assert_eq!(faulty.capture(&intent.id, ann).await.unwrap().status, IntentStatus::Succeeded);
    assert_eq!([GatewayCall::Create, GatewayCall::Capture, GatewayCall::Refund].map(|call| faulty.calls(call)), [3, 4, 0]);
}

/// Figures for the docs: `cargo test --release --test payments_contract -- --ignored figures --nocapture`.
#[tokio::test]
#[ignore = "measures; only a release build says anything"]
async fn figures() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.db");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    for (name, gateway) in [
        ("in memory", SandboxGateway::in_memory(clock.clone())),
        ("with a file", SandboxGateway::open(&path, clock.clone()).unwrap()),
    ] {
        let (bookings, started) = (50_000_u32, Instant::now());
        for n in 0..bookings {
            let booking = booking(&n.to_string());
            let intent = gateway.create(&order(booking, eur(4_250))).await.unwrap();
            gateway.confirm(&intent.id, booking, 1, "pm_card_visa").await.unwrap();
            gateway.capture(&intent.id, booking).await.unwrap();
        }
        println!("{name}: {:.0} operations/s", f64::from(3 * bookings) / started.elapsed().as_secs_f64());
    }
    let (size, started) = (std::fs::metadata(&path).unwrap().len(), Instant::now());
    let gateway = SandboxGateway::open(&path, clock).unwrap();
    println!("{} bytes with {} intents opened in {:?}", size, gateway.intents().len(), started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(60));
}
