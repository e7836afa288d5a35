//! Tickets at the entrance.

pub mod checkins;
pub mod key;
pub mod offline;
