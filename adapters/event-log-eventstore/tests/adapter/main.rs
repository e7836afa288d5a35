//! The log in an EventStoreDB, and what goes wrong with one: one program, because each test program takes a while to build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod access;
mod calm;
#[path = "../../../../engine/tests/common/mod.rs"]
mod common;
mod contract;
mod disturbed;
mod engine;
mod faults;
mod foreign_events;
mod quirks;
mod reconnecting;
mod support;
