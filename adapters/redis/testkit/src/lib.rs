//! Redis to test with: a server, a cluster and a Sentinel set-up of their own
//! on free loopback ports, and a network in between that can fail.
//!
//! Each ends what it started when it is dropped, also after a panic. Where Redis is not installed,
//! `start` records the test as skipped and returns `None`; with `LASTSEAT_REQUIRE_SERVICES=1` it panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod cluster;
mod program;
mod proxy;
mod sentinel;
mod server;

pub use cluster::RedisCluster;
pub use proxy::{Network, Proxy};
pub use sentinel::Sentinel;
pub use server::{RedisServer, ServerOptions};
