//! The port's adapter.

use crate::append::{Appender, together};
use crate::check::{self, Checkup};
use crate::connection::{BadConnectionString, Connection};
use crate::link::{Health, Link};
use crate::options::Options;
use crate::{read, subscription};
use async_trait::async_trait;
use futures::future::join_all;
use futures::stream::BoxStream;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, EventLog, Filter, LogFault, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome, request,
};
use std::sync::Arc;

/// An [`EventLog`] in an EventStoreDB or KurrentDB cluster. Clones share the connection.
///
/// Streams of one append stand or fall each alone. Positions are commit positions. Events of
/// other programs that are no JSON, links, and the server's own events are not seen in the whole
/// log; in a stream that is read by name they are a fault.
#[derive(Clone)]
pub struct EventStoreLog {
    link: Arc<Link>,
    appender: Arc<Appender>,
}

impl EventStoreLog {
    /// A log at the store that a connection string names (`esdb://host:2113?tls=false`,
    /// `esdb+discover://cluster.example.org:2113`, `kurrentdb://a:2113,b:2113,c:2113`, …). Nothing
    /// is connected yet.
    ///
    /// # Errors
    /// [`BadConnectionString`] with the reason.
    pub fn open(connection_string: &str, options: Options) -> Result<Self, BadConnectionString> {
        let link = Link::new(Connection::parse(connection_string)?, options);
        let appender = Arc::new(Appender::new(Arc::clone(&link)));
        Ok(Self { link, appender })
    }

    /// Where the store is, without the password.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.link.connection.shown
    }

    /// How the link to the store is, by what the last calls met with. Asks nobody.
    #[must_use]
    pub fn health(&self) -> Health {
        self.link.health()
    }

    /// Asks the store whether everything that is needed is there. Writes nothing.
    pub async fn check(&self) -> Checkup {
        check::check(&self.link).await
    }

    /// Ends all subscriptions and lets every other call fail from now on.
    pub fn close(&self) {
        self.link.close();
    }

    /// Whoever has read so far can tell a repeat from a new event.
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
        together(join_all(writes.iter().map(|write| self.appender.append(write))).await)
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        Ok(self.seen(read::stream(&self.link, stream, from, direction, limit).await?))
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        Ok(self.seen(read::all(&self.link, from, direction, limit, filter).await?))
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        subscription::subscribe(Arc::clone(&self.link), from, filter)
    }

    async fn head(&self) -> Result<Position, LogFault> {
        let head = read::head(&self.link).await?;
        self.appender.saw(head);
        Ok(head)
    }
}
