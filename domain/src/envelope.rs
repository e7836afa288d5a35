//! An event that was read from the log, with its metadata.

use crate::Timestamp;
use crate::event::Event;
use crate::ids::BookingId;
use crate::position::{Position, Revision};
use crate::stream_name::StreamName;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The metadata that is stored with an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// What the event belongs to: the id of a booking, a block, a campaign, or a node that sends to an endpoint of the shop; of
    /// everything else, the command that led to it. Logs of earlier versions have it only with bookings and blocks.
    #[serde(rename = "$correlationId", default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Uuid>,
    /// What led to this event: the id of an earlier event, or of a caller's command
    /// ([`CommandId`](crate::ids::CommandId)). For a hold, the booking's id.
    #[serde(rename = "$causationId", default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<Uuid>,
    /// Who caused it: the subject of a caller's token, or the name of a part of lastseat.
    pub actor: String,
    /// Schema version of the body, from 1.
    #[serde(default = "first_version")]
    pub v: u32,
    /// When it was decided, by the engine's clock. The rules use this time, not the log's.
    pub at: Timestamp,
    /// The request that it follows from, if that is part of a trace; see [`Trace`](crate::Trace).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The rule that made the event's id, from 1; see [`IdRule`]. [`encode`] writes [`ID_RULE`].
    #[serde(default = "first_version", skip_serializing_if = "is_first_version")]
    pub id_rule: u32,
}

/// The rule by which this program makes the ids of new events.
pub const ID_RULE: u32 = 3;

fn first_version() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_first_version(version: &u32) -> bool {
    *version == first_version()
}

impl Metadata {
    /// Metadata of an event that belongs to a booking.
    #[must_use]
    pub fn of_booking(booking: BookingId, actor: &str, at: Timestamp) -> Self {
        Self { correlation: Some(booking.0), ..Self::new(actor, at) }
    }

    /// Metadata of an event of which it is not said what it belongs to.
    #[must_use]
    pub fn new(actor: &str, at: Timestamp) -> Self {
        Self { correlation: None, causation: None, actor: actor.to_owned(), v: 1, at, trace: None, id_rule: ID_RULE }
    }
}

/// An event that was read from the log, with its place and metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Place in the whole log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamName,
    /// Index in the stream.
    pub revision: Revision,
    /// Its id.
    pub id: Uuid,
    /// The event itself.
    pub event: Event,
    /// Its metadata.
    pub metadata: Metadata,
}

/// A stored event that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {revision} of {stream} ({event_type}) can't be read: {why}")]
pub struct Unreadable {
    /// Its stream.
    pub stream: StreamName,
    /// Index in the stream.
    pub revision: Revision,
    /// The event type that it is stored under.
    pub event_type: String,
    /// What is wrong.
    pub why: String,
}
