//! Ports that this process serves by itself, without a network: the embedded default.
//!
//! Locks and counts are kept in memory and are gone after a restart, which costs nothing: the event
//! log is the only authority.

mod clock_and_ids;
mod free_of_charge;
mod rate_limiter;
mod seat_guard;
mod steady_clock;

pub use clock_and_ids::{SystemClock, TimeOrderedIds, random_number};
pub use free_of_charge::FreeOfCharge;
pub use rate_limiter::InProcessLimiter;
pub use seat_guard::InProcessGuard;
pub use steady_clock::SteadyClock;
