//! The rules, command by command: one program, because each test program takes a while to build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod block;
mod booking;
mod deliveries;
mod loyalty;
mod names;
mod partial_refund;
mod payment_attempts;
mod picture;
mod plan;
mod quota;
mod seat;
mod settle;
mod show;
#[path = "../support/mod.rs"]
mod support;
mod ticket;
mod voucher;
mod withdrawal;
