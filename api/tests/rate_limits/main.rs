//! Rate limits over HTTP: who is counted, what they are answered, and what a client can't forge.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod addresses;
mod callers;
#[path = "../common/mod.rs"]
mod common;
mod configured;
mod guests;
mod idempotency;
mod node;
mod nodes;
mod questions;
mod redis;
#[path = "../support/mod.rs"]
mod support;
