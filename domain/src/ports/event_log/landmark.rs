//! How a log is recognised: what was computed from one log must not be used with another.

use super::{Direction, EventLog, LogFault, Position, RecordedEvent, Revision};
use crate::envelope::Envelope;
use crate::stream_name::StreamName;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// An event that shows whether a log is the one that something was computed from. Ids are derived, so a log that was
/// restored from a backup can get the same event again, at another position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landmark {
    /// Its place in the whole log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamName,
    /// Its index in the stream.
    pub revision: Revision,
    /// Its id.
    pub id: Uuid,
}

impl Landmark {
    /// Whether the log has this event, at this position.
    ///
    /// # Errors
    /// [`LogFault`] if the log can't be read.
    pub async fn is_in(&self, log: &dyn EventLog) -> Result<bool, LogFault> {
        let found = log.read_stream(&self.stream, Some(self.revision), Direction::Forwards, 1).await?;
        Ok(found.first().is_some_and(|event| *self == Self::from(&**event)))
    }
}

impl From<&RecordedEvent> for Landmark {
    fn from(event: &RecordedEvent) -> Self {
        Self { position: event.position, stream: event.stream.clone(), revision: event.revision, id: event.id }
    }
}

impl From<&Envelope> for Landmark {
    fn from(event: &Envelope) -> Self {
        Self { position: event.position, stream: event.stream.clone(), revision: event.revision, id: event.id }
    }
}

impl fmt::Display for Landmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {} of {} at position {}", self.revision, self.stream, self.position)
    }
}
