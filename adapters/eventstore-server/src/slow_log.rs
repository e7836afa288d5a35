//! A log whose answers are late: for tests.

use crate::disturbances::FaultInjector;
use async_trait::async_trait;
use futures::stream::BoxStream;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, EventLog, Filter, LogFault, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use std::sync::Arc;

/// Late after the log has answered, so that appends reach it in their order. Subscriptions are not late.
pub(crate) struct SlowLog {
    log: Arc<dyn EventLog>,
    injector: Arc<FaultInjector>,
}

impl SlowLog {
    pub(crate) fn new(log: Arc<dyn EventLog>, injector: Arc<FaultInjector>) -> Self {
        Self { log, injector }
    }

    async fn late<T>(&self, answer: impl Future<Output = T>) -> T {
        let (answer, late) = (answer.await, self.injector.delay());
        tokio::time::sleep(late).await;
        answer
    }
}

#[async_trait]
impl EventLog for SlowLog {
    fn atomic_across_streams(&self) -> bool {
        self.log.atomic_across_streams()
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        self.late(self.log.append(writes)).await
    }

    async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<Result<Vec<WriteOutcome>, LogFault>> {
        self.late(self.log.append_each(appends)).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.late(self.log.read_stream(stream, from, direction, limit)).await
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.late(self.log.read_all(from, direction, limit, filter)).await
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        self.log.subscribe(from, filter)
    }

    async fn head(&self) -> Result<Position, LogFault> {
        self.late(self.log.head()).await
    }
}
