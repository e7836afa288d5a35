//! Two deployments, each with a store of its own, behind a real nginx that runs the example in `deploy/nginx`:
//! what the proxy routes where, and a sale that does not notice that the other deployment's store is killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(clippy::print_stderr, reason = "the counts belong to what the test says")]

mod deployment;
mod market;
mod nginx;
mod routing;
mod sale;
#[path = "../support/mod.rs"]
mod support;
