//! What a client of the HTTP API sees, over real connections: one program, because each test program takes a while to build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod accounts;
mod bad_input;
mod batch;
mod blocks;
mod caching;
mod challenges;
#[path = "../common/mod.rs"]
mod common;
mod connections;
mod contract;
mod cors;
mod crowds;
mod guests;
mod idempotency;
mod offline;
mod oidc;
mod opening_vouchers;
mod pictures;
mod plans;
mod prices;
mod reading;
mod refunds;
mod reward_codes;
mod shows;
#[path = "../support/mod.rs"]
mod support;
mod tickets;
mod till;
mod tokens;
mod vouchers;
mod withdrawal;
