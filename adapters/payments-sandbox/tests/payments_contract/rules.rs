//! What the sandbox does beyond the port: amounts in part, keys that age, the bank's page.

use super::{booking, clock, eur};
use lastseat_domain::IntentId;
use lastseat_domain::ports::payments::{GatewayFault, IntentStatus, NextAction};
use lastseat_domain::ports::{Clock, PaymentGateway};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_payments_sandbox::{Code, Command, Record, Refusal, Status};
use lastseat_testkit::SteppingClock;
use lastseat_testkit::payments::order;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Commands as a server of a gateway's own protocol would send them.
async fn ask(gateway: &SandboxGateway, key: Option<&str>, command: Command) -> Result<Arc<Record>, Refusal> {
    gateway.execute(key.map(str::to_owned), command).await.unwrap()
}

fn create(name: &str, value: i64) -> Command {
    Command::Create { booking: booking(name), amount: eur(value), metadata: BTreeMap::new() }
}

async fn authorised(gateway: &SandboxGateway, name: &str, value: i64) -> IntentId {
    let intent = ask(gateway, None, create(name, value)).await.unwrap().id.clone();
    let confirm = Command::Confirm { intent: intent.clone(), payment_method: "pm_card_visa".to_owned() };
    ask(gateway, None, confirm).await.unwrap();
    intent
}

fn code(answer: Result<Arc<Record>, Refusal>) -> Code {
    answer.unwrap_err().code
}

#[tokio::test]
async fn names_come_of_the_booking() {
    let gateway = SandboxGateway::in_memory(clock());
    let hex = booking("names").0.simple().to_string();
    let first = gateway.create(&order(booking("names"), eur(100))).await.unwrap();
    assert_eq!(first.id.as_str(), format!("pi_sandbox_{hex}"));
    // A stranger's key makes another intent, as it does at Stripe.
    let second = ask(&gateway, Some("my own key"), create("names", 100)).await.unwrap();
    assert_eq!(second.id.as_str(), format!("pi_sandbox_{hex}_2"));
}

#[tokio::test]
async fn amounts_are_checked() {
    let gateway = SandboxGateway::in_memory(clock());
    assert_eq!(code(ask(&gateway, Some("k"), create("amounts", 0)).await), Code::ParameterInvalidInteger);
    assert_eq!(code(ask(&gateway, Some("k"), create("amounts", -5)).await), Code::ParameterInvalidInteger);
    assert_eq!(code(ask(&gateway, Some("k"), create("amounts", 100_000_000)).await), Code::AmountTooLarge);
    assert!(gateway.intents().is_empty());
    // What is no request spends no key.
    ask(&gateway, Some("k"), create("amounts", 100)).await.unwrap();
}

#[tokio::test]
async fn captures_and_refunds_in_part() {
    let gateway = SandboxGateway::in_memory(clock());
    let intent = authorised(&gateway, "parts", 1_000).await;
    let capture = |amount| Command::Capture { intent: intent.clone(), amount };
    let refund = |amount| Command::Refund { intent: intent.clone(), amount };
    assert_eq!(code(ask(&gateway, None, capture(Some(1_001))).await), Code::AmountTooLarge);
    assert_eq!(code(ask(&gateway, None, refund(None)).await), Code::PaymentIntentUnexpectedState);
    let record = ask(&gateway, None, capture(Some(800))).await.unwrap();
    assert_eq!((record.status, record.captured), (Status::Succeeded, 800));
    assert_eq!(code(ask(&gateway, None, capture(None)).await), Code::PaymentIntentUnexpectedState);
    ask(&gateway, None, refund(Some(300))).await.unwrap();
    assert_eq!(code(ask(&gateway, None, refund(Some(501))).await), Code::AmountTooLarge);
    let record = ask(&gateway, None, refund(None)).await.unwrap();
    assert_eq!((record.refunds.as_slice(), record.refunded(), record.kept()), ([300, 500].as_slice(), 800, 0));
    assert_eq!(code(ask(&gateway, None, refund(None)).await), Code::ChargeAlreadyRefunded);
}

