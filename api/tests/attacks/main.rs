//! Attacks from outside, in small: forged tokens, smuggled requests, random requests. docs/SECURITY.md has the
//! table. `LASTSEAT_ATTACK_REQUESTS` sets the number of random requests (4,000), `LASTSEAT_ATTACK_SEED` which.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "../common/mod.rs"]
mod common;
mod foreign_tokens;
mod forged_tokens;
mod random_requests;
mod raw;
mod smuggling;
#[path = "../support/mod.rs"]
mod support;
