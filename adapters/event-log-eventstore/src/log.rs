//! The implementation of the port.

use crate::append::{Appender, combine};
use crate::check::{self, Checkup};
use crate::connection::{Connection, Health};
use crate::connection_string::{BadConnectionString, Target};
use crate::options::Options;
use crate::shared_subscription::SharedSubscriptions;
use crate::{read, subscription};
use async_trait::async_trait;
use futures::future::join_all;
use futures::stream::BoxStream;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, EventLog, Filter, LogFault, LogReport, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
    request,
};
use std::sync::Arc;
use std::time::Duration;

/// An [`EventLog`] in an EventStoreDB or KurrentDB cluster. Clones share the connection.
///
/// Readers of the whole log with the same filter share one subscription of the server. An append of several streams is not
/// atomic. Positions are commit positions. Reads and subscriptions of the whole log leave out system streams, links, and events
/// that are not JSON; in a stream that is read by name, the last two are events with a string for a body. Other programs' JSON
/// events are included, whatever their type.
#[derive(Clone)]
pub struct EventStoreLog {
    connection: Arc<Connection>,
    appender: Arc<Appender>,
    subscriptions: Arc<SharedSubscriptions>,
}

impl EventStoreLog {
    /// Takes a connection string (`esdb://host:2113?tls=false`,
    /// `esdb+discover://cluster.example.org:2113`, `kurrentdb://a:2113,b:2113,c:2113`, …). Connects
    /// only when first used.
    ///
    /// # Errors
    /// [`BadConnectionString`] with the reason.
    pub fn open(connection_string: &str, options: Options) -> Result<Self, BadConnectionString> {
        let connection = Connection::new(Target::parse(connection_string)?, options);
        let appender = Arc::new(Appender::new(Arc::clone(&connection)));
        let followed = Arc::clone(&connection);
        let subscriptions =
            SharedSubscriptions::new(Arc::new(move |from, filter| subscription::subscribe(Arc::clone(&followed), from, filter)));
        Ok(Self { connection, appender, subscriptions })
    }

    /// The connection string without its password and options.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.connection.target.shown
    }

    /// The connection's health, from the last calls. Makes no call.
    #[must_use]
    pub fn health(&self) -> Health {
        self.connection.health()
    }

    /// Checks that the store is reachable and has what lastseat needs. Writes nothing.
    pub async fn check(&self) -> Checkup {
        check::check(&self.connection).await
    }

    /// Ends all subscriptions and fails all other calls from now on.
    pub fn close(&self) {
        self.connection.close();
    }

    /// Notes the positions read: they tell a repeated append from a new one.
    fn seen(&self, events: Vec<Arc<RecordedEvent>>) -> Vec<Arc<RecordedEvent>> {
        if let Some(greatest) = events.iter().map(|event| event.position).max() {
            self.appender.saw(greatest);
        }
        events
    }
}

#[async_trait]
impl EventLog for EventStoreLog {
    fn atomic_across_streams(&self) -> bool {
        false
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        request::check(&writes)?;
        combine(join_all(writes.iter().map(|write| self.appender.append(write))).await)
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        Ok(self.seen(read::stream(&self.connection, stream, from, direction, limit).await?))
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        Ok(self.seen(read::all(&self.connection, from, direction, limit, filter).await?))
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        self.subscriptions.subscribe(from, filter)
    }

    async fn head(&self) -> Result<Position, LogFault> {
        let head = read::head(&self.connection).await?;
        self.appender.saw(head);
        Ok(head)
    }

    async fn wait_for_capacity(&self, appends: usize) -> Result<(), Duration> {
        self.appender.permits().wait_for(appends).await
    }

    fn longest_append(&self) -> Duration {
        self.connection.options.longest_append()
    }

    fn report(&self) -> LogReport {
        let permits = self.appender.permits();
        let (limit, in_flight) = permits.in_flight();
        let counts = self.connection.counts();
        LogReport {
            append_limit: limit as u64,
            appends_in_flight: in_flight as u64,
            appends_waiting: permits.waiting() as u64,
            slow_subscriptions: counts.slow_subscriptions,
            suspensions: counts.suspensions,
            // Those of the server, which counts them itself.
            ..LogReport::default()
        }
    }
}
