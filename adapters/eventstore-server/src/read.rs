//! `Read`: reads of a stream or of the whole log, and subscriptions to either.

mod end_with;
mod live_buffer;
mod page;
mod request;
mod subscription;

pub(crate) use request::Answers;

use crate::deadline;
use crate::fault;
use crate::served_log::ServedLog;
use crate::wire::streams::ReadReq;
use futures::StreamExt;
use futures::future::BoxFuture;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::event_log::request::check_start;
use live_buffer::LiveBuffer;
use request::{From, ReadRequest, Source};
use std::sync::Arc;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

impl ServedLog {
    /// The answers end early, with an error, on shutdown and at the client's deadline.
    pub(crate) async fn read_any(self: &Arc<Self>, request: Request<ReadReq>) -> Result<Answers, Status> {
        let (metadata, _, request) = request.into_parts();
        let request = ReadRequest::from_wire(request)?;
        let mut ending = self.ending(&metadata);
        let answers = match request.count {
            Some(count) => page::read(Arc::clone(&self.log), request, count),
            None => tokio::select! {
                answers = self.subscribe(request) => answers?,
                status = &mut ending => return Err(status),
            },
        };
        Ok(end_with::end_with(answers, ending).boxed())
    }

    /// Completes when the call has to end, with the reason.
    fn ending(&self, metadata: &MetadataMap) -> BoxFuture<'static, Status> {
        let shutdown = self.shutdown.child_token().cancelled_owned();
        let limit = deadline::of(metadata);
        Box::pin(async move {
            let Some(limit) = limit else {
                shutdown.await;
                return fault::shutting_down();
            };
            tokio::select! {
                () = shutdown => fault::shutting_down(),
                () = tokio::time::sleep(limit) => Status::deadline_exceeded("the call's deadline has passed"),
            }
        })
    }

    async fn subscribe(&self, request: ReadRequest) -> Result<Answers, Status> {
        let answers = self.subscribe_to_any(request).await?;
        Ok(match self.injector.as_ref().and_then(|injector| Some((injector, injector.live_buffer()?))) {
            Some((injector, limit)) => LiveBuffer::new(answers, limit, Arc::clone(injector)).boxed(),
            None => answers,
        })
    }

    async fn subscribe_to_any(&self, request: ReadRequest) -> Result<Answers, Status> {
        let head = self.log.head().await.map_err(|fault| fault::status(&fault))?;
        let context =
            subscription::Context { log: Arc::clone(&self.log), clock: Arc::clone(&self.clock), id_form: request.id_form, head };
        let id = self.subscription_id();
        match request.source {
            Source::Stream(stream) => Ok(context.subscribe_to_stream(id, stream, request.from)),
            Source::All(filter) => {
                let from = match request.from {
                    From::Start => Position::START,
                    From::End => head,
                    From::At(position) => Position(position),
                };
                check_start(from, head).map_err(|fault| fault::status(&fault))?;
                Ok(context.subscribe_to_all(id, from, filter))
            }
        }
    }
}
