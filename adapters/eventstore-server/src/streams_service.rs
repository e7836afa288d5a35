//! The gRPC service `Streams`: hands each call to the module that serves it.

use crate::batch;
use crate::fault;
use crate::leadership::ReachedAt;
use crate::read::Answers;
use crate::served_log::ServedLog;
use crate::wire::streams::streams_server::Streams;
use crate::wire::streams::{
    AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, DeleteReq, DeleteResp, ReadReq, TombstoneReq, TombstoneResp,
};
use futures::stream::BoxStream;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

/// Clones serve the same log.
#[derive(Clone)]
pub(crate) struct StreamsService(pub(crate) Arc<ServedLog>);

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
        let reached = request.extensions().get::<ReachedAt>().copied();
        Ok(Response::new(batch::session(Arc::clone(&self.0), reached, request.into_inner())))
    }

    async fn delete(&self, _: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        Err(nothing_is_deleted())
    }

    async fn tombstone(&self, _: Request<TombstoneReq>) -> Result<Response<TombstoneResp>, Status> {
        Err(nothing_is_deleted())
    }
}

fn nothing_is_deleted() -> Status {
    fault::denied("streams can't be deleted: this log is the record of who owns which seat")
}
