//! What is the caller's own.

pub mod bookings;
pub mod redeem;
pub mod rewards;
