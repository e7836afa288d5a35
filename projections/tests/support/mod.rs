//! What the tests and the bench share: a log and a clock to hold in the hand, and valid histories
//! made with the domain's own deciders.
#![allow(dead_code, missing_docs, reason = "each user of this module takes a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "for tests only"
)]

pub mod history;
pub mod log;
pub mod world;
