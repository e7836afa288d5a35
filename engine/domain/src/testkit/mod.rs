//! Test kits: given/when/then for the rules, and one contract suite a port.

pub mod event_log;
pub mod given;
pub mod payments;
pub mod rate_limit;
pub mod seat_guard;
pub mod stepping_clock;

pub use stepping_clock::SteppingClock;
