//! Vouchers: campaigns that issue them, goods that are handed over for them, and how they are withdrawn.

pub mod campaigns;
pub mod codes;
pub mod redeem;
pub mod withdraw;
