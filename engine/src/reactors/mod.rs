//! Tasks that consume the log's events and issue commands: expiry, recovery, rewards.

mod pending_bookings;

pub(crate) mod log_follower;
mod recovery;
pub(crate) mod rewards;
