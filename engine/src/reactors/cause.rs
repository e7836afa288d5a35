//! The event that something follows from.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The event that something follows from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    pub event: Uuid,
    pub trace: Option<String>,
}
