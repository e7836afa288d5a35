//! Whole engine nodes over one log, one gateway and a real Redis, in real time. Whatever Redis
//! does costs speed, never a seat.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod cluster;
mod crowd;
mod faults;
mod outcome;
mod rushes;
mod twins;
