//! For auditors: the history itself, and what it proves.

pub mod events;
pub mod verification;
