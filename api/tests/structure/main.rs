//! The structure of the code base, checked: which crate depends on which, who names an adapter, and
//! that no two files of a crate depend on each other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod crates;
mod currencies;
mod cycles;
mod modules;
mod references;
mod workspace;
