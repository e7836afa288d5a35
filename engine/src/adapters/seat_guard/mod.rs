//! Seat guards: expiring locks that keep losers away from the log.
//!
//! A guard is a filter. It may lose everything, or be wrong, and no seat is sold twice for it.

mod in_process;
#[cfg(any(test, feature = "testkit"))]
mod testkit;

pub use in_process::InProcessGuard;
#[cfg(any(test, feature = "testkit"))]
pub use testkit::{AbsentGuard, FlakyGuard, GuardMood};
