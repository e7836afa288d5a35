//! The service `Streams`: what a client reads and appends.

use crate::batch;
use crate::fault;
use crate::read::Answers;
use crate::settings::DoorSettings;
use crate::wire::streams::streams_server::Streams;
use crate::wire::streams::{
    AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, DeleteReq, DeleteResp, ReadReq, TombstoneReq, TombstoneResp,
};
use futures::stream::BoxStream;
use lastseat_domain::ports::{Clock, EventLog};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

/// What all calls share.
pub(crate) struct Door {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) append_deadline: Duration,
    pub(crate) shutdown: CancellationToken,
    subscriptions: AtomicU64,
}

impl Door {
    pub(crate) fn new(log: Arc<dyn EventLog>, settings: &DoorSettings, shutdown: CancellationToken) -> Self {
        let (clock, append_deadline) = (Arc::clone(&settings.clock), settings.append_deadline);
        Self { log, clock, append_deadline, shutdown, subscriptions: AtomicU64::new(1) }
    }

    /// For people who compare logs of client and server; nothing else depends on it.
    pub(crate) fn subscription_id(&self) -> String {
        let count = self.subscriptions.fetch_add(1, Ordering::Relaxed);
        Uuid::from_u64_pair(self.clock.now().timestamp_millis().cast_unsigned(), count).to_string()
    }
}

/// The service, shared by all connections.
#[derive(Clone)]
pub(crate) struct StreamsService(pub(crate) Arc<Door>);

#[tonic::async_trait]
impl Streams for StreamsService {
    type ReadStream = Answers;
    type BatchAppendStream = BoxStream<'static, Result<BatchAppendResp, Status>>;

    async fn read(&self, request: Request<ReadReq>) -> Result<Response<Answers>, Status> {
        self.0.read_any(request).await.map(Response::new)
    }

    async fn append(&self, request: Request<Streaming<AppendReq>>) -> Result<Response<AppendResp>, Status> {
        self.0.append_one(request).await.map(Response::new)
    }

    async fn batch_append(
        &self,
        request: Request<Streaming<BatchAppendReq>>,
    ) -> Result<Response<Self::BatchAppendStream>, Status> {
        Ok(Response::new(batch::session(Arc::clone(&self.0), request.into_inner())))
    }

    async fn delete(&self, _: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        Err(nothing_is_deleted())
    }

    async fn tombstone(&self, _: Request<TombstoneReq>) -> Result<Response<TombstoneResp>, Status> {
        Err(nothing_is_deleted())
    }
}

fn nothing_is_deleted() -> Status {
    fault::denied("nothing is ever deleted from this log: it is the record of who owns which seat")
}
