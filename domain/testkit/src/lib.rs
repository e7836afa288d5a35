//! For tests only.
//!
//! * [`given`]: given/when/then for the rules.
//! * [`event_log`], [`seat_guard`], [`rate_limit`], [`payments`], [`accounts`], [`mailer`]: one contract suite for each port. Every
//!   adapter runs the suite of its port, so a test double can't accept what the real service refuses.
//! * [`MemoryLog`], [`FaultyGuard`], [`FaultyGateway`]: test doubles that fail on purpose.
//! * [`scripted_log`]: a log whose events and positions the test supplies.
//! * [`world`], [`history`]: valid histories of events, written by the real deciders.
//! * [`pictures`]: files that can be a show's picture.
//! * [`SteppingClock`], [`TokioClock`](scripted_log::TokioClock): clocks that a test controls.
//! * [`JumpingTime`]: a machine's clock that is set forward and back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "for tests only"
)]

pub mod accounts;
mod counted_reads;
pub mod event_log;
mod faulty_gateway;
mod faulty_guard;
mod forwarding;
pub mod given;
pub mod history;
mod jumping_time;
mod kept_seats;
pub mod mailer;
mod memory_log;
mod partial_refunds;
pub mod payments;
pub mod pictures;
mod plain_codes;
pub mod rate_limit;
pub mod scripted_log;
pub mod seat_guard;
pub mod skipped;
pub mod stepping_clock;
pub mod world;

pub use counted_reads::{Reads, counted_reads};
pub use faulty_gateway::{FaultyGateway, GatewayCall, GatewayCallFault};
pub use faulty_guard::{AbsentGuard, FaultyGuard, GuardFault};
pub use forwarding::{ForwardGateway, ForwardLog, ForwardingGateway, ForwardingLog};
pub use jumping_time::JumpingTime;
pub use memory_log::{AppendFault, MemoryLog};
pub use plain_codes::PlainCodes;
pub use stepping_clock::SteppingClock;
