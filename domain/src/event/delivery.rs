//! Events of a stream `webhook-{endpoint}`: how far an endpoint of the shop has received what happened.
//!
//! The last of them says all there is to know, so that a node that takes over reads one event.

use crate::Timestamp;
use crate::ids::EndpointId;
use crate::position::{Position, Revision};
use crate::stream_name::StreamName;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An event whose message an endpoint has not taken yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Its stream.
    pub stream: StreamName,
    /// Its revision there.
    pub revision: Revision,
}

/// The endpoint has received every message up to a position, or was given up on, but for some; and one sender goes on for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveriesCheckpointed {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The last position of the log that it has received everything up to.
    pub position: Position,
    /// Those up to it that it has not taken, at most [`MAX_PENDING`](crate::deliveries::MAX_PENDING).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Pending>,
    /// Who sends: a node, until it stops.
    pub sender: Uuid,
    /// Until when nobody else sends, unless this is written again.
    pub until: Timestamp,
    /// When messages were requested again, if ever: they are tried as long as new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_at: Option<Timestamp>,
}

/// A message was not taken for three days, and is not sent again by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryAbandoned {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The message's id: that of the event that it is about.
    pub message: Uuid,
    /// The position of that event.
    pub position: Position,
    /// How often the last sender has tried.
    pub tries: u32,
    /// What came of the last try.
    pub reason: String,
}

/// Messages after a position were requested again. The next sender begins there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveriesReplayed {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Everything after it is sent again.
    pub position: Position,
    /// Those up to it that the endpoint has not taken: they are still to be sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Pending>,
    /// Subject of the manager's token.
    pub by: String,
}
