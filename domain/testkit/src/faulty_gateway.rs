//! A gateway that fails on purpose, for tests of what is built on one (feature `testkit`).

use async_trait::async_trait;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use lastseat_domain::{BookingId, IntentId, Money};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

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

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfortune {
    /// It is done, and the answer is [`GatewayFault::OutcomeUnknown`].
    AnswerLost,
    /// It never arrives, and the answer is [`GatewayFault::OutcomeUnknown`].
    RequestLost,
    /// It is not done, and the answer is [`GatewayFault::Unavailable`].
    Unavailable,
}

/// Wraps a gateway, counts its calls, and fails those it was told to.
pub struct FaultyGateway {
    inner: Arc<dyn PaymentGateway>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: HashMap<GatewayCall, u64>,
    planned: HashMap<(GatewayCall, u64), Misfortune>,
    standing: HashMap<GatewayCall, Misfortune>,
}

impl FaultyGateway {
    /// Wraps a gateway; nothing fails until told to.
    #[must_use]
    pub fn new(inner: Arc<dyn PaymentGateway>) -> Self {
        Self { inner, state: Mutex::default() }
    }

    /// Strikes the `nth` call of an operation, from 1, counted over the whole life of this wrapper.
    pub fn strike(&self, call: GatewayCall, nth: u64, misfortune: Misfortune) {
        self.state.lock().planned.insert((call, nth), misfortune);
    }

    /// Strikes the next call of an operation.
    pub fn strike_next(&self, call: GatewayCall, misfortune: Misfortune) {
        let mut state = self.state.lock();
        let next = state.calls.get(&call).copied().unwrap_or(0) + 1;
        state.planned.insert((call, next), misfortune);
    }

    /// Strikes every call of an operation until told `None`.
    pub fn strike_all(&self, call: GatewayCall, misfortune: Option<Misfortune>) {
        let standing = &mut self.state.lock().standing;
        match misfortune {
            Some(misfortune) => standing.insert(call, misfortune),
            None => standing.remove(&call),
        };
    }

    /// Calls of an operation so far, struck ones included.
    #[must_use]
    pub fn calls(&self, call: GatewayCall) -> u64 {
        self.state.lock().calls.get(&call).copied().unwrap_or(0)
    }

    fn count(&self, call: GatewayCall) -> Option<Misfortune> {
        let mut state = self.state.lock();
        let nth = state.calls.entry(call).or_default();
        *nth += 1;
        let nth = *nth;
        state.planned.remove(&(call, nth)).or_else(|| state.standing.get(&call).copied())
    }

    async fn call<T>(
        &self,
        call: GatewayCall,
        real: impl Future<Output = Result<T, GatewayFault>> + Send,
    ) -> Result<T, GatewayFault> {
        match self.count(call) {
            None => real.await,
            Some(Misfortune::AnswerLost) => {
                // Whatever it was, an error too, the caller does not get to know.
                let _answer = real.await;
                Err(GatewayFault::OutcomeUnknown(format!("told to lose the answer of {call:?}")))
            }
            Some(Misfortune::RequestLost) => Err(GatewayFault::OutcomeUnknown(format!("told to lose {call:?}"))),
            Some(Misfortune::Unavailable) => Err(GatewayFault::Unavailable(format!("instructed to be down for {call:?}"))),
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
    async fn create(&self, booking: BookingId, amount: Money) -> Result<Intent, GatewayFault> {
        self.call(GatewayCall::Create, self.inner.create(booking, amount)).await
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

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.call(GatewayCall::Retrieve, self.inner.retrieve(intent)).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.call(GatewayCall::Capture, self.inner.capture(intent, booking)).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.call(GatewayCall::Cancel, self.inner.cancel(intent, booking)).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.call(GatewayCall::Refund, self.inner.refund(intent, booking)).await
    }
}
