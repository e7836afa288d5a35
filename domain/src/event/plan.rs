//! Events of a plan's stream.

use crate::ids::PlanId;
use crate::plan::Drawing;
use serde::{Deserialize, Serialize};

/// A part of a revision of a plan is drawn. The revision exists once its last part is there, and never changes then: what
/// is drawn later is another revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDrawn {
    /// The plan.
    pub plan: PlanId,
    /// From 1.
    pub revision: u32,
    /// From 1.
    pub part: u32,
    /// How many parts the revision has. A small plan has one.
    pub parts: u32,
    /// Of the whole revision: see [`Drawing::fingerprint`].
    pub fingerprint: String,
    /// What the part has.
    pub drawing: Drawing,
}
