//! A gateway whose answers do not fit what was sent: nothing is captured on their word.

use crate::common::checker::flagged;
use crate::common::fault_injection::{AppendFate, FaultPlan};
use crate::common::*;
use crate::faults::in_virtual_time;
use async_trait::async_trait;
use lastseat_domain::ports::payments::{GatewayFault, Intent, PaymentGateway, PaymentOrder};
use lastseat_domain::{BookingId, IntentId, Money};
use lastseat_engine::Paid;
use lastseat_testkit::{ForwardGateway, ForwardingGateway};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A gateway that mixes up its answers: from the `from`th on, they are of another booking or amount.
struct MixedUp {
    inner: Arc<dyn PaymentGateway>,
    left: AtomicU64,
    other: BookingId,
    amount: bool,
}

impl MixedUp {
    fn mix(&self, answer: Result<Intent, GatewayFault>) -> Result<Intent, GatewayFault> {
        let is_right = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
        answer.map(|intent| match (is_right, self.amount) {
            (true, _) => intent,
            (false, true) => Intent { amount: Money { value: intent.amount.value - 1, ..intent.amount }, ..intent },
            (false, false) => Intent { booking: Some(self.other), ..intent },
        })
    }
}

#[async_trait]
impl ForwardGateway for MixedUp {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.inner
    }

    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        self.mix(self.inner.create(order).await)
    }

    async fn confirm(&self, intent: &IntentId, booking: BookingId, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        self.mix(self.inner.confirm(intent, booking, attempt, method).await)
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.mix(self.inner.retrieve(intent).await)
    }
}

#[test]
fn answers_that_do_not_fit_are_flagged_and_never_captured() {
    in_virtual_time(async |atomic| {
        for right_answers in [0, 1] {
            for amount in [true, false] {
                let what = format!("atomic: {atomic}, after {right_answers} right answers, amount: {amount}");
                let bench = TestBench::new(atomic);
                let other = bench.new_booking();
                let mixed = MixedUp { inner: bench.payments.clone(), left: AtomicU64::new(right_answers), other, amount };
                let bench = TestBench { payments: Arc::new(ForwardingGateway(mixed)), ..bench };
                let office = bench.open().await;
                let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
                assert_eq!(code(pay(&office, &held, "pm_card_visa").await), "booking_over", "{what}");
                later(700).await;
                assert_eq!((flagged(&bench).await, bench.taken()), (1, 0), "{what}");
                if right_answers == 0 {
                    let untouched = bench.sandbox.intents().iter().all(|i| i.payment_method.is_none());
                    assert!(untouched, "{what}: an intent that is not the booking's is not even confirmed");
                }
                assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok(), "{what}");
            }
        }
    });
}

/// Somebody clears the metadata of intents at the gateway.
struct Cleared(Arc<dyn PaymentGateway>);

#[async_trait]
impl ForwardGateway for Cleared {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.0
    }

    async fn confirm(&self, intent: &IntentId, booking: BookingId, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        Ok(Intent { booking: None, ..self.0.confirm(intent, booking, attempt, method).await? })
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        Ok(Intent { booking: None, ..self.0.capture(intent, booking).await? })
    }
}

/// The id of the intent is the log's, so nothing is wrong as long as no other booking is named.
#[test]
fn an_intent_that_names_no_booking_is_captured() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let bench = TestBench { payments: Arc::new(ForwardingGateway(Cleared(bench.payments.clone()))), ..bench };
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
        assert_eq!(flagged(&bench).await, 0);
        assert!(bench.taken() > 0);
    });
}

/// The node dies between the flag and the end of the booking: the seats still come free.
#[test]
fn a_flagged_booking_keeps_no_seat_when_its_node_dies() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        let other = bench.new_booking();
        let mixed = MixedUp { inner: bench.payments.clone(), left: AtomicU64::new(0), other, amount: true };
        let (plan, end) = FaultPlan::around(&TestBench { payments: Arc::new(ForwardingGateway(mixed)), ..bench.clone() });
        let office = end.node().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        // Append 0 starts the payment, 1 flags it, 2 ends the booking.
        plan.append(2, AppendFate::CutBefore);
        tokio::select! {
            biased;
            () = plan.power.went_out() => {}
            _ = pay(&office, &held, "pm_card_visa") => panic!("the power is out"),
        }
        drop(office);
        assert_eq!(bench.story(held.id).await.last(), Some(&"PaymentFlagged"));
        let office = bench.node().await;
        later(700).await;
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
    });
}
