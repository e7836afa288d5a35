//! Events of the stream `operations-log`.

use serde::{Deserialize, Serialize};

/// The log has lost acknowledged events, and an operator has decided to go on with what is left. What was
/// sold by the lost events is not known to the log, and may be sold again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossAccepted {
    /// Position up to which events were acknowledged; absent if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_position: Option<u64>,
    /// Position of the last event that was left.
    pub found_position: u64,
    /// How the loss showed.
    pub reason: String,
    /// Who decided: the user of the operating system that started the server.
    pub by: String,
}
