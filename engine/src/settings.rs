//! Limits and waiting times of the engine.

use std::time::Duration;

/// Bounds of the engine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Commands under way at once; one more is answered with `Fault::Busy`.
    pub max_in_flight: usize,
    /// An actor without work for this long is stopped; its history stays.
    pub passivate_after: Duration,
    /// A payment that has not moved for this long is looked at by the reactor.
    pub settle_after: Duration,
    /// How long a caller waits for the payment gateway before being told "not known yet".
    pub payment_patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_in_flight: 4096,
            passivate_after: Duration::from_secs(5),
            settle_after: Duration::from_secs(10),
            payment_patience: Duration::from_secs(10),
        }
    }
}
