//! What is the caller's own.

pub mod bookings;
pub mod claim;
pub mod redeem;
pub mod rewards;
