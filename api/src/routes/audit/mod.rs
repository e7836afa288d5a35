//! For auditors: the history itself.

pub mod events;
