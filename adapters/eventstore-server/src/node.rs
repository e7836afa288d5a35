//! What clients ask first: which methods the server has (`ServerFeatures`), and which node leads
//! (`Gossip`).

use crate::convert::{IdForm, id_to_wire};
use crate::wire::gossip::gossip_server::Gossip;
use crate::wire::gossip::member_info::VNodeState;
use crate::wire::gossip::{ClusterInfo, EndPoint, MemberInfo};
use crate::wire::server_features::server_features_server::ServerFeatures;
use crate::wire::server_features::{SupportedMethod, SupportedMethods};
use lastseat_domain::ports::Clock;
use std::net::SocketAddr;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// The release whose protocol this is; clients compare it with what they need.
const PROTOCOL_VERSION: &str = "23.10.0";

/// The address at which a client reached us, in the extensions of its request.
#[derive(Clone, Copy)]
pub(crate) struct ReachedAt(pub(crate) SocketAddr);

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) clock: Arc<dyn Clock>,
    /// See [`ServerSettings::advertise`](crate::ServerSettings::advertise).
    pub(crate) advertise: Option<(String, u16)>,
}

#[tonic::async_trait]
impl ServerFeatures for Node {
    async fn get_supported_methods(&self, _: Request<()>) -> Result<Response<SupportedMethods>, Status> {
        let method = |service: &str, name: &str| SupportedMethod {
            method_name: name.to_owned(),
            service_name: service.to_owned(),
            features: Vec::new(),
        };
        // Lower case: clients compare byte for byte.
        let methods = vec![
            method("event_store.client.streams.streams", "read"),
            method("event_store.client.streams.streams", "append"),
            method("event_store.client.streams.streams", "batchappend"),
            method("event_store.client.gossip.gossip", "read"),
            method("event_store.client.server_features.serverfeatures", "getsupportedmethods"),
        ];
        Ok(Response::new(SupportedMethods { methods, event_store_server_version: PROTOCOL_VERSION.to_owned() }))
    }
}

#[tonic::async_trait]
impl Gossip for Node {
    async fn read(&self, request: Request<()>) -> Result<Response<ClusterInfo>, Status> {
        let reached = request.extensions().get::<ReachedAt>();
        let reached = reached.map(|ReachedAt(at)| (at.ip().to_canonical().to_string(), at.port()));
        let (address, port) = self.advertise.clone().or(reached).ok_or_else(|| Status::internal("no address"))?;
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("esdb://{address}:{port}").as_bytes());
        let member = MemberInfo {
            instance_id: Some(id_to_wire(id, IdForm::Text)),
            time_stamp: self.clock.now().timestamp_millis(),
            state: VNodeState::Leader.into(),
            is_alive: true,
            http_end_point: Some(EndPoint { address, port: u32::from(port) }),
        };
        Ok(Response::new(ClusterInfo { members: vec![member] }))
    }
}
