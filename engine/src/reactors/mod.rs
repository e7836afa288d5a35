//! Consumers of events that issue commands: expiry, recovery, rewards.

pub(crate) mod docket;
pub(crate) mod follower;
pub(crate) mod rewards;
