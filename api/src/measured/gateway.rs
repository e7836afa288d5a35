use crate::metrics::{Calls, Dependency};
use async_trait::async_trait;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent, PaymentOrder};
use lastseat_domain::{BookingId, IntentId, Money};
use std::sync::Arc;
use std::time::Duration;

/// A payment gateway whose calls are measured. A decline is an answer, as for the gateway itself.
pub struct MeasuredGateway {
    gateway: Arc<dyn PaymentGateway>,
    calls: Calls,
}

impl MeasuredGateway {
    #[must_use]
    pub fn new(gateway: Arc<dyn PaymentGateway>, calls: Calls) -> Self {
        Self { gateway, calls }
    }

    async fn measure(
        &self,
        call: &'static str,
        answer: impl Future<Output = Result<Intent, GatewayFault>>,
    ) -> Result<Intent, GatewayFault> {
        self.calls.measure(Dependency::PaymentGateway, call, answer).await
    }
}

#[async_trait]
impl PaymentGateway for MeasuredGateway {
    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        self.measure("create", self.gateway.create(order)).await
    }

    async fn confirm(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
    ) -> Result<Intent, GatewayFault> {
        self.measure("confirm", self.gateway.confirm(intent, booking, attempt, payment_method)).await
    }

    async fn confirm_returning_to(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
        return_url: &str,
    ) -> Result<Intent, GatewayFault> {
        let confirmed = self.gateway.confirm_returning_to(intent, booking, attempt, payment_method, return_url);
        self.measure("confirm", confirmed).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.measure("retrieve", self.gateway.retrieve(intent)).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.measure("capture", self.gateway.capture(intent, booking)).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.measure("cancel", self.gateway.cancel(intent, booking)).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        self.measure("refund", self.gateway.refund(intent, booking, number, amount)).await
    }

    fn queue_delay(&self) -> Duration {
        self.gateway.queue_delay()
    }
}
