//! A payment gateway that fails on purpose, for tests of the code that uses one.

use async_trait::async_trait;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent, PaymentOrder};
use lastseat_domain::{BookingId, IntentId, Money};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// An operation of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named after the port's methods")]
pub enum GatewayCall {
    Create,
    Confirm,
    Retrieve,
    Capture,
    Cancel,
    Refund,
}

/// What goes wrong with a call of a [`FaultyGateway`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayCallFault {
    /// It is done, and the answer is [`GatewayFault::OutcomeUnknown`].
    AnswerLost,
    /// It never arrives, and the answer is [`GatewayFault::OutcomeUnknown`].
    RequestLost,
    /// It is not done, and the answer is [`GatewayFault::Unavailable`].
    Unavailable,
}

/// Wraps a gateway, counts its calls, and fails those that the test selects. Nothing fails at first.
pub struct FaultyGateway {
    inner: Arc<dyn PaymentGateway>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: HashMap<GatewayCall, u64>,
    planned: HashMap<(GatewayCall, u64), GatewayCallFault>,
    permanent: HashMap<GatewayCall, GatewayCallFault>,
}

impl FaultyGateway {
    /// Wraps a gateway.
    #[must_use]
    pub fn new(inner: Arc<dyn PaymentGateway>) -> Self {
        Self { inner, state: Mutex::default() }
    }

    /// Fails the `nth` call of an operation, counted from 1 since this wrapper was created.
    pub fn fail_nth(&self, call: GatewayCall, nth: u64, fault: GatewayCallFault) {
        self.state.lock().planned.insert((call, nth), fault);
    }

    /// Fails the next call of an operation.
    pub fn fail_next(&self, call: GatewayCall, fault: GatewayCallFault) {
        let mut state = self.state.lock();
        let next = state.calls.get(&call).copied().unwrap_or(0) + 1;
        state.planned.insert((call, next), fault);
    }

    /// Fails every call of an operation, until called with `None`.
    pub fn fail_all(&self, call: GatewayCall, fault: Option<GatewayCallFault>) {
        let permanent = &mut self.state.lock().permanent;
        match fault {
            Some(fault) => permanent.insert(call, fault),
            None => permanent.remove(&call),
        };
    }

    /// All calls of an operation so far, failed ones included.
    #[must_use]
    pub fn calls(&self, call: GatewayCall) -> u64 {
        self.state.lock().calls.get(&call).copied().unwrap_or(0)
    }

    fn count(&self, call: GatewayCall) -> Option<GatewayCallFault> {
        let mut state = self.state.lock();
        let nth = state.calls.entry(call).or_default();
        *nth += 1;
        let nth = *nth;
        state.planned.remove(&(call, nth)).or_else(|| state.permanent.get(&call).copied())
    }

    async fn call<T>(
        &self,
        call: GatewayCall,
        real: impl Future<Output = Result<T, GatewayFault>> + Send,
    ) -> Result<T, GatewayFault> {
        match self.count(call) {
            None => real.await,
            Some(GatewayCallFault::AnswerLost) => {
                // The caller doesn't learn the answer, even if it is an error.
                let _answer = real.await;
                Err(GatewayFault::OutcomeUnknown(format!("set to lose the answer of {call:?} by the test")))
            }
            Some(GatewayCallFault::RequestLost) => Err(GatewayFault::OutcomeUnknown(format!("set to lose {call:?} by the test"))),
            Some(GatewayCallFault::Unavailable) => {
                Err(GatewayFault::Unavailable(format!("set to be down for {call:?} by the test")))
            }
        }
    }
}

impl fmt::Debug for FaultyGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyGateway").field("state", &*self.state.lock()).finish_non_exhaustive()
    }
}

#[async_trait]
impl PaymentGateway for FaultyGateway {
    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        self.call(GatewayCall::Create, self.inner.create(order)).await
    }

    async fn confirm(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
    ) -> Result<Intent, GatewayFault> {
        self.call(GatewayCall::Confirm, self.inner.confirm(intent, booking, attempt, payment_method)).await
    }

    async fn confirm_returning_to(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
        return_url: &str,
    ) -> Result<Intent, GatewayFault> {
        let confirmed = self.inner.confirm_returning_to(intent, booking, attempt, payment_method, return_url);
        self.call(GatewayCall::Confirm, confirmed).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.call(GatewayCall::Retrieve, self.inner.retrieve(intent)).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.call(GatewayCall::Capture, self.inner.capture(intent, booking)).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.call(GatewayCall::Cancel, self.inner.cancel(intent, booking)).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        self.call(GatewayCall::Refund, self.inner.refund(intent, booking, number, amount)).await
    }

    fn queue_delay(&self) -> Duration {
        self.inner.queue_delay()
    }
}
