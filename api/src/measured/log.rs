use crate::metrics::{Calls, Dependency, span};
use async_trait::async_trait;
use futures::stream::BoxStream;
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, Filter, LogFault, LogReport, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument;

/// An event log whose calls are measured.
pub struct MeasuredLog {
    log: Arc<dyn EventLog>,
    calls: Calls,
}

impl MeasuredLog {
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>, calls: Calls) -> Self {
        Self { log, calls }
    }
}

#[async_trait]
impl EventLog for MeasuredLog {
    fn atomic_across_streams(&self) -> bool {
        self.log.atomic_across_streams()
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        self.calls.measure(Dependency::EventLog, "append", self.log.append(writes)).await
    }

    async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<Result<Vec<WriteOutcome>, LogFault>> {
        let begun = Instant::now();
        let answers = self.log.append_each(appends).instrument(span(Dependency::EventLog, "append_each")).await;
        for answer in &answers {
            self.calls.count(Dependency::EventLog, "append", answer.is_ok(), begun);
        }
        answers
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let read = self.log.read_stream(stream, from, direction, limit);
        self.calls.measure(Dependency::EventLog, "read_stream", read).await
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let read = self.log.read_all(from, direction, limit, filter);
        self.calls.measure(Dependency::EventLog, "read_all", read).await
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        self.log.subscribe(from, filter)
    }

    async fn head(&self) -> Result<Position, LogFault> {
        self.log.head().await
    }

    async fn wait_for_capacity(&self, appends: usize) -> Result<(), Duration> {
        self.log.wait_for_capacity(appends).await
    }

    fn longest_append(&self) -> Duration {
        self.log.longest_append()
    }

    fn report(&self) -> LogReport {
        self.log.report()
    }
}
