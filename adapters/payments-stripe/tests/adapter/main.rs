//! The adapter against servers that answer well, badly or not at all.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod contract;
mod examine;
mod failures;
mod outage;
mod reading;
mod secrets;
mod server;
mod stripe_mock;
mod support;
