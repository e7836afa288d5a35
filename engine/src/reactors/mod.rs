//! Tasks that consume the log's events and issue commands: expiry, recovery, rewards.

mod cause;
mod confirmed_bookings;

pub(crate) mod fold;
pub(crate) mod log_follower;
mod pending_blocks;
pub(crate) mod pending_bookings;
mod pending_campaigns;
mod recovery;
pub(crate) mod rewards;
pub(crate) mod show_refunds;
