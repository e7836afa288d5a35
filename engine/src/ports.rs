//! The ports of the engine: what it needs from outside.

use lastseat_domain::ports::{Clock, EventLog, Ids, PaymentGateway, SeatGuard, VoucherCodes};
use std::sync::Arc;

/// What the engine needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// The only authority.
    pub log: Arc<dyn EventLog>,
    /// A filter that keeps losers away from the log. It may be wrong.
    pub guard: Arc<dyn SeatGuard>,
    pub payments: Arc<dyn PaymentGateway>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub vouchers: Arc<dyn VoucherCodes>,
}
