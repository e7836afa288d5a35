//! For tests: given/when/then for the rules, one contract suite per port, and ports that fail on purpose.
//!
//! Every adapter runs the suite of its port, so a test double can't pass what the real service
//! refuses. [`MemoryLog`], [`FlakyGuard`] and [`FaultyGateway`] are the doubles that tests inject
//! faults through; [`world`] and [`history`] make valid histories with the real deciders.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "for tests only"
)]

pub mod event_log;
mod faulty_gateway;
mod faulty_guard;
pub mod given;
pub mod history;
mod memory_log;
pub mod payments;
pub mod rate_limit;
pub mod scripted_log;
pub mod seat_guard;
pub mod skipped;
pub mod stepping_clock;
pub mod world;

pub use faulty_gateway::{FaultyGateway, GatewayCall, Misfortune};
pub use faulty_guard::{AbsentGuard, FlakyGuard, GuardMood};
pub use memory_log::{AppendFault, MemoryLog};
pub use stepping_clock::SteppingClock;
