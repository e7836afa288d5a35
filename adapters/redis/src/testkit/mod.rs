//! Redis to test with (feature `testkit`): a server, a cluster and a Sentinel set-up of their own
//! on free loopback ports, and a network between that can go bad.
//!
//! Each ends what it started when it is dropped, at a panic too. `start` gives `None` where Redis is
//! not installed, and says so on stderr; with `LASTSEAT_REQUIRE_SERVICES=1` it fails.
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
