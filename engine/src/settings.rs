//! The engine's limits and time-outs.

use lastseat_domain::Money;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Settings {
    /// Commands in flight at the same time; the next one is answered with `Fault::Busy`.
    pub max_in_flight: usize,
    /// An actor without work for this long is stopped. Its history stays in the log.
    pub passivate_after: Duration,
    /// Actors of seats in memory without work. Beyond that, those used longest ago are stopped.
    pub max_seat_actors: usize,
    /// A payment that has not moved for this long is looked at by the booking process.
    pub settle_after: Duration,
    /// How long a caller waits for the payment gateway before the answer is "not known yet".
    pub payment_patience: Duration,
    /// Whether the payment gateway charges an amount: it may have a least one.
    pub can_charge: fn(Money) -> bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_in_flight: 4096,
            passivate_after: Duration::from_secs(5),
            max_seat_actors: 8192,
            settle_after: Duration::from_secs(10),
            payment_patience: Duration::from_secs(10),
            can_charge: |_| true,
        }
    }
}
