//! What the engine needs of the outside world: one adapter per port, chosen by whoever starts it.

use lastseat_domain::ports::{Clock, EventLog, Ids, PaymentGateway, SeatGuard};
use std::sync::Arc;

/// What the engine needs of the outside world.
#[derive(Clone)]
pub struct Ports {
    /// The authority.
    pub log: Arc<dyn EventLog>,
    /// The filter in front of it.
    pub guard: Arc<dyn SeatGuard>,
    /// Who takes the money.
    pub payments: Arc<dyn PaymentGateway>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identities.
    pub ids: Arc<dyn Ids>,
}
