//! The rules, command by command: one program, because each test program takes a while to build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod block;
mod booking;
mod deliveries;
mod exchange;
mod loyalty;
mod names;
mod partial_refund;
mod payment_attempts;
mod picture;
mod plan;
mod quota;
mod refund;
mod reward_code;
mod seat;
mod settle;
mod show;
mod show_plan;
#[path = "../support/mod.rs"]
mod support;
mod ticket;
mod till;
mod voucher;
mod withdrawal;
