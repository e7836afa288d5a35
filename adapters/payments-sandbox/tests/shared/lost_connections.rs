//! Connections that are cut or hang, at every point of every call: the reported outcome of such a call
//! is true, and a repeat gives the answer that the call would have had and has one effect.

use super::proxy::{NetworkFailure, Proxy};
use super::{Served, at, booking, clock, eur, in_time};
use async_trait::async_trait;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent, PaymentOrder};
use lastseat_domain::{BookingId, IntentId, Money};
use lastseat_payments_sandbox::{RemoteSandbox, SandboxGateway};
use lastseat_testkit::payments::order;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A call of the port.
#[derive(Debug, Clone, Copy)]
enum Call {
    Create,
    Confirm(&'static str),
    Retrieve,
    Capture,
    Cancel,
    Refund,
}

/// The calls made before, and the call that fails.
const TRIALS: &[(&[Call], Call)] = &[
    (&[], Call::Create),
    (&[Call::Create], Call::Confirm("pm_card_visa")),
    (&[Call::Create], Call::Confirm("pm_card_chargeDeclined")),
    (&[Call::Create], Call::Confirm("pm_card_authenticationRequired")),
    (&[Call::Create], Call::Confirm("pm_never_heard_of")),
    (&[Call::Create, Call::Confirm("pm_card_visa")], Call::Retrieve),
    (&[Call::Create, Call::Confirm("pm_card_visa")], Call::Capture),
    (&[Call::Create, Call::Confirm("pm_lastseat_captureFails")], Call::Capture),
    (&[Call::Create], Call::Capture),
    (&[Call::Create, Call::Confirm("pm_card_visa")], Call::Cancel),
    (&[Call::Create, Call::Confirm("pm_card_visa"), Call::Capture], Call::Cancel),
    (&[Call::Create, Call::Confirm("pm_card_visa"), Call::Capture], Call::Refund),
];

async fn make(gateway: &dyn PaymentGateway, call: Call, booking: BookingId) -> Result<Intent, GatewayFault> {
    let intent: IntentId = format!("pi_sandbox_{}", booking.0.simple()).parse().unwrap();
    match call {
        Call::Create => gateway.create(&order(booking, eur(4_250))).await,
        Call::Confirm(method) => gateway.confirm(&intent, booking, 1, method).await,
        Call::Retrieve => gateway.retrieve(&intent).await,
        Call::Capture => gateway.capture(&intent, booking).await,
        Call::Cancel => gateway.cancel(&intent, booking).await,
        Call::Refund => gateway.refund(&intent, booking, 1, eur(4_250)).await,
    }
}

/// Lets every call meet a network failure: `failing` makes that call, `gateway` repeats it. Returns
/// what was wrong.
async fn trials(
    served: &Served,
    proxy: &Proxy,
    failure: NetworkFailure,
    failing: &dyn PaymentGateway,
    gateway: &dyn PaymentGateway,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (n, (before, call)) in TRIALS.iter().enumerate() {
        let ann = booking(&format!("{failure:?} {n}"));
        let reference = SandboxGateway::in_memory(clock());
        for call in *before {
            let _ignored = (make(&*served.sandbox, *call, ann).await, make(&reference, *call, ann).await);
        }
        let record = || served.sandbox.intents().into_iter().find(|record| record.booking == ann);
        let was = record();
        proxy.fail_next(failure);
        let answer = in_time(make(failing, *call, ann)).await;
        let mut complain = |what: &str| wrong.push(format!("{failure:?} {call:?} after {before:?}: {what}, {answer:?}"));
        match &answer {
            Err(GatewayFault::OutcomeUnknown(_)) => {}
            Err(GatewayFault::Unavailable(_)) if record() != was => complain("reported as not done, and was done"),
            _ => complain("the outcome could not be known"),
        }
        let expected = make(&reference, *call, ann).await;
        for _ in 0..2 {
            if in_time(make(gateway, *call, ann)).await != expected {
                complain("the repeat has another answer");
            }
        }
        if record() != reference.intents().into_iter().next() {
            complain("not the one effect");
        }
    }
    wrong
}

#[tokio::test]
async fn a_cut_connection_is_an_unknown_outcome() {
    let served = Served::start(SandboxGateway::in_memory(clock())).await;
    let proxy = Proxy::to(served.addr).await;
    let shared = at(proxy.addr);
    let cuts = [NetworkFailure::RequestLost, NetworkFailure::RequestCut, NetworkFailure::AnswerLost, NetworkFailure::AnswerCut];
    for failure in cuts {
        assert_eq!(trials(&served, &proxy, failure, &shared, &shared).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_stalled_server_is_an_unknown_outcome() {
    let served = Served::start(SandboxGateway::in_memory(clock())).await;
    let proxy = Proxy::to(served.addr).await;
    let shared = at(proxy.addr);
    let impatient = shared.clone().with_deadline(Duration::from_millis(150));
    for failure in [NetworkFailure::RequestStalled, NetworkFailure::AnswerStalled] {
        assert_eq!(trials(&served, &proxy, failure, &impatient, &shared).await, Vec::<String>::new());
    }
}

/// A client with one rule broken.
struct Twin {
    inner: RemoteSandbox,
    rule: Rule,
    calls: AtomicU32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Treats a call without an answer as not done.
    NoAnswerMeansNotDone,
    /// Repeats a call under a new key.
    KeysAreFresh,
    /// Takes the current state of the intent for the answer to the call.
    ReadsInsteadOfRepeating,
}

impl Twin {
    async fn apply_rule(&self, answer: Result<Intent, GatewayFault>, intent: Option<&IntentId>) -> Result<Intent, GatewayFault> {
        match (answer, self.rule, intent) {
            (Err(GatewayFault::OutcomeUnknown(why)), Rule::NoAnswerMeansNotDone, _) => Err(GatewayFault::Unavailable(why)),
            (Err(GatewayFault::OutcomeUnknown(_)), Rule::ReadsInsteadOfRepeating, Some(id)) => self.inner.retrieve(id).await,
            (answer, ..) => answer,
        }
    }
}

#[async_trait]
impl PaymentGateway for Twin {
    async fn create(&self, booking_order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        self.apply_rule(self.inner.create(booking_order).await, None).await
    }

    async fn confirm(&self, intent: &IntentId, booking: BookingId, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        let fresh = self.calls.fetch_add(1, Ordering::Relaxed);
        let attempt = if self.rule == Rule::KeysAreFresh { attempt + fresh } else { attempt };
        self.apply_rule(self.inner.confirm(intent, booking, attempt, method).await, Some(intent)).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.apply_rule(self.inner.retrieve(intent).await, None).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.apply_rule(self.inner.capture(intent, booking).await, Some(intent)).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.apply_rule(self.inner.cancel(intent, booking).await, Some(intent)).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        self.apply_rule(self.inner.refund(intent, booking, number, amount).await, Some(intent)).await
    }
}

#[tokio::test]
async fn every_broken_rule_is_caught() {
    let rules = [
        (Rule::NoAnswerMeansNotDone, "Capture after [Create, Confirm(\"pm_card_visa\")]: reported as not done, and was done"),
        (Rule::KeysAreFresh, "Confirm(\"pm_card_visa\") after [Create]: the repeat has another answer"),
        (
            Rule::ReadsInsteadOfRepeating,
            "Refund after [Create, Confirm(\"pm_card_visa\"), Capture]: the outcome could not be known",
        ),
    ];
    for (rule, complaint) in rules {
        let served = Served::start(SandboxGateway::in_memory(clock())).await;
        let proxy = Proxy::to(served.addr).await;
        let twin = Twin { inner: at(proxy.addr), rule, calls: AtomicU32::new(1) };
        let wrong = trials(&served, &proxy, NetworkFailure::AnswerLost, &twin, &twin).await;
        assert!(wrong.iter().any(|text| text.contains(complaint)), "{rule:?} is not caught by {complaint}: {wrong:#?}");
    }
}
