//! Bookings: from hold to confirmed, aborted or refunded.

pub mod cancel;
pub mod extend;
pub mod get;
pub mod hold;
pub mod pay;
pub mod refund;
