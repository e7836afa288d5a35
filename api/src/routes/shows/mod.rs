//! Shows: their plan, their prices, their sale, their seats.

mod answers;
pub mod blocks;
pub mod checkins;
pub mod control;
pub mod copies;
pub mod create;
pub mod picture;
pub mod read;
pub mod refunds;
pub mod revise;
pub mod sales;
pub mod seats;
mod seats_at;
pub mod stream;
pub mod tickets;
