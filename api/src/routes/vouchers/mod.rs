//! Vouchers: campaigns that issue them, and goods that are handed over for them.

pub mod campaigns;
pub mod codes;
pub mod redeem;
