//! The event log server as its clients see it: one program, because each test program takes a while to build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod access;
mod appending;
mod common;
mod disturbed;
mod dotnet_client;
mod endings;
mod generated_code;
mod pipelining;
mod places;
mod protocol;
mod reading;
mod subscribing;
mod subscription_ends;
