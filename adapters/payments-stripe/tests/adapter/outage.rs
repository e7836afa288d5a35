//! The sandbox fails for half a day, and keeps its errors under the keys.

use crate::support::{eur, gateway, later};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use chrono::TimeDelta;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus};
use lastseat_domain::{BookingId, IntentId, Timestamp};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_payments_sandbox::stripe::{self, Disturbances, Options, Outage};
use lastseat_payments_stripe::StripeGateway;
use lastseat_testkit::payments::order;
use lastseat_testkit::scripted_log::TokioClock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const AMOUNT: i64 = 4_250;
/// Before the outage: the payments are authorised.
const QUIET_SECONDS: u64 = 600;
const OUTAGE_SECONDS: u64 = 12 * 60 * 60;
/// 9 rounds while the pauses grow, afterwards one each quarter of an hour at the most.
const MOST_ROUNDS: u32 = 57;
/// The pace at which the engine repeats what is not done.
const PACE_SECONDS: u64 = 10;

struct Stripe {
    sandbox: Arc<SandboxGateway>,
    gateway: StripeGateway,
    requests: Arc<AtomicU32>,
}

async fn start() -> Stripe {
    let sandbox = Arc::new(SandboxGateway::in_memory(TokioClock::new(Timestamp::UNIX_EPOCH)));
    let seconds = |seconds| TimeDelta::seconds(i64::try_from(seconds).unwrap());
    let failing = Some(Outage { after: seconds(QUIET_SECONDS), lasts: seconds(OUTAGE_SECONDS) });
    let options = Options { disturbances: Disturbances { failing, ..Disturbances::default() }, ..Options::default() };
    let requests = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&requests);
    let counted = from_fn(move |request: Request, next: Next| {
        count.fetch_add(1, Ordering::Relaxed);
        next.run(request)
    });
    let router = stripe::router(Arc::clone(&sandbox), options).layer(counted);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = gateway(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Stripe { sandbox, gateway, requests }
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Capture,
    Cancel,
    Refund,
}

impl Stripe {
    async fn call(&self, step: Operation, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        match step {
            Operation::Capture => self.gateway.capture(intent, booking).await,
            Operation::Cancel => self.gateway.cancel(intent, booking).await,
            Operation::Refund => self.gateway.refund(intent, booking, 1, eur(AMOUNT)).await,
        }
    }

    /// As the engine repeats a step: four calls, again and again. Returns the seconds until it was done.
    async fn insist(&self, step: Operation, intent: &IntentId, booking: BookingId, patience: u64) -> Option<u64> {
        for turn in 0..patience / PACE_SECONDS {
            for _ in 0..4 {
                match self.call(step, intent, booking).await {
                    Ok(_) => return Some(turn * PACE_SECONDS),
                    Err(GatewayFault::Refused { code, message }) => panic!("{step:?}: {code}: {message}"),
                    Err(_) => {}
                }
            }
            later(PACE_SECONDS).await;
        }
        None
    }
}

/// What would be sold and unpaid, held and not cancelled, or owed for a day otherwise.
#[tokio::test]
async fn what_failed_for_half_a_day_is_done_when_stripe_works_again() {
    for (step, most_requests) in [(Operation::Capture, 4), (Operation::Cancel, 4), (Operation::Refund, 6)] {
        let stripe = start().await;
        let booking = BookingId::from_key("outage", &format!("{step:?}"));
        let intent = stripe.gateway.create(&order(booking, eur(AMOUNT))).await.unwrap().id;
        stripe.gateway.confirm(&intent, booking, 1, "pm_card_visa").await.unwrap();
        if matches!(step, Operation::Refund) {
            stripe.gateway.capture(&intent, booking).await.unwrap();
        }
        later(QUIET_SECONDS).await;
        stripe.requests.store(0, Ordering::Relaxed);
        let took = stripe.insist(step, &intent, booking, 24 * 60 * 60).await;
        let requests = stripe.requests.load(Ordering::Relaxed);
        let took = took.unwrap_or_else(|| panic!("{step:?} was not done within a day; {requests} requests"));
        eprintln!("{step:?}: done after {took} s, with {requests} requests");
        assert!((OUTAGE_SECONDS - QUIET_SECONDS..=OUTAGE_SECONDS + 30 * 60).contains(&took), "{step:?}: {took} s");
        assert!(requests <= most_requests * (MOST_ROUNDS + 1), "{step:?}: {requests} requests");

        let record = Arc::clone(&stripe.sandbox.intents()[0]);
        let (captured, refunded) = match step {
            Operation::Capture => (AMOUNT, 0),
            Operation::Cancel => (0, 0),
            Operation::Refund => (AMOUNT, AMOUNT),
        };
        assert_eq!((stripe.sandbox.intents().len(), record.captured, record.refunded()), (1, captured, refunded), "{step:?}");
        let canceled = stripe.gateway.retrieve(&intent).await.unwrap().status == IntentStatus::Canceled;
        assert_eq!(canceled, matches!(step, Operation::Cancel));
    }
}
