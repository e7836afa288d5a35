//! The ports over Stripe.

use super::answers::Failure;
use super::api::{Api, checked};
use super::listing::listed;
use super::objects::{DisputeObject, List, RefundObject};
use super::rate::Endpoint;
use super::requests;
use super::settings::{Mode, SettingsError, StripeSettings};
use super::steps::{Cancel, Capture, Confirm, Create, Refund};
use super::tries::{Memory, RULES, StripeStep, run};
use async_trait::async_trait;
use lastseat_domain::ports::payments::{Dispute, GatewayFault, Intent, PaymentOrder, RecordPage, RefundRecord};
use lastseat_domain::ports::{PaymentGateway, PaymentRecords};
use lastseat_domain::{BookingId, IntentId, Money};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One account of Stripe. Cheap to clone: clones share connections and limits.
#[derive(Clone)]
pub struct StripeGateway {
    pub(crate) api: Arc<Api>,
    memory: Arc<Memory>,
    mode: Mode,
}

impl StripeGateway {
    /// Opens an account. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn open(settings: &StripeSettings) -> Result<Self, SettingsError> {
        Ok(Self { api: Arc::new(Api::open(settings)?), memory: Arc::new(Memory::new()), mode: settings.mode()? })
    }

    /// Whether the key moves real money.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    async fn run(&self, attempt: &impl StripeStep) -> Result<Intent, GatewayFault> {
        run(RULES, &self.memory, attempt).await
    }
}

#[async_trait]
impl PaymentGateway for StripeGateway {
    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        self.run(&Create { api: &self.api, order }).await
    }

    async fn confirm(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
    ) -> Result<Intent, GatewayFault> {
        let return_url = None;
        self.run(&Confirm { api: &self.api, intent: checked(intent)?, booking, attempt, payment_method, return_url }).await
    }

    async fn confirm_returning_to(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
        return_url: &str,
    ) -> Result<Intent, GatewayFault> {
        let return_url = Some(return_url);
        self.run(&Confirm { api: &self.api, intent: checked(intent)?, booking, attempt, payment_method, return_url }).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.api.look(checked(intent)?).await?.view()
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.run(&Capture { api: &self.api, intent: checked(intent)?, booking }).await
    }

    async fn cancel(&self, intent: &IntentId, _booking: BookingId) -> Result<Intent, GatewayFault> {
        self.run(&Cancel { api: &self.api, intent: checked(intent)? }).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        self.run(&Refund { api: &self.api, intent: checked(intent)?, booking, number, amount }).await
    }

    /// A new payment is a creation and a confirmation.
    fn queue_delay(&self) -> Duration {
        self.api.delay(Endpoint::Create).max(self.api.delay(Endpoint::Confirm))
    }
}

#[async_trait]
impl PaymentRecords for StripeGateway {
    async fn list(&self, before: Option<&IntentId>) -> Result<RecordPage, GatewayFault> {
        let call = requests::list(before.map(checked).transpose()?);
        let page: List<Value> = self.api.send(&call, None).await.map_err(Failure::into_fault_of_look)?;
        listed(page)
    }

    async fn refunds(&self, intent: &IntentId) -> Result<Vec<RefundRecord>, GatewayFault> {
        let call = requests::refunds(checked(intent)?);
        let refunds: List<RefundObject> = self.api.send(&call, None).await.map_err(Failure::into_fault_of_look)?;
        if refunds.has_more {
            return Err(GatewayFault::Unavailable("the intent has more than 100 refunds".to_owned()));
        }
        Ok(refunds.data.iter().map(|refund| RefundRecord { number: refund.number(), failed: refund.failed() }).collect())
    }

    async fn dispute(&self, intent: &IntentId) -> Result<Dispute, GatewayFault> {
        let call = requests::disputes(checked(intent)?);
        let disputes: List<DisputeObject> = self.api.send(&call, None).await.map_err(Failure::into_fault_of_look)?;
        Ok(DisputeObject::of_all(&disputes.data))
    }
}

impl fmt::Debug for StripeGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeGateway").field("mode", &self.mode).finish_non_exhaustive()
    }
}
