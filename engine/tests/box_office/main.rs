//! The box office as its callers see it, on memory and on files: one program, because each test program takes a while to build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod actors;
mod batch;
mod batch_commits;
mod block_crashes;
mod blocks;
mod booking_path;
mod busy_log;
mod campaigns;
mod client_side;
mod clock_jumps;
mod clocks;
#[path = "../common/mod.rs"]
mod common;
mod confused_gateway;
mod deliveries;
mod exchange;
mod faults;
mod guard_faults;
mod hanging_gateway;
mod health;
mod keyed_refusals;
mod late_payments;
mod metadata;
mod nodes;
mod once;
mod opening_vouchers;
mod partial_refunds;
mod pictures;
mod plans;
mod recovery;
mod reviews;
mod reward_codes;
mod rewards;
mod rivals;
mod show_refunds;
mod snapshots;
mod tickets;
mod till;
mod twins;
mod vouchers;
mod withdrawal;
mod worn_vouchers;
