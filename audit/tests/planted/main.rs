//! Logs with planted violations, and what the audit finds in each: one program, because each test program takes a while to build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod deliveries;
mod exchanges;
mod guests;
mod opening_vouchers;
mod partial_refunds;
mod plans;
mod planting;
mod reward_codes;
mod tickets;
mod violations;
