//! Ports that hand every call on to another adapter. A test implements [`ForwardLog`] or
//! [`ForwardGateway`], overrides the methods that shall differ, and wraps the value.

use async_trait::async_trait;
use futures::stream::BoxStream;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, EventLog, Filter, LogFault, LogReport, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use lastseat_domain::ports::payments::{GatewayFault, Intent, PaymentGateway, PaymentOrder};
use lastseat_domain::{BookingId, IntentId, Money, StreamName};
use std::sync::Arc;
use std::time::Duration;

/// How a log differs from the one that it forwards to. Each method does what the port's does.
#[async_trait]
pub trait ForwardLog: Send + Sync + 'static {
    /// The log that calls are forwarded to.
    fn inner(&self) -> &dyn EventLog;

    fn atomic_across_streams(&self) -> bool {
        self.inner().atomic_across_streams()
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        self.inner().append(writes).await
    }

    /// One by one, so that a test that overrides [`append`](Self::append) changes these as well.
    async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<Result<Vec<WriteOutcome>, LogFault>> {
        futures::future::join_all(appends.into_iter().map(|writes| self.append(writes))).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.inner().read_stream(stream, from, direction, limit).await
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.inner().read_all(from, direction, limit, filter).await
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        self.inner().subscribe(from, filter)
    }

    async fn head(&self) -> Result<Position, LogFault> {
        self.inner().head().await
    }

    async fn wait_for_capacity(&self, appends: usize) -> Result<(), Duration> {
        self.inner().wait_for_capacity(appends).await
    }

    fn longest_append(&self) -> Duration {
        self.inner().longest_append()
    }

    fn report(&self) -> LogReport {
        self.inner().report()
    }
}

/// An [`EventLog`] made of a [`ForwardLog`].
pub struct ForwardingLog<T>(pub T);

#[async_trait]
impl<T: ForwardLog> EventLog for ForwardingLog<T> {
    fn atomic_across_streams(&self) -> bool {
        self.0.atomic_across_streams()
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        self.0.append(writes).await
    }

    async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<Result<Vec<WriteOutcome>, LogFault>> {
        self.0.append_each(appends).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.0.read_stream(stream, from, direction, limit).await
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.0.read_all(from, direction, limit, filter).await
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        self.0.subscribe(from, filter)
    }

    async fn head(&self) -> Result<Position, LogFault> {
        self.0.head().await
    }

    async fn wait_for_capacity(&self, appends: usize) -> Result<(), Duration> {
        self.0.wait_for_capacity(appends).await
    }

    fn longest_append(&self) -> Duration {
        self.0.longest_append()
    }

    fn report(&self) -> LogReport {
        self.0.report()
    }
}

/// How a gateway differs from the one that it forwards to. Each method does what the port's does.
#[async_trait]
pub trait ForwardGateway: Send + Sync + 'static {
    /// The gateway that calls are forwarded to.
    fn inner(&self) -> &dyn PaymentGateway;

    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        self.inner().create(order).await
    }

    async fn confirm(&self, intent: &IntentId, booking: BookingId, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        self.inner().confirm(intent, booking, attempt, method).await
    }

    async fn confirm_returning_to(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        method: &str,
        return_url: &str,
    ) -> Result<Intent, GatewayFault> {
        self.inner().confirm_returning_to(intent, booking, attempt, method, return_url).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.inner().retrieve(intent).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.inner().capture(intent, booking).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.inner().cancel(intent, booking).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        self.inner().refund(intent, booking, number, amount).await
    }

    fn queue_delay(&self) -> Duration {
        self.inner().queue_delay()
    }
}

/// A [`PaymentGateway`] made of a [`ForwardGateway`].
pub struct ForwardingGateway<T>(pub T);

#[async_trait]
impl<T: ForwardGateway> PaymentGateway for ForwardingGateway<T> {
    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        self.0.create(order).await
    }

    async fn confirm(&self, intent: &IntentId, booking: BookingId, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        self.0.confirm(intent, booking, attempt, method).await
    }

    async fn confirm_returning_to(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        method: &str,
        return_url: &str,
    ) -> Result<Intent, GatewayFault> {
        self.0.confirm_returning_to(intent, booking, attempt, method, return_url).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.0.retrieve(intent).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.0.capture(intent, booking).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.0.cancel(intent, booking).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        self.0.refund(intent, booking, number, amount).await
    }

    fn queue_delay(&self) -> Duration {
        self.0.queue_delay()
    }
}
