//! One block being opened, and its first event.

use crate::requests::BlockRequest;
use crate::services::Services;
use lastseat_domain::event::BlockOpened;
use lastseat_domain::{Metadata, SeatId};

pub(super) struct Opening<'a> {
    pub services: &'a Services,
    pub request: &'a BlockRequest,
    pub metadata: Metadata,
}

impl<'a> Opening<'a> {
    pub(super) fn new(services: &'a Services, request: &'a BlockRequest) -> Self {
        let (id, origin) = (Some(request.block.0), &request.origin);
        // The request has no event that caused it; the block's id, which is the request's own, names the cause.
        let trace = origin.trace.clone();
        let metadata = Metadata { correlation: id, causation: id, trace, ..Metadata::new(&origin.by, services.now()) };
        Self { services, request, metadata }
    }

    pub(super) fn first_event(&self, seats: Vec<SeatId>) -> BlockOpened {
        let request = self.request;
        BlockOpened {
            block: request.block,
            show: request.show.clone(),
            seats,
            reason: request.reason.clone(),
            channel: request.channel.clone(),
            access_code: request.access_code.clone(),
            by: request.origin.by.clone(),
            request: request.fingerprint.clone(),
        }
    }
}