#[tokio::test]
async fn a_key_is_kept_for_a_day() {
    let clock = SteppingClock::default();
    let gateway = SandboxGateway::in_memory(Arc::new(clock.clone()));
    let first = gateway.create(&order(booking("day"), eur(100))).await.unwrap();
    clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(gateway.create(&order(booking("day"), eur(100))).await.unwrap(), first);
    clock.advance(Duration::from_secs(1));
    // This is why the engine never charges again under a key of yesterday.
    assert_ne!(gateway.create(&order(booking("day"), eur(100))).await.unwrap().id, first.id);
    assert_eq!(gateway.intents().len(), 2);
}

#[tokio::test]
async fn the_bank_is_asked_once() {
    let gateway = SandboxGateway::in_memory(clock()).with_action_base("https://shop.example/bank/");
    let ann = booking("bank");
    let intent = gateway.create(&order(ann, eur(100))).await.unwrap();
    assert!(matches!(gateway.authenticate(&intent.id, true).await, Err(GatewayFault::Refused { .. })), "not sent there yet");
    let sent = gateway.confirm(&intent.id, ann, 1, "pm_card_authenticationRequired").await.unwrap();
    assert_eq!(
        sent.status,
        IntentStatus::RequiresAction(NextAction::Redirect { url: format!("https://shop.example/bank/{}", intent.id) })
    );
    assert_eq!(gateway.authenticate(&intent.id, true).await.unwrap().status, IntentStatus::RequiresCapture);
    assert!(matches!(gateway.authenticate(&intent.id, false).await, Err(GatewayFault::Refused { .. })), "it is decided");
    assert_eq!(gateway.retrieve(&intent.id).await.unwrap().status, IntentStatus::RequiresCapture);
}

#[tokio::test]
async fn slow_is_as_slow_as_was_said_and_done_before() {
    for (gateway_of, delay) in [
        ((|clock| SandboxGateway::in_memory(clock)) as fn(Arc<dyn Clock>) -> SandboxGateway, Duration::from_secs(3)),
        (|clock| SandboxGateway::in_memory(clock).with_slow_answers(Duration::from_secs(7)), Duration::from_secs(7)),
    ] {
        let clock = SteppingClock::default();
        let gateway = gateway_of(Arc::new(clock.clone()));
        let intent = gateway.create(&order(booking("slow"), eur(100))).await.unwrap();
        let before = clock.now();
        // A caller that gives up at once.
        drop(gateway.confirm(&intent.id, booking("slow"), 1, "pm_card_visa"));
        assert_eq!(gateway.retrieve(&intent.id).await.unwrap().status, IntentStatus::RequiresPaymentMethod);
        gateway.confirm(&intent.id, booking("slow"), 1, "pm_lastseat_slow").await.unwrap();
        assert_eq!((clock.now() - before).to_std().unwrap(), delay);
    }
}

#[tokio::test]
async fn the_money_side_can_be_summed() {
    let gateway = SandboxGateway::in_memory(clock());
    for (name, value) in [("sum 1", 100), ("sum 2", 20), ("sum 3", 3)] {
        let intent = authorised(&gateway, name, value).await;
        if value > 3 {
            gateway.capture(&intent, booking(name)).await.unwrap();
        }
        if value == 20 {
            gateway.refund(&intent, booking(name), 1, eur(value)).await.unwrap();
        }
    }
    let intents = gateway.intents();
    assert_eq!(intents.iter().map(|record| record.captured).sum::<i64>(), 120);
    assert_eq!(intents.iter().map(|record| record.refunded()).sum::<i64>(), 20);
    assert_eq!(intents.iter().map(|record| record.kept()).sum::<i64>(), 100);
}
