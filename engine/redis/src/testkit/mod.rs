//! Redis to test with (feature `testkit`): a server, a cluster and a Sentinel set-up of their own
//! on free loopback ports, and a network between that can go bad.
//!
//! Each ends what it started when it is dropped, at a panic too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod program;
mod server;

pub use server::{RedisServer, ServerOptions};
