//! Consumers of events that issue commands: expiry, recovery, rewards.

pub(crate) mod log_follower;
pub(crate) mod pending_bookings;
pub(crate) mod progress;
pub(crate) mod rewards;
