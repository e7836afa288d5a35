//! Connections that are cut or hang, at every point of every call: what is said of such a call is
//! true, and the same call again gives the answer that it would have had, and has one effect.

use super::proxy::{Misfortune, Proxy};
use super::{Served, at, booking, clock, eur, in_time};
use async_trait::async_trait;
use lastseat::shared_sandbox::SharedSandbox;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use lastseat_domain::{BookingId, IntentId, Money};
use lastseat_payments_sandbox::SandboxGateway;
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

/// What is done before, and the call that misfortune strikes.
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
        Call::Create => gateway.create(booking, eur(4_250)).await,
        Call::Confirm(method) => gateway.confirm(&intent, booking, 1, method).await,
        Call::Retrieve => gateway.retrieve(&intent).await,
        Call::Capture => gateway.capture(&intent, booking).await,
        Call::Cancel => gateway.cancel(&intent, booking).await,
        Call::Refund => gateway.refund(&intent, booking).await,
    }
}

/// Strikes every call with a misfortune; `struck` makes the call that is struck, `gateway` repeats
/// it. Says what was wrong: nothing, if all is well.
async fn trials(
    served: &Served,
    proxy: &Proxy,
    misfortune: Misfortune,
    struck: &dyn PaymentGateway,
    gateway: &dyn PaymentGateway,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (n, (before, call)) in TRIALS.iter().enumerate() {
        let ann = booking(&format!("{misfortune:?} {n}"));
        let calm = SandboxGateway::in_memory(clock());
        for call in *before {
            let _whatever_it_says = (make(&*served.sandbox, *call, ann).await, make(&calm, *call, ann).await);
        }
        let record = || served.sandbox.intents().into_iter().find(|record| record.booking == ann);
        let was = record();
        proxy.strike(misfortune);
        let answer = in_time(make(struck, *call, ann)).await;
        let mut complain = |what: &str| wrong.push(format!("{misfortune:?} {call:?} after {before:?}: {what}, {answer:?}"));
        match &answer {
            Err(GatewayFault::OutcomeUnknown(_)) => {}
            Err(GatewayFault::Unavailable(_)) if record() != was => complain("said to be undone, and was done"),
            _ => complain("nobody could know"),
        }
        let expected = make(&calm, *call, ann).await;
        for _ in 0..2 {
            if in_time(make(gateway, *call, ann)).await != expected {
                complain("the repeat has another answer");
            }
        }
        if record() != calm.intents().into_iter().next() {
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
    let cuts = [Misfortune::RequestLost, Misfortune::RequestCut, Misfortune::AnswerLost, Misfortune::AnswerCut];
    for misfortune in cuts {
        assert_eq!(trials(&served, &proxy, misfortune, &shared, &shared).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_stalled_server_is_an_unknown_outcome() {
    let served = Served::start(SandboxGateway::in_memory(clock())).await;
    let proxy = Proxy::to(served.addr).await;
    let shared = at(proxy.addr);
    let impatient = shared.clone().with_deadline(Duration::from_millis(150));
    for misfortune in [Misfortune::RequestStalled, Misfortune::AnswerStalled] {
        assert_eq!(trials(&served, &proxy, misfortune, &impatient, &shared).await, Vec::<String>::new());
    }
}

/// A client with one rule broken.
struct Twin {
    inner: SharedSandbox,
    rule: Rule,
    calls: AtomicU32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Takes a call without an answer for one that was not done.
    NoAnswerIsUndone,
    /// Repeats under a new key.
    KeysAreFresh,
    /// Takes the state of things for the answer of the call.
    LooksInsteadOfRepeating,
}

impl Twin {
    async fn told(&self, answer: Result<Intent, GatewayFault>, intent: Option<&IntentId>) -> Result<Intent, GatewayFault> {
        match (answer, self.rule, intent) {
            (Err(GatewayFault::OutcomeUnknown(why)), Rule::NoAnswerIsUndone, _) => Err(GatewayFault::Unavailable(why)),
            (Err(GatewayFault::OutcomeUnknown(_)), Rule::LooksInsteadOfRepeating, Some(id)) => self.inner.retrieve(id).await,
            (answer, ..) => answer,
        }
    }
}

#[async_trait]
impl PaymentGateway for Twin {
    async fn create(&self, booking: BookingId, amount: Money) -> Result<Intent, GatewayFault> {
        self.told(self.inner.create(booking, amount).await, None).await
    }

    async fn confirm(&self, intent: &IntentId, booking: BookingId, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        let fresh = self.calls.fetch_add(1, Ordering::Relaxed);
        let attempt = if self.rule == Rule::KeysAreFresh { attempt + fresh } else { attempt };
        self.told(self.inner.confirm(intent, booking, attempt, method).await, Some(intent)).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.told(self.inner.retrieve(intent).await, None).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.told(self.inner.capture(intent, booking).await, Some(intent)).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.told(self.inner.cancel(intent, booking).await, Some(intent)).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.told(self.inner.refund(intent, booking).await, Some(intent)).await
    }
}

#[tokio::test]
async fn every_broken_rule_is_caught() {
    let rules = [
        (Rule::NoAnswerIsUndone, "Capture after [Create, Confirm(\"pm_card_visa\")]: said to be undone, and was done"),
        (Rule::KeysAreFresh, "Confirm(\"pm_card_visa\") after [Create]: the repeat has another answer"),
        (Rule::LooksInsteadOfRepeating, "Refund after [Create, Confirm(\"pm_card_visa\"), Capture]: nobody could know"),
    ];
    for (rule, complaint) in rules {
        let served = Served::start(SandboxGateway::in_memory(clock())).await;
        let proxy = Proxy::to(served.addr).await;
        let twin = Twin { inner: at(proxy.addr), rule, calls: AtomicU32::new(1) };
        let wrong = trials(&served, &proxy, Misfortune::AnswerLost, &twin, &twin).await;
        assert!(wrong.iter().any(|text| text.contains(complaint)), "{rule:?} is not caught by {complaint}: {wrong:#?}");
    }
}
