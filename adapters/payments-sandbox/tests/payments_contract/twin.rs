//! Gateways with one rule broken each, which the suite has to catch.

use async_trait::async_trait;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus, PaymentOrder};
use lastseat_domain::{BookingId, IntentId, Money};
use lastseat_payments_sandbox::Command;
use lastseat_payments_sandbox::SandboxGateway;
use std::collections::BTreeMap;

/// One rule broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    IgnoresKeys,
    IgnoresParameters,
    CapturesWhenConfirmed,
    CapturesWhatWasNotAuthorised,
    CancelsWhatWasTaken,
    RefundsByVoiding,
    DeclinesAsFaults,
    ForgetsTheDecline,
    ChargesAnotherAmount,
}

/// The sandbox with a fault in front of it.
pub struct Twin {
    pub inner: SandboxGateway,
    pub fault: Fault,
}

impl Twin {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    async fn without_key(&self, command: Command) -> Result<Intent, GatewayFault> {
        let record = self.inner.execute(None, command).await??;
        self.inner.retrieve(&record.id).await
    }
}

#[async_trait]
impl PaymentGateway for Twin {
    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        if self.has(Fault::IgnoresKeys) {
            return self
                .without_key(Command::Create { booking: order.booking, amount: order.amount, metadata: BTreeMap::new() })
                .await;
        }
        let value = if self.has(Fault::ChargesAnotherAmount) { order.amount.value * 2 } else { order.amount.value };
        self.inner.create(&PaymentOrder { amount: Money { value, ..order.amount }, ..order.clone() }).await
    }

    async fn confirm_returning_to(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
        _: &str,
    ) -> Result<Intent, GatewayFault> {
        self.confirm(intent, booking, attempt, payment_method).await
    }

    async fn confirm(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
    ) -> Result<Intent, GatewayFault> {
        if self.has(Fault::IgnoresKeys) {
            let command = Command::Confirm { intent: intent.clone(), payment_method: payment_method.to_owned() };
            return self.without_key(command).await;
        }
        let answer = self.inner.confirm(intent, booking, attempt, payment_method).await;
        match answer {
            Err(GatewayFault::Refused { ref code, .. }) if self.has(Fault::IgnoresParameters) && code == "idempotency_error" => {
                self.inner.retrieve(intent).await
            }
            Ok(intent) if self.has(Fault::CapturesWhenConfirmed) && intent.status == IntentStatus::RequiresCapture => {
                self.inner.capture(&intent.id, booking).await
            }
            Ok(intent) if self.has(Fault::DeclinesAsFaults) && intent.last_decline.is_some() => {
                Err(GatewayFault::Refused { code: "card_declined".to_owned(), message: "declined".to_owned() })
            }
            Ok(intent) if self.has(Fault::ForgetsTheDecline) => Ok(Intent { last_decline: None, ..intent }),
            answer => answer,
        }
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.inner.retrieve(intent).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        if self.has(Fault::IgnoresKeys) {
            return self.without_key(Command::Capture { intent: intent.clone(), amount: None }).await;
        }
        if self.has(Fault::CapturesWhatWasNotAuthorised) {
            let _whatever_it_says = self.inner.confirm(intent, booking, 1_000, "pm_card_visa").await;
        }
        self.inner.capture(intent, booking).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        match self.inner.cancel(intent, booking).await {
            Err(_) if self.has(Fault::CancelsWhatWasTaken) => {
                let amount = self.inner.retrieve(intent).await?.amount;
                self.inner.refund(intent, booking, 1, amount).await
            }
            answer => answer,
        }
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        match self.inner.refund(intent, booking, number, amount).await {
            Err(_) if self.has(Fault::RefundsByVoiding) => self.inner.cancel(intent, booking).await,
            answer => answer,
        }
    }
}
