//! What clients ask first: which methods the server has (`ServerFeatures`), and which node leads
//! (`Gossip`).

use crate::convert::{IdForm, id_to_wire};
use crate::leadership::{Leadership, ReachedAt};
use crate::wire::gossip::gossip_server::Gossip;
use crate::wire::gossip::member_info::VNodeState;
use crate::wire::gossip::{ClusterInfo, EndPoint, MemberInfo};
use crate::wire::server_features::server_features_server::ServerFeatures;
use crate::wire::server_features::{SupportedMethod, SupportedMethods};
use lastseat_domain::ports::Clock;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// The release whose protocol this is; clients compare it with what they need.
const PROTOCOL_VERSION: &str = "23.10.0";

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) leadership: Arc<Leadership>,
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
        let reached = request.extensions().get::<ReachedAt>().copied();
        let (host, port) = self.leadership.own_address(reached).ok_or_else(|| Status::internal("no address"))?;
        let members = match self.leadership.other_leader() {
            None => vec![self.member(host, port, VNodeState::Leader)],
            Some(leader) => {
                let leader = self.member(leader.host.clone(), leader.port, VNodeState::Leader);
                vec![self.member(host, port, VNodeState::Follower), leader]
            }
        };
        Ok(Response::new(ClusterInfo { members }))
    }
}

impl Node {
    fn member(&self, address: String, port: u16, state: VNodeState) -> MemberInfo {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("esdb://{address}:{port}").as_bytes());
        MemberInfo {
            instance_id: Some(id_to_wire(id, IdForm::Text)),
            time_stamp: self.clock.now().timestamp_millis(),
            state: state.into(),
            is_alive: true,
            http_end_point: Some(EndPoint { address, port: u32::from(port) }),
        }
    }
}
