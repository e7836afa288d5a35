//! Plans: seats with ids and labels, drawn once, that many shows are put on.

pub mod draw;
mod pretix;
pub mod read;
#[cfg(test)]
mod tests;

use crate::compression::Coding;
use crate::kept_bytes::KeptBytes;
use lastseat_domain::PlanId;

/// Revisions of plans as they are sent, by coding. One of 100,000 seats has 1.2 MB in `br`, and takes a tenth of a second to
/// write and compress: too long for each of the buyers who come when a sale opens.
pub type CompressedPlans = KeptBytes<(PlanId, u32, Coding)>;
