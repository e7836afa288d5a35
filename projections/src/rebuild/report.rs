//! What a rebuild has found.

use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use serde::Serialize;

/// Result of a rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebuildReport {
    /// End of the log, and the position of every view now.
    pub position: Position,
    /// Events folded.
    pub events: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// View by view.
    pub views: Vec<RebuiltView>,
}

/// Result of a rebuild for one view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebuiltView {
    /// Which.
    pub name: &'static str,
    /// Events folded into it.
    pub events: u64,
    /// Position of the stored view; `None` if there was none, or none that could be compared.
    pub checkpoint: Option<Position>,
    /// Whether the fold gave the same bytes there; `None` if there was nothing to compare.
    pub identical: Option<bool>,
    /// Why there was nothing to compare, if something was stored.
    pub problem: Option<String>,
    /// SHA-256 of the view as it is stored now, in hex.
    pub sha256: String,
}
