//! Payments over Stripe's API: real processes, the sandbox as the gateway, and everything that goes wrong
//! between them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(clippy::print_stderr, reason = "the counts belong to what the test says")]

mod crash_points;
mod disturbed;
mod proxy;
mod sandbox;
#[path = "../support/mod.rs"]
mod support;
