//! Messages to the shop's endpoints.

use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use uuid::Uuid;

/// An endpoint's deliveries.
#[derive(Debug, Default)]
pub(crate) struct DeliveryFact {
    pub reached: Option<Position>,
    /// Whether something up to there was not taken.
    pub is_pending: bool,
    pub sender: Option<(Uuid, Timestamp)>,
}
