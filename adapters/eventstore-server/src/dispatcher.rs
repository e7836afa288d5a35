//! The HTTP/2 service of a connection: checks the token and who leads, then routes the call.

use crate::access::{Access, CallKind};
use crate::disturbances::FaultInjector;
use crate::leadership::{Leadership, ReachedAt};
use crate::node::Node;
use crate::places::Place;
use crate::served_log::ServedLog;
use crate::settings::ServerSettings;
use crate::streams_service::StreamsService;
use crate::wire::gossip::gossip_server::GossipServer;
use crate::wire::server_features::server_features_server::ServerFeaturesServer;
use crate::wire::streams::streams_server::StreamsServer;
use futures::future::BoxFuture;
use http::HeaderMap;
use hyper::body::Incoming;
use lastseat_domain::ports::EventLog;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::service::Routes;

/// Largest message of a writer, as in EventStoreDB. An append that is too large gets a typed error up to here.
const MAX_WRITE_MESSAGE: usize = 16 * 1024 * 1024;
/// Largest message of a reader: a filter with all its prefixes.
const MAX_READ_MESSAGE: usize = 512 * 1024;

/// One for each connection; clones of one template share everything else.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    access: Arc<Access>,
    leadership: Arc<Leadership>,
    /// Calls with small messages: reads, features, gossip.
    reads: Routes,
    /// Calls with large messages.
    writes: Routes,
    reached_at: Option<SocketAddr>,
    /// None in the template.
    place: Option<Arc<Place>>,
}

impl Dispatcher {
    /// The template.
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        settings: &ServerSettings,
        injector: Option<&Arc<FaultInjector>>,
        shutdown: &CancellationToken,
    ) -> Self {
        let leadership = Arc::new(Leadership::new(settings.advertise.clone(), injector.cloned()));
        let served = ServedLog::new(log, settings, injector, Arc::clone(&leadership), shutdown.clone());
        let streams = StreamsService(Arc::new(served));
        let node = Node { clock: Arc::clone(&settings.clock), leadership: Arc::clone(&leadership) };
        let reads = Routes::new(StreamsServer::new(streams.clone()).max_decoding_message_size(MAX_READ_MESSAGE))
            .add_service(ServerFeaturesServer::new(node.clone()))
            .add_service(GossipServer::new(node))
            .prepare();
        let writes = Routes::new(StreamsServer::new(streams).max_decoding_message_size(MAX_WRITE_MESSAGE)).prepare();
        Self { access: Arc::new(Access::new(settings)), leadership, reads, writes, reached_at: None, place: None }
    }

    /// For a connection that reached us at this address and has this place.
    pub(crate) fn for_connection(&self, reached_at: SocketAddr, place: Arc<Place>) -> Self {
        Self { reached_at: Some(reached_at), place: Some(place), ..self.clone() }
    }

    fn check(&self, kind: CallKind, headers: &HeaderMap) -> Result<(), Status> {
        self.access.check(kind, headers)?;
        if self.access.is_proven_by(kind) && self.place.as_ref().is_some_and(|place| !place.prove()) {
            return Err(Status::unavailable("the server has as many connections as it takes; try again later"));
        }
        if kind == CallKind::Public { Ok(()) } else { self.leadership.check(headers) }
    }
}

impl hyper::service::Service<http::Request<Incoming>> for Dispatcher {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, mut request: http::Request<Incoming>) -> Self::Future {
        let kind = CallKind::of(request.uri().path());
        if let Err(status) = self.check(kind, request.headers()) {
            return Box::pin(std::future::ready(Ok(status.into_http())));
        }
        if let Some(address) = self.reached_at {
            request.extensions_mut().insert(ReachedAt(address));
        }
        let mut routes = if kind == CallKind::Write { self.writes.clone() } else { self.reads.clone() };
        Box::pin(async move {
            match routes.call(request).await {
                Ok(response) => Ok(response),
                // The services answer every failure themselves.
                Err(error) => Ok(Status::internal(error.to_string()).into_http()),
            }
        })
    }
}
