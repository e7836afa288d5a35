//! Which server leads, and what one that does not answers. This one does, unless a test has it disturbed.

use crate::disturbances::{AppendDecision, Disturbance, FaultInjector, Leader};
use crate::fault;
use http::HeaderMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tonic::Status;

/// The address at which a client reached us, in the extensions of its request.
#[derive(Clone, Copy)]
pub(crate) struct ReachedAt(pub(crate) SocketAddr);

/// Of one server.
pub(crate) struct Leadership {
    injector: Option<Arc<FaultInjector>>,
    /// See [`ServerSettings::advertise`](crate::ServerSettings::advertise).
    advertise: Option<(String, u16)>,
}

/// How a call ends when the server is deposed.
pub(crate) struct Deposed {
    pub(crate) status: Status,
    /// Whether what was written before is still answered.
    pub(crate) answers: bool,
}

impl Leadership {
    pub(crate) fn new(advertise: Option<(String, u16)>, injector: Option<Arc<FaultInjector>>) -> Self {
        Self { injector, advertise }
    }

    /// Where clients reach this server.
    pub(crate) fn own_address(&self, reached: Option<ReachedAt>) -> Option<(String, u16)> {
        let reached = reached.map(|ReachedAt(at)| (at.ip().to_canonical().to_string(), at.port()));
        self.advertise.clone().or(reached)
    }

    /// Who leads, if it is another server.
    pub(crate) fn other_leader(&self) -> Option<&Leader> {
        self.injector.as_ref()?.other_leader()
    }

    /// Whether this server may serve a call with these headers.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Status> {
        let Some(leader) = self.other_leader() else { return Ok(()) };
        let requires = headers.get("requires-leader").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
        if !requires {
            return Ok(());
        }
        self.injector.iter().for_each(|injector| injector.count(Disturbance::Refusal));
        Err(fault::not_leader(&leader.host, leader.port))
    }

    /// How the call of the next append ends, if this server is not the leader any more. It names the new one.
    pub(crate) fn deposed(&self, reached: Option<ReachedAt>) -> Option<Deposed> {
        let AppendDecision::Deposed { answers } = self.injector.as_ref()?.next_append() else { return None };
        let leader = self.other_leader().map(|leader| (leader.host.clone(), leader.port));
        let (host, port) = leader.or_else(|| self.own_address(reached)).unwrap_or_default();
        Some(Deposed { status: fault::not_leader(&host, port), answers })
    }
}
