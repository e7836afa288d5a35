//! Whole engine nodes over one log, one gateway and a real Redis, in real time. Redis may do what it
//! likes: it costs speed, and never a seat.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod crowd;
mod house;
mod rushes;
mod storms;
mod twins;
mod verdict;
