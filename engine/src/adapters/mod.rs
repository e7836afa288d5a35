//! The outside world, port by port. Which adapter serves is chosen in one place, the wiring of the
//! binary; nothing else names one.

pub mod event_log;
pub mod file_lock;
pub mod payments;
pub mod rate_limit;
pub mod seat_guard;
pub mod world;
