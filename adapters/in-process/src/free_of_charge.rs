//! A gateway in front of the gateway: a booking that costs nothing is never sent to the real one, which
//! would refuse it. It takes the same steps otherwise, so nothing else has to know.

use async_trait::async_trait;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus, PaymentOrder};
use lastseat_domain::{BookingId, Currency, IntentId, Money};
use std::sync::Arc;
use std::time::Duration;

/// Prefix of the ids of free intents; currency and booking follow.
const PREFIX: &str = "free_";

/// Hands everything that costs something on to the gateway within.
pub struct FreeOfCharge(Arc<dyn PaymentGateway>);

impl FreeOfCharge {
    /// In front of `gateway`.
    #[must_use]
    pub fn in_front_of(gateway: Arc<dyn PaymentGateway>) -> Self {
        Self(gateway)
    }
}

/// The intent for nothing of that name; `None` if the gateway within has it.
fn free(intent: &IntentId, status: IntentStatus) -> Option<Intent> {
    let (currency, booking) = intent.as_str().strip_prefix(PREFIX)?.split_once('_')?;
    let amount = Money { value: 0, currency: Currency::new(currency).ok()? };
    Some(Intent {
        id: intent.clone(),
        booking: Some(booking.parse().ok()?),
        amount,
        status,
        last_decline: None,
        client_secret: None,
        capture_before: None,
        captured: 0,
        refunded: 0,
    })
}

#[async_trait]
impl PaymentGateway for FreeOfCharge {
    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        let name = (order.amount.value == 0).then(|| format!("{PREFIX}{}_{}", order.amount.currency, order.booking));
        match name.and_then(|name| free(&IntentId::new(&name).ok()?, IntentStatus::RequiresPaymentMethod)) {
            Some(intent) => Ok(intent),
            None => self.0.create(order).await,
        }
    }

    async fn confirm(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
    ) -> Result<Intent, GatewayFault> {
        match free(intent, IntentStatus::RequiresCapture) {
            Some(intent) => Ok(intent),
            None => self.0.confirm(intent, booking, attempt, payment_method).await,
        }
    }

    async fn confirm_returning_to(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
        return_url: &str,
    ) -> Result<Intent, GatewayFault> {
        match free(intent, IntentStatus::RequiresCapture) {
            Some(intent) => Ok(intent),
            None => self.0.confirm_returning_to(intent, booking, attempt, payment_method, return_url).await,
        }
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        match free(intent, IntentStatus::RequiresCapture) {
            Some(intent) => Ok(intent),
            None => self.0.retrieve(intent).await,
        }
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        match free(intent, IntentStatus::Succeeded) {
            Some(intent) => Ok(intent),
            None => self.0.capture(intent, booking).await,
        }
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        match free(intent, IntentStatus::Canceled) {
            Some(intent) => Ok(intent),
            None => self.0.cancel(intent, booking).await,
        }
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        match free(intent, IntentStatus::Succeeded) {
            Some(intent) => Ok(intent),
            None => self.0.refund(intent, booking, number, amount).await,
        }
    }

    fn queue_delay(&self) -> Duration {
        self.0.queue_delay()
    }
}
