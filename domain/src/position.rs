//! Where an event is: in its stream, and in the whole log.

use serde::{Deserialize, Serialize};

/// Zero-based index of an event in its stream.
pub type Revision = u64;

/// Place in the whole log. Grows with every event: without gaps in the embedded log, with gaps in
/// EventStoreDB. `Position::START` (0) is before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event. No event has this position.
    pub const START: Self = Self(0);
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
