//! Logs with planted violations, and what the audit finds in each: one program, because each test program takes a while to build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod blocks;
mod deliveries;
mod exchanges;
mod guests;
mod holds;
mod money;
mod opening_vouchers;
mod partial_refunds;
mod pictures;
mod plans;
mod planting;
mod prices;
mod reward_codes;
mod sales;
mod tampering;
mod tickets;
mod valid_histories;
mod vouchers;
mod withdrawal;
