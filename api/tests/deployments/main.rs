//! The files in `deploy`, against the program. Real proxies run the examples: two deployments, each with a store of its
//! own, at nginx; two nodes at nginx and at Caddy. Dashboards, alert rules, chart and unit name what the program has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(clippy::print_stderr, reason = "the counts belong to what the test says")]

mod caddy;
mod deployment;
mod ingress;
mod market;
mod monitoring;
mod nginx;
mod node_killed;
mod observed;
mod proxy;
mod routing;
mod sale;
mod settings;
#[path = "../support/mod.rs"]
mod support;
